//! A chain of three: each link hashes what it gets and adds to the trail.
//!
//! The work is small and its result is known beforehand, so what a run costs is
//! what the chain itself costs: this is the app of the benchmarks.

pub mod trail;

pub use trail::{Link, Trail};

use skylark::prelude::*;

/// Hashes the payload.
#[skylark::chain(next = f2)]
pub fn f1(payload: String) -> Trail {
    Trail::start("f1", payload.as_bytes())
}

/// Hashes the first digest.
#[skylark::chain(next = f3)]
pub fn f2(trail: Trail) -> Trail {
    trail.extend("f2")
}

/// Hashes the second digest; the run's result.
#[skylark::function]
pub fn f3(trail: Trail) -> Trail {
    trail.extend("f3")
}
