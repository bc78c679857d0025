//! Orders of trips.

use crate::Trip;
use skylark::{List, prelude::*};

/// All orders.
#[skylark::state]
#[derive(Debug, Default)]
pub struct Orders {
    /// By their numbers, from 1.
    #[skylark::state(rename = "ORDERS")]
    placed: List<Trip>,
}

#[skylark::service]
impl Orders {
    /// Notes an order and yields its number.
    pub fn place(&mut self, trip: Trip) -> u64 {
        self.placed.push(trip);
        self.placed.len()
    }
}
