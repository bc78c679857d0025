//! Runs and what they wait for: `/runs/…`, `/apps/{app}/failed`, `/promises/{id}`.

use super::{Http, apps::query, body, problem::Problem};
use crate::node::RunView;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Runs in a page of those that failed.
const PAGE: usize = 50;

/// `GET /runs/{id}`.
pub(super) async fn show(
    State(http): State<Arc<Http>>,
    Path(id): Path<String>,
) -> Result<Json<RunView>, Problem> {
    Ok(Json(http.node.run(&id).await?))
}

/// A page of failed runs.
#[derive(Debug, Serialize)]
pub(super) struct FailedPage {
    runs: Vec<RunView>,
    /// What to pass as `after` for the next page; null at the end.
    next: Option<String>,
}

/// `GET /apps/{app}/failed?after=&limit=`.
pub(super) async fn failed(
    State(http): State<Arc<Http>>,
    Path(app): Path<String>,
    uri: Uri,
) -> Result<Json<FailedPage>, Problem> {
    let mut params = query(&uri)?;
    let after = params.take::<String>("after")?;
    let limit = params.take_or("limit", PAGE)?;
    params.finish(&["after", "limit"])?;
    let (runs, next) = http.node.failed_runs(&app, after.as_deref(), limit).await?;
    Ok(Json(FailedPage { runs, next }))
}

/// `POST /runs/{id}/retry`: what failed is executed once more.
pub(super) async fn retry(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    http.tokens.operator.check(&headers, "a retry of a run")?;
    http.node.retry_run(&id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `POST /runs/{id}/cancel`: what of it has not begun will not.
pub(super) async fn cancel(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    http.tokens
        .operator
        .check(&headers, "a cancellation of a run")?;
    http.node.cancel_run(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /promises/{id}?fail=`: completes a promise with the JSON of the body, or
/// makes it fail with the reason given. Whoever knows the id may: it is as hard to
/// guess as the run's.
pub(super) async fn complete(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    uri: Uri,
    body: axum::body::Body,
) -> Result<StatusCode, Problem> {
    let _admitted = http.calls.admit()?;
    let mut params = query(&uri)?;
    let fail = params.take::<String>("fail")?;
    params.finish(&["fail"])?;
    body::expect_json(&headers)?;
    let input = body::read(&headers, body, http.input_limit()).await?;
    let outcome = match fail {
        Some(why) => Err(why),
        None => {
            let json: &[u8] = if input.is_empty() { b"null" } else { &input };
            // Checked here: who waits for it is not there to complain.
            let parsed: &RawValue = serde_json::from_slice(json).map_err(|e| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "input",
                    format!("the promise's value is no JSON: {e}"),
                )
            })?;
            Ok(parsed.get().to_owned().into())
        }
    };
    http.node.complete_promise(&id, outcome).await?;
    Ok(StatusCode::NO_CONTENT)
}
