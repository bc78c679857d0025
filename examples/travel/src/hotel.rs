//! Hotels and their rooms.

use skylark::prelude::*;
use std::{collections::BTreeMap, sync::Mutex};

/// Free rooms by hotel.
#[skylark::state]
static ROOMS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

pub(crate) fn offer(name: String, count: u32) {
    ROOMS.lock().unwrap().insert(name, count);
}

/// Takes a room, and yields how many are left.
#[skylark::function]
pub fn take_room(hotel: String) -> Result<u32, String> {
    let mut free = ROOMS.lock().unwrap();
    match free.get_mut(&hotel) {
        Some(0) => Err(format!("no room is left: {hotel}")),
        Some(left) => {
            *left -= 1;
            Ok(*left)
        }
        None => Err(format!("there is no hotel `{hotel}`")),
    }
}

/// Gives a room back.
#[skylark::function]
pub fn give_room_back(hotel: String) {
    *ROOMS.lock().unwrap().entry(hotel).or_default() += 1;
}
