//! Extractors are arguments.

use axum::{Form, Json, Router, extract::{Path, Query, State}, http::HeaderMap, routing::{get, post}};
use serde::Deserialize;
use std::sync::{Arc, Mutex};

#[derive(Deserialize)]
struct Page {
    from: usize,
    to: usize,
}

#[derive(Clone, Default)]
struct App {
    log: Arc<Mutex<Vec<String>>>,
    on: Arc<Mutex<bool>>,
}

/// Destructured state and page.
async fn list(
    State(App { log, on }): State<App>,
    Query(Page { from, to }): Query<Page>, // of the log
) -> Json<Vec<String>> {
    if *on.lock().unwrap() { Json(log.lock().unwrap()[from..to].to_vec()) } else { Json(vec![]) }
}

async fn add(State(app): State<App>, Form(mut line): Form<String>) -> String {
    line.push('\n');
    app.log.lock().unwrap().push(line.clone());
    line
}

async fn ignore(Path(_): Path<u32>) {}

async fn agent(headers: HeaderMap) -> String {
    format!("{headers:?}")
}

fn router() -> Router {
    Router::new()
        .route("/list", get(list))
        .route("/add", post(add))
        .route("/ignore/{n}", get(ignore))
        .route("/agent", get(agent))
        .route("/health", get(|| async { "ok" }))
        .layer(tower_http::trace::TraceLayer::new_for_http())
        .with_state(App::default())
}
