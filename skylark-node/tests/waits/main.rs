//! Functions that wait, call and fan out, as real modules on real nodes and
//! every store.
//!
//! The modules are those of `examples/`; `cargo xtask test guests` builds them.

#[path = "../stores/redis_server.rs"]
#[allow(dead_code, unreachable_pub)]
mod redis_server;

#[path = "../common/guests.rs"]
mod guests;

#[path = "../common/eventually.rs"]
mod eventually;

mod applications;
mod errands;
mod fusion;
mod garbage;
mod lasting;
mod neighbours;
mod operators;
mod read_only;
mod recovery;
mod round_trips;
mod social;
mod world;
