//! The eastern branch: where money goes. It has so many accounts that they are not
//! read whole.

use skylark::{Map, prelude::*};

#[skylark::state(rename = "EAST")]
static ACCOUNTS: Map<String, i64> = Map::new();

pub(crate) fn open(name: String, cents: i64) {
    ACCOUNTS.set(name, cents);
}

pub(crate) fn sum() -> i64 {
    ACCOUNTS.iter().values().sum()
}

/// Puts money in, and yields the balance.
#[skylark::function]
pub fn deposit(name: String, cents: i64) -> Result<i64, String> {
    ACCOUNTS.update(&name, |balance| match balance {
        Some(balance) => {
            *balance += cents;
            Ok(*balance)
        }
        None => Err(format!("no account `{name}` in the east")),
    })
}
