//! What the house has decided once.

use regex_lite::Regex;
use std::sync::LazyLock;

/// The house's rules.
pub struct Config {
    /// Seats that one order may have.
    pub max_seats: u32,
    /// Cents that each order costs besides its seats.
    pub fee: u64,
}

/// The house's rules, read once.
#[skylark::init]
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| Config {
    max_seats: 8,
    fee: 150,
});

/// What a holder may be called.
#[skylark::init]
static HOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[a-z][a-z0-9_-]{1,31}$").expect("the pattern is sound"));

/// Whether accounts may have this name.
pub fn is_holder(name: &str) -> bool {
    HOLDER.is_match(name)
}
