//! From what an earlier build stored to what this one does.

use crate::codec::{self, Mismatch};
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// Reads what was stored before one of a type's migrations.
pub type Migration<T> = fn(&[u8]) -> Result<T, Mismatch>;

/// What a migration may return for a `T`: that, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a migration that returns `{Self}` does not make a `{T}`",
    label = "does not return `{T}`, or a `Result` of it",
    note = "each migration takes what the one before makes, and the last makes what is stored"
)]
pub trait Migrated<T> {
    /// The value, or why there is none.
    fn migrated(self) -> Result<T, String>;
}

impl<T> Migrated<T> for T {
    fn migrated(self) -> Result<T, String> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E: Display> Migrated<T> for Result<T, E> {
    fn migrated(self) -> Result<T, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Reads what an earlier build wrote.
///
/// # Errors
/// It is no `T`.
pub fn older<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Mismatch> {
    codec::from_payload(payload)
}

/// One step.
///
/// # Errors
/// The migration returned one.
pub fn migrated<A, R: Migrated<B>, B>(step: fn(A) -> R, old: A) -> Result<B, Mismatch> {
    step(old).migrated().map_err(Mismatch::whole)
}

#[cfg(test)]
mod tests;
