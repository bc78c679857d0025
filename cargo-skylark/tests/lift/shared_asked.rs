//! Shared state that lift cannot decide.

use axum::{Json, Router, extract::State, routing::get};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
struct App {
    limit: usize,
    seen: Arc<Mutex<Vec<String>>>,
    client: reqwest::Client,
}

impl App {
    fn new(limit: usize) -> Self {
        Self { limit, seen: Arc::default(), client: reqwest::Client::new() }
    }
}

async fn seen(State(app): State<App>) -> Json<Vec<String>> {
    let seen = app.seen.clone();
    let all = seen.lock().unwrap().clone();
    custom!(app);
    let kept = app;
    Json(all)
}

fn router() -> Router {
    Router::new().route("/seen", get(seen)).with_state(App::new(3))
}
