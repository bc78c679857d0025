//! The western branch: where money comes from.

use crate::Accounts;
use skylark::prelude::*;
use std::sync::Mutex;

#[skylark::state(rename = "WEST")]
static ACCOUNTS: Mutex<Accounts> = Mutex::new(Accounts::new());

pub(crate) fn open(name: String, cents: i64) {
    ACCOUNTS.lock().unwrap().insert(name, cents);
}

pub(crate) fn sum() -> i64 {
    ACCOUNTS.lock().unwrap().values().sum()
}

/// Takes money out, and yields what is left.
#[skylark::function]
pub fn withdraw(name: String, cents: i64) -> Result<i64, String> {
    let mut accounts = ACCOUNTS.lock().unwrap();
    let balance = accounts
        .get_mut(&name)
        .ok_or_else(|| format!("no account `{name}` in the west"))?;
    if cents < 0 || *balance < cents {
        return Err(format!(
            "`{name}` has {balance} cents, which is less than {cents}"
        ));
    }
    *balance -= cents;
    Ok(*balance)
}

/// Puts back what could not be booked elsewhere.
#[skylark::function]
pub fn deposit_back(name: String, cents: i64) {
    *ACCOUNTS.lock().unwrap().entry(name).or_default() += cents;
}
