//! Runs modules: loads and compiles them, pools their instances, calls their
//! functions within limits.
//!
//! What a guest can do is bounded by construction: it sees its own linear
//! memory and the host functions of [`skylark_abi::names`], besides WASI
//! preview 1 with no files, no environment, no arguments and no sockets. Every
//! call gets an instance of its own from the pool, with the memory the module
//! starts with; nothing of an earlier call is in it, unless it is one that the node
//! fuses with this one ([`Live`]).
//!
//! A call's way: [`Module::call`] takes a slot of the pool, instantiates,
//! writes the request into the guest, runs it on a fiber that yields to the
//! executor at every tick of the epoch clock, and reads the response.

mod cache;
mod call;
mod capture;
mod command;
mod config;
mod constructors;
mod error;
mod failure;
mod host;
mod inspect;
mod limits;
mod module;
mod senses;
mod setup;
mod ticker;
mod trace;

pub use call::{Live, StateSource};
pub use command::{Command, CommandOutput};
pub use config::{CallLimits, EngineConfig};
pub use error::{EngineError, LoadError};
pub use module::Module;
pub use setup::Engine;
