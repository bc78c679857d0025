//! A box office: it announces events, sells their seats, and charges accounts.

pub mod config;
pub mod events;
pub mod orders;
pub mod payments;
pub mod refused;
pub mod state;

pub use state::AppState;
