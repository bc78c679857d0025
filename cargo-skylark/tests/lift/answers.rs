//! Answers are values, or refusals.

use axum::{Json, Router, http::StatusCode, response::{IntoResponse, Response}, routing::get};
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    ok: bool,
}

async fn health() -> impl IntoResponse {
    Json(Health { ok: true })
}

async fn made() -> (StatusCode, Json<Health>) {
    (StatusCode::CREATED, Json(Health { ok: true }))
}

async fn done() -> StatusCode {
    println!("done");
    StatusCode::NO_CONTENT
}

async fn absent() -> Result<Json<Health>, StatusCode> {
    Err(StatusCode::NOT_FOUND)
}

async fn refused(n: Option<u32>) -> Result<(StatusCode, Json<u32>), (StatusCode, &'static str)> {
    // Not everybody has a number.
    let n = n.ok_or((StatusCode::BAD_REQUEST, "no number"))?;
    Ok((StatusCode::OK, Json(n)))
}

async fn mapped() -> Result<Json<u32>, (StatusCode, String)> {
    let n = "7".parse::<u32>().map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    Some(n).ok_or_else(|| (StatusCode::GONE, "gone".to_owned())).map(Json)
}

async fn raw() -> Response {
    "raw".into_response()
}

async fn unknown() -> impl IntoResponse {
    let n = 3;
    Json(n)
}

fn router() -> Router {
    Router::new()
        .route("/", get(health).post(made).delete(done))
        .route("/absent", get(absent))
        .route("/refused", get(refused))
        .route("/mapped", get(mapped))
        .route("/raw", get(raw))
        .route("/unknown", get(unknown))
}
