//! What all handlers share.

use crate::{events::Event, orders::Order};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// What all handlers share; a clone is the same state.
pub struct AppState;

/// Events by their numbers.
#[skylark::state]
pub static EVENTS: RwLock<BTreeMap<u32, Event>> = RwLock::new(BTreeMap::new());

/// Orders by their numbers, from 1.
#[skylark::state]
pub static ORDERS: Mutex<BTreeMap<u64, Order>> = Mutex::new(BTreeMap::new());

/// Cents by holder.
#[skylark::state]
pub static ACCOUNTS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

#[skylark::state]
static NEXT_ORDER: AtomicU64 = AtomicU64::new(1);

impl AppState {
    /// A number that no order has yet.
    pub fn take_number() -> u64 {
        NEXT_ORDER.fetch_add(1, Ordering::Relaxed)
    }
}
