//! What all handlers share.

use crate::{events::Event, orders::Order};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Mutex as AsyncMutex;

/// What all handlers share; a clone is the same state.
#[derive(Clone, Default)]
pub struct AppState {
    /// Events by their numbers.
    pub events: Arc<RwLock<BTreeMap<u32, Event>>>,
    /// Orders by their numbers, from 1.
    pub orders: Arc<Mutex<BTreeMap<u64, Order>>>,
    /// Cents by holder.
    pub accounts: Arc<AsyncMutex<BTreeMap<String, u64>>>,
    next_order: Arc<AtomicU64>,
}

impl AppState {
    /// An empty house.
    pub fn new() -> Self {
        Self {
            events: Arc::default(),
            orders: Arc::default(),
            accounts: Arc::new(AsyncMutex::new(BTreeMap::new())),
            next_order: Arc::new(AtomicU64::new(1)),
        }
    }

    /// A number that no order has yet.
    pub fn take_number(&self) -> u64 {
        self.next_order.fetch_add(1, Ordering::Relaxed)
    }
}
