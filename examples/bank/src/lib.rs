//! A bank of two branches: whatever crashes, the total stays what it was.
//!
//! [`transfer`] moves money in one step, as a transaction over both branches.
//! [`wire`] moves it by calls that it awaits: the money is underway for a
//! while, and comes back if it cannot be booked.

pub mod east;
pub mod west;

use serde::{Deserialize, Serialize};
use skylark::prelude::*;
use std::collections::BTreeMap;

/// Accounts by name, in cents.
pub type Accounts = BTreeMap<String, i64>;

/// What is moved, from an account in the west to one in the east.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transfer {
    /// An account in the west.
    pub from: String,
    /// An account in the east.
    pub to: String,
    /// Cents.
    pub cents: i64,
}

/// Both balances after a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// Of the account in the west.
    pub from: i64,
    /// Of the account in the east.
    pub to: i64,
}

/// Opens an account in each branch under this name.
#[skylark::function]
pub fn open(name: String, cents: i64) {
    west::open(name.clone(), cents);
    east::open(name, cents);
}

/// Moves money in one step: both accounts, or neither.
#[skylark::function]
pub fn transfer(order: Transfer) -> Result<Balances, String> {
    skylark::transaction(|| {
        // Paid in first: a transfer that is refused takes that back too.
        let to = east::deposit(order.to.clone(), order.cents)?;
        let from = west::withdraw(order.from.clone(), order.cents)?;
        Ok(Balances { from, to })
    })
}

/// Moves money by calls: it leaves the one branch before it reaches the other,
/// and goes back if that has no such account.
#[skylark::function]
pub async fn wire(order: Transfer) -> Result<Balances, String> {
    let Transfer { from, to, cents } = order;
    let withdrawn = skylark::call!(west::withdraw(from.clone(), cents)).await;
    let left = withdrawn.map_err(|e| e.message)?;
    match skylark::call!(east::deposit(to, cents)).await {
        Ok(to) => Ok(Balances { from: left, to }),
        Err(refused) => {
            let back = skylark::call!(west::deposit_back(from, cents)).await;
            back.map_err(|e| e.message)?;
            Err(refused.message)
        }
    }
}

/// All money in both branches.
#[skylark::function]
pub fn total_money() -> i64 {
    west::sum() + east::sum()
}
