//! Statuses beside plain bodies, and what stands between arguments that go.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use std::sync::{Arc, Mutex};

struct App {
    n: Mutex<u32>,
}

async fn bump(State(app): State<Arc<App>>, Path(by): Path<u32>) -> (StatusCode, String) {
    *app.n.lock().unwrap() += by;
    (StatusCode::CREATED, by.to_string())
}

async fn always() -> (StatusCode, &'static str) {
    (StatusCode::OK, "here")
}

async fn set(Path(to): Path<u32>) -> Result<String, (StatusCode, String)> {
    if to == 0 {
        return Err((StatusCode::BAD_REQUEST, "zero".into()));
    }
    let why = "one";
    if to == 1 {
        return Err((StatusCode::BAD_REQUEST, why.into()));
    }
    Ok("set".into())
}

async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap, // who asks
    Json(by): Json<u32>,
) -> String {
    *app.n.lock().unwrap() += by;
    format!("{headers:?}")
}

pub fn app(app: Arc<App>) -> Router {
    Router::new()
        .route("/bump/{by}", post(bump))
        .route("/always", post(always))
        .route("/set/{to}", post(set))
        .route("/", post(create))
        .with_state(app)
}

fn helps(why: &str) -> (StatusCode, String) {
    (StatusCode::CONFLICT, why.to_string())
}
