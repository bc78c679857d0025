//! Hotels and their rooms.

use skylark::prelude::*;
use std::collections::BTreeMap;

/// All hotels.
#[skylark::state]
#[derive(Debug, Default)]
pub struct Hotels {
    /// Free rooms by hotel.
    #[skylark::state(rename = "ROOMS")]
    rooms: BTreeMap<String, u32>,
}

#[skylark::service]
impl Hotels {
    pub(crate) fn offer(&mut self, name: String, count: u32) {
        self.rooms.insert(name, count);
    }

    /// Takes a room, and yields how many are left.
    pub fn take_room(&mut self, hotel: String) -> Result<u32, String> {
        match self.rooms.get_mut(&hotel) {
            Some(0) => Err(format!("no room is left: {hotel}")),
            Some(left) => {
                *left -= 1;
                Ok(*left)
            }
            None => Err(format!("there is no hotel `{hotel}`")),
        }
    }

    /// Gives a room back.
    pub fn give_room_back(&mut self, hotel: String) {
        *self.rooms.entry(hotel).or_default() += 1;
    }
}
