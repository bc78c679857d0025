//! Digests of digests.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the links have made so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// The last digest: SHA-256, 64 lower-case hex digits.
    pub digest: String,
    /// Every link in order.
    pub links: Vec<Link>,
}

/// One hashing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The function that hashed.
    pub function: String,
    /// What came out.
    pub digest: String,
}

impl Trail {
    /// Hashes a payload.
    #[must_use]
    pub fn start(function: &str, payload: &[u8]) -> Self {
        let empty = Self {
            digest: String::new(),
            links: Vec::new(),
        };
        empty.add(function, payload)
    }

    /// Hashes the bytes of the last digest's text.
    #[must_use]
    pub fn extend(self, function: &str) -> Self {
        let last = self.digest.clone();
        self.add(function, last.as_bytes())
    }

    fn add(mut self, function: &str, payload: &[u8]) -> Self {
        self.digest = hex(&Sha256::digest(payload));
        self.links.push(Link {
            function: function.to_owned(),
            digest: self.digest.clone(),
        });
        self
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{b:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256() {
        // From FIPS 180-4's examples, and `printf … | sha256sum` on each digest in turn.
        let trail = Trail::start("f1", b"abc").extend("f2").extend("f3");
        let digests: Vec<_> = trail.links.iter().map(|l| l.digest.as_str()).collect();
        assert_eq!(
            digests,
            [
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "dfe7a23fefeea519e9bbfdd1a6be94c4b2e4529dd6b7cbea83f9959c2621b13c",
                "bbdb08dd3f8e0a2dbd9a4f45045fdf45cebee1ac6706de3353e753234b318e78",
            ]
        );
        assert_eq!(trail.digest, digests[2]);
        let functions: Vec<_> = trail.links.iter().map(|l| l.function.as_str()).collect();
        assert_eq!(functions, ["f1", "f2", "f3"]);
    }
}
