//! A travel agency in the shape that the literature uses (DeathStarBench's hotel
//! reservation, extended with flights by Beldi, OSDI 2020): a trip is a room, a
//! seat and an order, all or nothing, and nothing is ever oversold.

pub mod flight;
pub mod hotel;
pub mod order;

use serde::{Deserialize, Serialize};
use skylark::prelude::*;

/// A trip that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// Who travels.
    pub user: String,
    /// Where to sleep.
    pub hotel: String,
    /// How to get there.
    pub flight: String,
}

/// Offers rooms and seats.
#[skylark::function]
pub fn offer(hotel: String, rooms: u32, flight: String, seats: u32) {
    hotel::offer(hotel, rooms);
    flight::offer(flight, seats);
}

/// Reserves a trip in one step over the three services.
#[skylark::function]
pub fn reserve(trip: Trip) -> Result<u64, String> {
    skylark::transaction(|| {
        hotel::take_room(trip.hotel.clone())?;
        flight::take_seat(trip.flight.clone())?;
        Ok(order::place(trip.clone()))
    })
}

/// Reserves a trip by calling the services, room and seat at once, and gives back
/// what was taken if the other is not to be had.
#[skylark::function]
pub async fn reserve_by_calls(trip: Trip) -> Result<u64, String> {
    let (room, seat) = skylark::join!(
        skylark::call!(hotel::take_room(trip.hotel.clone())),
        skylark::call!(flight::take_seat(trip.flight.clone())),
    )
    .await;
    match (room, seat) {
        (Ok(_), Ok(_)) => {
            let placed = skylark::call!(order::place(trip)).await;
            placed.map_err(|e| e.message)
        }
        (room, seat) => {
            if room.is_ok() {
                let back = skylark::call!(hotel::give_room_back(trip.hotel)).await;
                back.map_err(|e| e.message)?;
            }
            if seat.is_ok() {
                let back = skylark::call!(flight::give_seat_back(trip.flight)).await;
                back.map_err(|e| e.message)?;
            }
            let why = room.err().or(seat.err()).map(|e| e.message);
            Err(why.unwrap_or_default())
        }
    }
}
