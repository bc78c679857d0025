//! Accounts, and what is charged to them.

use crate::{config, refused::Refused, state::ACCOUNTS};
use serde::{Deserialize, Serialize};

/// What to charge, or to open an account with.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Charge {
    pub cents: u64,
}

/// What an account has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Balance {
    pub holder: String,
    pub cents: u64,
}

/// Opens an account.
#[skylark::function]
pub fn open(holder: String, first: Charge) -> Result<(), Refused> {
    if !config::is_holder(&holder) {
        let why = format!("`{holder}` is no name for a holder");
        return Err(Refused::new(400, why));
    }
    ACCOUNTS.lock().unwrap().insert(holder, first.cents);
    Ok(())
}

/// What an account has.
#[skylark::function]
pub fn balance(holder: String) -> Result<Balance, Refused> {
    let accounts = ACCOUNTS.lock().unwrap();
    let cents = *accounts.get(&holder).ok_or_else(|| unknown(&holder))?;
    Ok(Balance { holder, cents })
}

/// Charges an account, and yields what is left.
#[skylark::function]
pub fn charge(holder: String, charge: Charge) -> Result<Balance, Refused> {
    let mut accounts = ACCOUNTS.lock().unwrap();
    let cents = accounts.get_mut(&holder).ok_or_else(|| unknown(&holder))?;
    if *cents < charge.cents {
        return Err(Refused::new(
            402,
            format!(
                "`{holder}` has {cents} cents, which is less than {}",
                charge.cents
            ),
        ));
    }
    *cents -= charge.cents;
    let cents = *cents;
    Ok(Balance { holder, cents })
}

/// Gives money back.
pub(crate) fn refund(holder: &str, cents: u64) {
    *ACCOUNTS
        .lock()
        .unwrap()
        .entry(holder.to_owned())
        .or_default() += cents;
}

fn unknown(holder: &str) -> Refused {
    Refused::new(404, format!("`{holder}` has no account"))
}
