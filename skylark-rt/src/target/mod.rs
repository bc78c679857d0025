//! Where the program runs: what differs, behind the same few names.
//!
//! A target gives `Fetch` (reads a variable that the request did not carry),
//! `abort` (ends the running call with a failure), `suspend` (ends its stretch with a
//! wait), `log`, and `resumed` (the clock goes on from when what was waited for was
//! made).

#[cfg(target_family = "wasm")]
pub(crate) mod wasm_node;
#[cfg(all(target_family = "wasm", feature = "thrift"))]
pub(crate) use wasm_node::suspend;
#[cfg(target_family = "wasm")]
pub(crate) use wasm_node::{Fetch, abort, log, resumed};

#[cfg(not(target_family = "wasm"))]
pub mod native;
#[cfg(all(not(target_family = "wasm"), feature = "thrift"))]
pub(crate) use native::suspend;
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Fetch, abort, log, resumed};
