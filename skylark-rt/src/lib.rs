//! Ordinary Rust handlers with ordinary globals, run as stateful WebAssembly
//! functions.
//!
//! Annotate a handler, and it can be called; annotate a `static`, and its value
//! is kept in a store between calls, wherever they run. What a call wrote, its
//! result and its successors take effect together or not at all.
//!
//! ```
//! use skylark::prelude::*;
//! use serde::{Deserialize, Serialize};
//! use std::{collections::BTreeMap, sync::Mutex};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Reading {
//!     station: String,
//!     celsius: f64,
//! }
//!
//! #[skylark::state] // shared by all runs
//! static HOT: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
//!
//! #[skylark::chain(next = count)] // the result goes to `count`
//! fn measure(reading: Reading) -> Option<String> {
//!     (reading.celsius > 60.0).then_some(reading.station)
//! }
//!
//! #[skylark::function] // the last link: its value is the run's result
//! fn count(station: Option<String>) -> u32 {
//!     let Some(station) = station else { return 0 };
//!     let mut hot = HOT.lock().unwrap();
//!     let times = hot.entry(station).or_default();
//!     *times += 1;
//!     *times
//! }
//!
//! # #[cfg(not(target_family = "wasm"))]
//! # fn main() -> Result<(), Failure> {
//! // `cargo test` runs the same chain in this process, with a store in memory.
//! let runtime = skylark::native::Runtime::new();
//! let hot = Reading { station: "north".into(), celsius: 71.5 };
//! assert_eq!(runtime.run::<u32>("measure", &hot)?, 1);
//! assert_eq!(runtime.run::<u32>("measure", &hot)?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! `cargo build --target wasm32-wasip1` makes the module that a node takes; the
//! library is a `cdylib`, and an `rlib` too for its tests.
//!
//! # What a function takes and yields
//!
//! - Arguments and results need serde's traits. One argument is the JSON value
//!   itself; several are a JSON object by their names, or an array in order;
//!   none is an empty body, `null` or `[]`. One argument that is [`Bytes`] is the body
//!   as it is.
//! - `T` and `Result<T, E>` with any `E` that displays. An `Err` ends the run with
//!   [`FailureKind::Returned`]; what was written stays, as in any Rust program.
//!   A panic ends it with [`FailureKind::Trap`], and nothing stays.
//! - An `async fn` may wait: for other functions ([`call!`], [`join!`]), for time
//!   ([`sleep`]), for the world outside ([`promise()`], [`http`]).
//!
//! # What waiting is
//!
//! A function that waits holds no instance. Up to there, what it wrote and started
//! takes effect; when what it waits for arrives, it is executed again from its
//! beginning, in a new instance, and sees again what it saw. It must therefore do
//! the same as before up to where it waited ([`nondet`] records what may differ),
//! and a new execution that does something else is stopped. State is read anew after
//! a wait, as others may have written it meanwhile: no guard may be held across an
//! `.await`, and a static is to be named again after one, not used through a
//! reference taken before it.
//!
//! # What a state variable is
//!
//! A `static` with `Mutex<T>`, `RwLock<T>`, an atomic, or `LazyLock` around one of
//! them; in `thread_local!`, a `Cell<T>` or a `RefCell<T>`. It is loaded when a call
//! first uses it, and written when the call is over if its value has changed.
//! No guard may outlive the call. Fields added with `#[serde(default)]` read older
//! values; a value that does not fit its type fails the call and is kept.
//!
//! Whether a value has changed is seen by its encoding. The order of a `HashMap` or
//! `HashSet` is another in every call, so that even reading one counts as a change;
//! a `BTreeMap` or `BTreeSet` does not have this cost.
//!
//! Outside a call, as when a unit test uses it, it is the plain static.
//!
//! What is too large for that is a [`Map`], a [`List`] or a [`Counter`], in a `static` or
//! in a field: of it single entries are read and written, and ranges of them.
//!
//! # What a service is
//!
//! `#[skylark::state]` on a struct makes each of its fields a variable, and
//! `#[skylark::service]` on its `impl` makes its `pub` methods functions. A method reads
//! the fields that it touches, and writes those that it changed; one with `&self` never
//! writes. `Hotel::reserve` is the function `Hotel-reserve`.
//!
//! ```
//! use skylark::{native::Runtime, prelude::*};
//!
//! #[skylark::state] // begins as `Default` says
//! #[derive(Default)]
//! struct Hotel {
//!     taken: u32,
//!     guests: Vec<String>,
//! }
//!
//! #[skylark::service]
//! impl Hotel {
//!     pub fn free(&self) -> u32 {
//!         2 - self.taken
//!     }
//!
//!     pub fn reserve(&mut self, guest: String) -> Result<u32, String> {
//!         if self.free() == 0 {
//!             return Err(format!("no room for {guest}"));
//!         }
//!         self.taken += 1;
//!         self.guests.push(guest);
//!         Ok(self.free())
//!     }
//!
//!     pub async fn reserve_for_all(guests: Vec<String>) -> Result<u32, Failure> {
//!         let calls = guests.into_iter().map(|guest| HotelClient.reserve(guest));
//!         let reserved = skylark::join_all(calls).await;
//!         reserved.into_iter().collect::<Result<Vec<_>, _>>()?;
//!         skylark::call!(Hotel::free()).await
//!     }
//! }
//!
//! # #[cfg(not(target_family = "wasm"))]
//! # fn main() -> Result<(), Failure> {
//! let runtime = Runtime::new();
//! assert_eq!(runtime.run::<u32>("Hotel-reserve", &"ann")?, 1);
//! assert_eq!(runtime.run::<u32>("Hotel-reserve_for_all", &["bob"])?, 0);
//! let refused = runtime.run::<u32>("Hotel-reserve", &"carol").unwrap_err();
//! assert_eq!(refused.message, "no room for carol");
//! let guests: Vec<String> = runtime.state("Hotel-guests")?.unwrap();
//! assert_eq!(guests, ["ann", "bob"]);
//! # Ok(())
//! # }
//! ```
//!
//! A struct with `scope = key(id)` is one object per key: every method with `self` takes
//! the argument `id`, and `HotelClient::at(id)` calls the methods of one. [`with`] and
//! [`with_mut`] lend the struct to any function. What a method with `self` does is done at
//! once: what waits is an `async fn` without `self`.

#[allow(unused_extern_crates)] // The macros name the crate as its users do.
extern crate self as skylark;

mod bounds;
mod bytes;
mod call;
mod codec;
mod follows;
mod future;
mod journal;
mod log;
mod state;
mod target;
#[cfg(feature = "thrift")]
pub mod thrift;
mod wait;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(not(target_family = "wasm"))]
pub use target::native;

pub use bytes::Bytes;
pub use log::{Level, log};
pub use skylark_abi::call::{Failure, FailureKind};
pub use skylark_macros::{accept, chain, external, function, init, nondet, service, state};
pub use state::{AsKey, Counter, Key, KeyText, Keys, List, Map, Scan, Values, with, with_mut};
pub use wait::{
    Call, JoinAll, Next, Promise, Sleep, call, http, join_all, nondet, promise, sleep, transaction,
};

/// `use skylark::prelude::*;`: the crate's name, as the attributes are written
/// (`#[skylark::function]`), and what a failure is.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{self as skylark, Failure, FailureKind};
}
