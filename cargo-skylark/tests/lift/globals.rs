//! Globals: what changes is state, what is built is built.

use axum::{Json, Router, routing::get};
use regex::Regex;
use std::{collections::BTreeMap, sync::{LazyLock, Mutex, atomic::{AtomicU64, Ordering}}};

/// Times that each word was seen.
static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
static HITS: AtomicU64 = AtomicU64::new(0); // since ever
static WORDS: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| Mutex::new(first()));
static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new("a+").unwrap());
static GREETING: &str = "hello";
const LIMIT: usize = 3;

fn first() -> Vec<String> {
    vec![GREETING.to_owned(); LIMIT]
}

async fn hits() -> Json<u64> {
    PATTERN.is_match("a");
    SEEN.lock().unwrap().insert(WORDS.lock().unwrap().join(" "), 1);
    Json(HITS.fetch_add(1, Ordering::Relaxed))
}

pub fn app() -> Router {
    Router::new().route("/hits", get(hits))
}
