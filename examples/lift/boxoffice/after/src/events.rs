//! Events and their seats.

use crate::{refused::Refused, state::EVENTS};
use serde::{Deserialize, Serialize};

/// Something to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub title: String,
    /// Seats that are not sold.
    pub seats: u32,
    /// Cents for one of them.
    pub price: u64,
}

/// An event to announce.
#[derive(Debug, Deserialize)]
pub struct NewEvent {
    pub id: u32,
    pub title: String,
    pub seats: u32,
    pub price: u64,
}

/// Which events to list.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// With so many free seats at least.
    #[serde(default)]
    pub seats: u32,
}

/// Seats that are left, and those that were asked for.
#[derive(Debug, Serialize)]
pub struct Seats {
    pub event: u32,
    pub left: u32,
}

/// Events that have enough seats, in the order of their numbers.
#[skylark::function(name = "events-list")]
pub fn list(wanted: Wanted) -> Vec<Event> {
    let events = EVENTS.read().unwrap();
    // A listing is a copy: nobody waits for its reader.
    let enough = events.values().filter(|e| e.seats >= wanted.seats);
    enough.cloned().collect()
}

/// Announces an event, once.
#[skylark::function]
pub fn announce(new_event: NewEvent) -> Result<Event, Refused> {
    let NewEvent {
        id,
        title,
        seats,
        price,
    } = new_event;
    let mut events = EVENTS.write().unwrap();
    if events.contains_key(&id) {
        return Err(Refused::new(
            409,
            format!("event {id} is announced already"),
        ));
    }
    let event = Event {
        title,
        seats,
        price,
    };
    events.insert(id, event.clone());
    Ok(event)
}

/// How many seats an event has left.
#[skylark::function]
pub fn seats(id: u32) -> Result<Seats, Refused> {
    match EVENTS.read().unwrap().get(&id) {
        Some(event) => Ok(Seats {
            event: id,
            left: event.seats,
        }),
        None => Err(Refused::new(404, "")),
    }
}

/// Takes seats, and yields what they cost.
pub(crate) fn take(event: u32, seats: u32) -> Result<u64, Refused> {
    let mut events = EVENTS.write().unwrap();
    let event = events
        .get_mut(&event)
        .ok_or_else(|| Refused::new(404, format!("there is no event {event}")))?;
    if event.seats < seats {
        let left = event.seats;
        return Err(Refused::new(409, format!("only {left} seats are left")));
    }
    event.seats -= seats;
    Ok(event.price * u64::from(seats))
}

/// Gives seats back.
pub(crate) fn give_back(event: u32, seats: u32) {
    if let Some(event) = EVENTS.write().unwrap().get_mut(&event) {
        event.seats += seats;
    }
}
