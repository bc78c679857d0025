//! The policies by name.

use crate::error::{ElectError, nearest};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How a node is elected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Among feasible nodes, the one from which the successor's node gets the
    /// state soonest.
    #[default]
    Skylark,
    /// The published rule; see [`published`](crate::published).
    Databelt,
    /// Any eligible node, each as likely, by the request's seed.
    Random,
    /// Always the destination.
    Stateless,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 4] = [Self::Skylark, Self::Databelt, Self::Random, Self::Stateless];

    /// As written in options and routes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skylark => "skylark",
            Self::Databelt => "databelt",
            Self::Random => "random",
            Self::Stateless => "stateless",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = ElectError;

    /// Undoes [`Policy::as_str`], whatever the case.
    fn from_str(name: &str) -> Result<Self, ElectError> {
        Self::ALL
            .into_iter()
            .find(|p| p.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| ElectError::UnknownPolicy {
                name: name.to_owned(),
                nearest: nearest(name, Self::ALL.iter().map(|p| p.as_str())),
            })
    }
}
