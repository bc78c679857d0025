//! The command `cargo skylark`, as a library: what it does is also what the
//! project's own tasks do, so building an app ([`app`]), starting nodes
//! ([`cluster`]) and calling them ([`client`]) can be used from elsewhere.
//!
//! This is the one place on the compiler's side that touches files.

pub mod app;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod commands;
pub mod error;
pub mod output;
pub mod timeline;
