//! What a function refuses, with the HTTP status that it answered before.

use skylark::{Failure, FailureKind};
use std::fmt;

/// A refusal. Callers of a function see its text: `404: there is no order 7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status that the handler answered with.
    pub status: u16,
    /// Why.
    pub why: String,
}

impl Refused {
    /// Refuses with this status, for this reason.
    pub fn new(status: u16, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.why)
    }
}

impl std::error::Error for Refused {}

/// What a called function refused; a 500 if it failed otherwise.
impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let returned = failure.kind == FailureKind::Returned;
        let parts = failure.message.split_once(": ").filter(|_| returned);
        let refused = parts.and_then(|(status, why)| Some(Self::new(status.parse().ok()?, why)));
        refused.unwrap_or_else(|| Self::new(500, failure.message))
    }
}
