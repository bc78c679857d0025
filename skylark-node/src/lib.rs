//! The Skylark node: runs modules, keeps their state, takes effect exactly once.

pub mod commands;
pub mod config;
pub mod daemon;
pub mod engine;
mod files;
pub mod http;
pub mod metered;
pub mod metrics;
pub mod node;
pub mod shutdown;
pub mod store;
