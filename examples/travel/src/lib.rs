//! A travel agency in the shape that the literature uses (DeathStarBench's hotel
//! reservation, extended with flights by Beldi, OSDI 2020): a trip is a room, a
//! seat and an order, all or nothing, and nothing is ever oversold.

pub mod flight;
pub mod hotel;
pub mod order;

use flight::{Flights, FlightsClient};
use hotel::{Hotels, HotelsClient};
use order::{Orders, OrdersClient};
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
    skylark::with_mut(|hotels: &mut Hotels| hotels.offer(hotel, rooms));
    skylark::with_mut(|flights: &mut Flights| flights.offer(flight, seats));
}

/// Reserves a trip in one step over the three services.
#[skylark::function]
pub fn reserve(trip: Trip) -> Result<u64, String> {
    skylark::transaction(|| {
        skylark::with_mut(|hotels: &mut Hotels| hotels.take_room(trip.hotel.clone()))?;
        skylark::with_mut(|flights: &mut Flights| flights.take_seat(trip.flight.clone()))?;
        Ok(skylark::with_mut(|orders: &mut Orders| orders.place(trip)))
    })
}

/// Reserves a trip by calling the services, room and seat at once, and gives back
/// what was taken if the other is not to be had.
#[skylark::function]
pub async fn reserve_by_calls(trip: Trip) -> Result<u64, String> {
    let (room, seat) = skylark::join!(
        HotelsClient.take_room(trip.hotel.clone()),
        FlightsClient.take_seat(trip.flight.clone()),
    )
    .await;
    match (room, seat) {
        (Ok(_), Ok(_)) => OrdersClient.place(trip).await.map_err(|e| e.message),
        (room, seat) => {
            if room.is_ok() {
                let back = HotelsClient.give_room_back(trip.hotel).await;
                back.map_err(|e| e.message)?;
            }
            if seat.is_ok() {
                let back = FlightsClient.give_seat_back(trip.flight).await;
                back.map_err(|e| e.message)?;
            }
            let why = room.err().or(seat.err()).map(|e| e.message);
            Err(why.unwrap_or_default())
        }
    }
}
