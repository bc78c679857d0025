//! Tests that are left, names that are taken, comments that stay.

use axum::{Json, Router, extract::State, routing::post};
use std::sync::{Arc, Mutex};

/// What a cache may hold.
const CACHE: usize = 10;

const APP_CACHE: usize = 10;

/// Everything.
#[derive(Default)]
struct App {
    // By key.
    cache: Mutex<Vec<String>>, // newest first
    /// How many.
    #[cfg(feature = "count")]
    count: Mutex<u32>,
    /* Not
       shown. */
    names: Mutex<Vec<String>>,
    last: Mutex<u32>, // the end
    // There is no more.
}

async fn add(State(app): State<Arc<App>>, Json(key): Json<String>) -> Json<bool> {
    let mut cache = app.cache.lock().unwrap();
    cache.push(key);
    Json(cache.len() > CACHE + APP_CACHE)
}

fn pure(n: u32) -> u32 {
    n + 1
}

pub fn app() -> Router {
    Router::new().route("/", post(add)).with_state(Arc::new(App::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn adds() {
        let app = Arc::new(App::default());
        assert!(!add(State(app), Json(String::new())).await.0);
    }
}

#[cfg(test)]
mod more {
    #[test]
    fn adds() {
        assert_eq!(super::pure(1), 2);
    }
}

#[cfg(test)]
mod elsewhere;
