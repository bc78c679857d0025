//! Every request is hashed.

use super::{Answer, App, StoreEnd, result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Every request is hashed three times, by three functions wherever they are
/// placed; what comes out is known.
pub(super) struct HashChain;

impl App for HashChain {
    fn name(&self) -> &'static str {
        "hashchain"
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("f1", json!(payload(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        let Some(trail) = result(answer)? else {
            return Ok(());
        };
        let expected = hashed(&payload(key));
        match *trail == expected {
            true => Ok(()),
            false => Err(format!("{trail} is not {expected}")),
        }
    }

    fn check_end(&self, _: &[StoreEnd]) -> Vec<String> {
        Vec::new()
    }
}

pub(super) fn payload(key: u64) -> String {
    format!("payload of {key}")
}

pub(super) fn hashed(payload: &str) -> Value {
    let mut digest = payload.to_owned();
    let links: Vec<Value> = ["f1", "f2", "f3"]
        .iter()
        .map(|function| {
            let bytes = Sha256::digest(digest.as_bytes());
            digest = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "function": function, "digest": digest })
        })
        .collect();
    json!({ "digest": digest, "links": links })
}
