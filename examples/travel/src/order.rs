//! Orders of trips.

use crate::Trip;
use skylark::prelude::*;
use std::sync::Mutex;

/// Every order, by its number.
#[skylark::state]
static ORDERS: Mutex<Vec<Trip>> = Mutex::new(Vec::new());

/// Notes an order and yields its number, from 1.
#[skylark::function]
pub fn place(trip: Trip) -> u64 {
    let mut orders = ORDERS.lock().unwrap();
    orders.push(trip);
    orders.len() as u64
}
