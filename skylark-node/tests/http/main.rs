//! The node over HTTP: what it answers, above all to what is wrong.

#[path = "../common/mod.rs"]
mod common;

mod apps;
mod evolution;
mod limits;
mod model;
mod raw;
mod refusals;

use common::served::{Answer, CLUSTER_TOKEN, TOKEN};
use serde_json::Value;

/// Checks that an answer is this problem, and returns its document.
pub(crate) fn problem(what: &str, answer: &Answer, status: u16, name: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    let document = answer.json();
    assert_eq!(
        document["type"],
        format!("urn:skylark:problem:{name}"),
        "{what}: {document}"
    );
    assert_eq!(document["status"], status, "{what}");
    let detail = document["detail"].as_str().unwrap_or_default();
    assert!(!detail.is_empty(), "{what}: {document}");
    for secret in [TOKEN, CLUSTER_TOKEN] {
        assert!(!detail.contains(secret), "{what}: {document}");
    }
    if status == 503 {
        assert_ne!(
            answer.header("retry-after"),
            "",
            "{what}: {:?}",
            answer.headers
        );
    }
    document
}
