//! The eastern branch: where money goes.

use crate::Accounts;
use skylark::prelude::*;
use std::sync::Mutex;

#[skylark::state(rename = "EAST")]
static ACCOUNTS: Mutex<Accounts> = Mutex::new(Accounts::new());

pub(crate) fn open(name: String, cents: i64) {
    ACCOUNTS.lock().unwrap().insert(name, cents);
}

pub(crate) fn sum() -> i64 {
    ACCOUNTS.lock().unwrap().values().sum()
}

/// Puts money in, and yields the balance.
#[skylark::function]
pub fn deposit(name: String, cents: i64) -> Result<i64, String> {
    let mut accounts = ACCOUNTS.lock().unwrap();
    let balance = accounts
        .get_mut(&name)
        .ok_or_else(|| format!("no account `{name}` in the east"))?;
    *balance += cents;
    Ok(*balance)
}
