//! What a build has seen that functions touch: so a node can fetch it ahead from the
//! first call on.
//!
//! The custom section [`crate::names::HINTS`] is the JSON of a [`Hints`]. It only
//! saves time: a module without one, or with one that does not fit, runs all the same, and
//! a node learns what functions touch from what they do.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the section that this release writes and reads.
pub const HINTS_VERSION: u32 = 1;
/// Most bytes of the section that are read.
pub const MAX_HINTS: usize = 1 << 20;

/// What is known of an app's functions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// [`HINTS_VERSION`] of the build that wrote it.
    pub version: u32,
    /// By name of the function.
    pub functions: BTreeMap<String, FunctionHints>,
}

/// What is known of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionHints {
    /// State variables that it may need, by name in the store.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reads: BTreeSet<String>,
    /// Those of them that it may write.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub writes: BTreeSet<String>,
    /// Entries of collections, by the collection's name in the store, that it reads
    /// whichever way it goes, unless it returns before: where their keys are among its
    /// arguments, the name of one and of fields within it, with dots between them
    /// (`order.from`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<String, BTreeSet<String>>,
    /// Collections, by name in the store, whose number of entries, or for a counter whose
    /// sum, it reads whichever way it goes, unless it returns before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sizes: BTreeSet<String>,
    /// Whether all that it may do was seen: it needs no other variable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

impl Hints {
    /// Hints of this release's version.
    pub fn new(functions: BTreeMap<String, FunctionHints>) -> Self {
        Self {
            version: HINTS_VERSION,
            functions,
        }
    }

    /// The section's contents; `None` if they would be larger than anybody reads.
    pub fn to_section(&self) -> Option<Vec<u8>> {
        // Strings and numbers under string keys: nothing that JSON could refuse.
        let bytes = serde_json::to_vec(self).ok()?;
        (bytes.len() <= MAX_HINTS).then_some(bytes)
    }

    /// Reads a section; nothing of one that is too large, malformed or of another
    /// version, since nothing depends on it.
    pub fn from_section(bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let fits = bytes.len() <= MAX_HINTS
            && serde_json::from_slice::<Version>(bytes).is_ok_and(|v| v.version == HINTS_VERSION);
        let hints = fits.then(|| serde_json::from_slice(bytes).ok()).flatten();
        hints.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_no_hint() {
        let mut hints = Hints::new(BTreeMap::from([(
            "f".to_owned(),
            FunctionHints {
                reads: BTreeSet::from(["A".to_owned(), "B".to_owned()]),
                writes: BTreeSet::from(["A".to_owned()]),
                entries: BTreeMap::from([(
                    "B".to_owned(),
                    BTreeSet::from(["order.from".to_owned()]),
                )]),
                sizes: ["LOG".to_owned()].into(),
                complete: true,
            },
        )]));
        let written = hints.to_section().unwrap();
        assert_eq!(Hints::from_section(&written), hints);
        hints.version += 1;
        for section in [
            hints.to_section().unwrap(),
            written[..written.len() - 1].to_vec(),
            b"".to_vec(),
            b"{\"version\":1,\"functions\":[]}".to_vec(),
            vec![b' '; MAX_HINTS + 1],
        ] {
            assert_eq!(Hints::from_section(&section), Hints::default());
        }
    }
}
