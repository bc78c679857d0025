//! Where the program runs: what differs, behind the same few names.
//!
//! A target gives `Fetch` (reads a variable that the request did not carry),
//! `abort` (ends the running call with a failure), `log`, and `resumed` (the clock goes
//! on from when what was waited for was made).

#[cfg(target_family = "wasm")]
pub(crate) mod wasm_node;
#[cfg(target_family = "wasm")]
pub(crate) use wasm_node::{Fetch, abort, log, resumed};

#[cfg(not(target_family = "wasm"))]
pub mod native;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Fetch, abort, log, resumed};
