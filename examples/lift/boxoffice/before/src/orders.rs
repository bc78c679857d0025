//! Orders: seats of an event that somebody has paid for.

use crate::{
    AppState,
    config::CONFIG,
    events,
    payments::{self, Charge},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// Orders that were refused, for whatever reason.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Seats that somebody has paid for.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    pub id: u64,
    pub holder: String,
    pub event: u32,
    pub seats: u32,
    pub cents: u64,
}

/// Seats that somebody wants.
#[derive(Debug, Clone, Deserialize)]
pub struct NewOrder {
    pub holder: String,
    pub event: u32,
    pub seats: u32,
}

/// How business goes.
#[derive(Debug, Serialize)]
pub struct Stats {
    pub orders: usize,
    pub refused: u64,
    pub cents: u64,
}

/// Sells seats: takes them, charges the holder, and notes the order. If the
/// holder cannot pay, the seats are given back.
pub async fn place(
    State(state): State<AppState>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), (StatusCode, String)> {
    if new.seats == 0 || new.seats > CONFIG.max_seats {
        REFUSED.fetch_add(1, Ordering::Relaxed);
        return Err((
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("an order has 1 to {} seats", CONFIG.max_seats),
        ));
    }
    let cents = events::take(&state, new.event, new.seats)? + CONFIG.fee;
    let charge = Charge { cents };
    let charged =
        payments::charge(State(state.clone()), Path(new.holder.clone()), Json(charge)).await;
    match charged {
        Ok(Json(_balance)) => {}
        Err(refused) => {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            events::give_back(&state, new.event, new.seats);
            return Err(refused);
        }
    }
    let order = Order {
        id: state.take_number(),
        holder: new.holder,
        event: new.event,
        seats: new.seats,
        cents,
    };
    // Nobody else has this number.
    state.orders.lock().unwrap().insert(order.id, order.clone());
    Ok((StatusCode::CREATED, Json(order)))
}

/// All orders, in the order in which they were placed.
pub async fn list(State(state): State<AppState>) -> Json<Vec<Order>> {
    Json(state.orders.lock().unwrap().values().cloned().collect())
}

/// One order.
pub async fn show(
    State(state): State<AppState>,
    Path(id): Path<u64>,
) -> Result<Json<Order>, (StatusCode, String)> {
    find(&state, id).map(Json)
}

/// Takes an order back: its seats are free again, and its holder gets the money.
pub async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<u64>,
) -> Result<Json<Order>, (StatusCode, String)> {
    let order = find(&state, id)?;
    payments::refund(&state, &order.holder, order.cents).await;
    events::give_back(&state, order.event, order.seats);
    state.orders.lock().unwrap().remove(&id);
    Ok(Json(order))
}

/// How business goes.
pub async fn stats(State(state): State<AppState>) -> impl IntoResponse {
    let orders = state.orders.lock().unwrap();
    Json(Stats {
        orders: orders.len(),
        refused: REFUSED.load(Ordering::Relaxed),
        cents: orders.values().map(|order| order.cents).sum(),
    })
}

fn find(state: &AppState, id: u64) -> Result<Order, (StatusCode, String)> {
    let orders = state.orders.lock().unwrap();
    let found = orders.get(&id).cloned();
    found.ok_or_else(|| (StatusCode::NOT_FOUND, format!("there is no order {id}")))
}
