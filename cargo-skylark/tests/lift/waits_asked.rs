//! Waits that lift cannot decide.

use axum::{Json, Router, extract::State, routing::get};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct App {
    log: Arc<Mutex<Vec<String>>>,
}

async fn one(State(app): State<App>) -> Json<usize> {
    Json(app.log.lock().unwrap().len())
}

async fn two(State(app): State<App>) -> Json<usize> {
    let mut log = app.log.lock().unwrap();
    log.push("before".to_owned());
    let Json(n) = one(State(app.clone())).await;
    let later = one(State(app.clone()));
    let text = reqwest::get("http://example.org").await.unwrap().text().await.unwrap();
    Json(n + later.await.0 + text.len())
}

async fn three() -> Json<f64> {
    let home = std::env::var("HOME");
    let _now = std::time::SystemTime::now();
    let _dropped = home;
    Json(rand::random::<f64>())
}

fn router() -> Router {
    Router::new()
        .route("/one", get(one))
        .route("/two", get(two))
        .route("/three", get(three))
        .with_state(App::default())
}
