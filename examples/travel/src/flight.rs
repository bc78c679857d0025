//! Flights and their seats.

use skylark::prelude::*;
use std::collections::BTreeMap;

/// All flights.
#[skylark::state]
#[derive(Debug, Default)]
pub struct Flights {
    /// Free seats by flight.
    #[skylark::state(rename = "SEATS")]
    seats: BTreeMap<String, u32>,
}

#[skylark::service]
impl Flights {
    pub(crate) fn offer(&mut self, name: String, count: u32) {
        self.seats.insert(name, count);
    }

    /// Takes a seat, and yields how many are left.
    pub fn take_seat(&mut self, flight: String) -> Result<u32, String> {
        match self.seats.get_mut(&flight) {
            Some(0) => Err(format!("no seat is left: {flight}")),
            Some(left) => {
                *left -= 1;
                Ok(*left)
            }
            None => Err(format!("there is no flight `{flight}`")),
        }
    }

    /// Gives a seat back.
    pub fn give_seat_back(&mut self, flight: String) {
        *self.seats.entry(flight).or_default() += 1;
    }
}
