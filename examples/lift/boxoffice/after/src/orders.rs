//! Orders: seats of an event that somebody has paid for.

use crate::{
    AppState,
    config::CONFIG,
    events,
    payments::{self, Charge},
    refused::Refused,
    state::ORDERS,
};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// Orders that were refused, for whatever reason.
#[skylark::state]
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Seats that somebody has paid for.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[skylark::function]
pub async fn place(new: NewOrder) -> Result<Order, Refused> {
    if new.seats == 0 || new.seats > CONFIG.max_seats {
        REFUSED.fetch_add(1, Ordering::Relaxed);
        return Err(Refused::new(
            422,
            format!("an order has 1 to {} seats", CONFIG.max_seats),
        ));
    }
    let cents = events::take(new.event, new.seats)? + CONFIG.fee;
    let charge = Charge { cents };
    let charged = skylark::call!(payments::charge(new.holder.clone(), charge))
        .await
        .map_err(Refused::from);
    match charged {
        Ok(_balance) => {}
        Err(refused) => {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            events::give_back(new.event, new.seats);
            return Err(refused);
        }
    }
    let order = Order {
        id: AppState::take_number(),
        holder: new.holder,
        event: new.event,
        seats: new.seats,
        cents,
    };
    // Nobody else has this number.
    ORDERS.lock().unwrap().insert(order.id, order.clone());
    Ok(order)
}

/// All orders, in the order in which they were placed.
#[skylark::function(name = "orders-list")]
pub fn list() -> Vec<Order> {
    ORDERS.lock().unwrap().values().cloned().collect()
}

/// One order.
#[skylark::function]
pub fn show(id: u64) -> Result<Order, Refused> {
    find(id)
}

/// Takes an order back: its seats are free again, and its holder gets the money.
#[skylark::function]
pub fn cancel(id: u64) -> Result<Order, Refused> {
    let order = find(id)?;
    payments::refund(&order.holder, order.cents);
    events::give_back(order.event, order.seats);
    ORDERS.lock().unwrap().remove(&id);
    Ok(order)
}

/// How business goes.
#[skylark::function]
pub fn stats() -> Stats {
    let orders = ORDERS.lock().unwrap();
    Stats {
        orders: orders.len(),
        refused: REFUSED.load(Ordering::Relaxed),
        cents: orders.values().map(|order| order.cents).sum(),
    }
}

fn find(id: u64) -> Result<Order, Refused> {
    let orders = ORDERS.lock().unwrap();
    let found = orders.get(&id).cloned();
    found.ok_or_else(|| Refused::new(404, format!("there is no order {id}")))
}
