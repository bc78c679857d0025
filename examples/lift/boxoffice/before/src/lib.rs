//! A box office: it announces events, sells their seats, and charges accounts.

pub mod config;
pub mod events;
pub mod orders;
pub mod payments;
pub mod state;

pub use state::AppState;

use axum::{
    Router,
    routing::{get, post, put},
};

/// Every route, over this state.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/events", get(events::list).post(events::announce))
        .route("/events/{id}/seats", get(events::seats))
        .route("/orders", get(orders::list).post(orders::place))
        .route("/orders/{id}", get(orders::show).delete(orders::cancel))
        .route("/stats", get(orders::stats))
        .route(
            "/accounts/{holder}",
            put(payments::open).get(payments::balance),
        )
        .route("/accounts/{holder}/charges", post(payments::charge))
        .with_state(state)
}
