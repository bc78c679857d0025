//! The least that has state: a total that all runs share, counts per name, and
//! beside them a function that touches none and so costs no store round trip.

use skylark::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sum of all that was ever added.
#[skylark::state]
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// How often each name was counted.
#[skylark::state(scope = key(name))]
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The same, as long as there is no pause: it is forgotten a second after the last time.
#[skylark::state(scope = key(name), ttl = "1s")]
static STREAK: AtomicU64 = AtomicU64::new(0);

/// Adds to the total and yields it.
#[skylark::function]
pub fn add(amount: u64) -> u64 {
    TOTAL
        .fetch_add(amount, Ordering::Relaxed)
        .wrapping_add(amount)
}

/// Yields the total.
#[skylark::function]
pub fn total() -> u64 {
    TOTAL.load(Ordering::Relaxed)
}

/// Counts a name once more and yields how often it was counted. Names do not
/// wait for each other.
#[skylark::function]
pub fn count(name: String) -> u64 {
    let _ = name;
    COUNT.fetch_add(1, Ordering::Relaxed) + 1
}

/// Counts a name once more and yields how often it was counted without a pause.
#[skylark::function]
pub fn streak(name: String) -> u64 {
    let _ = name;
    STREAK.fetch_add(1, Ordering::Relaxed) + 1
}

/// Yields what it is given.
#[skylark::function]
pub fn echo(text: String) -> String {
    text
}
