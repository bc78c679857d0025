//! Events and their seats.

use crate::AppState;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

/// Something to see.
#[derive(Debug, Clone, Serialize)]
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
pub async fn list(State(state): State<AppState>, Query(wanted): Query<Wanted>) -> Json<Vec<Event>> {
    let events = state.events.read().unwrap();
    // A listing is a copy: nobody waits for its reader.
    let enough = events.values().filter(|e| e.seats >= wanted.seats);
    Json(enough.cloned().collect())
}

/// Announces an event, once.
pub async fn announce(
    State(state): State<AppState>,
    Json(NewEvent {
        id,
        title,
        seats,
        price,
    }): Json<NewEvent>,
) -> Result<(StatusCode, Json<Event>), (StatusCode, String)> {
    let mut events = state.events.write().unwrap();
    if events.contains_key(&id) {
        return Err((
            StatusCode::CONFLICT,
            format!("event {id} is announced already"),
        ));
    }
    let event = Event {
        title,
        seats,
        price,
    };
    events.insert(id, event.clone());
    Ok((StatusCode::CREATED, Json(event)))
}

/// How many seats an event has left.
pub async fn seats(
    State(state): State<AppState>,
    Path(id): Path<u32>,
) -> Result<Json<Seats>, StatusCode> {
    match state.events.read().unwrap().get(&id) {
        Some(event) => Ok(Json(Seats {
            event: id,
            left: event.seats,
        })),
        None => Err(StatusCode::NOT_FOUND),
    }
}

/// Takes seats, and yields what they cost.
pub(crate) fn take(state: &AppState, event: u32, seats: u32) -> Result<u64, (StatusCode, String)> {
    let mut events = state.events.write().unwrap();
    let event = events
        .get_mut(&event)
        .ok_or_else(|| (StatusCode::NOT_FOUND, format!("there is no event {event}")))?;
    if event.seats < seats {
        let left = event.seats;
        return Err((StatusCode::CONFLICT, format!("only {left} seats are left")));
    }
    event.seats -= seats;
    Ok(event.price * u64::from(seats))
}

/// Gives seats back.
pub(crate) fn give_back(state: &AppState, event: u32, seats: u32) {
    if let Some(event) = state.events.write().unwrap().get_mut(&event) {
        event.seats += seats;
    }
}
