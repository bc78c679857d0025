//! Flights and their seats.

use skylark::prelude::*;
use std::{collections::BTreeMap, sync::Mutex};

/// Free seats by flight.
#[skylark::state]
static SEATS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

pub(crate) fn offer(name: String, count: u32) {
    SEATS.lock().unwrap().insert(name, count);
}

/// Takes a seat, and yields how many are left.
#[skylark::function]
pub fn take_seat(flight: String) -> Result<u32, String> {
    let mut free = SEATS.lock().unwrap();
    match free.get_mut(&flight) {
        Some(0) => Err(format!("no seat is left: {flight}")),
        Some(left) => {
            *left -= 1;
            Ok(*left)
        }
        None => Err(format!("there is no flight `{flight}`")),
    }
}

/// Gives a seat back.
#[skylark::function]
pub fn give_seat_back(flight: String) {
    *SEATS.lock().unwrap().entry(flight).or_default() += 1;
}
