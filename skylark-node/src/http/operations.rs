//! Health, readiness, metrics.

use super::{Http, problem::Problem};
use crate::{
    metrics::{IN_FLIGHT, INSTANCES, OUTBOX},
    node::NodeError,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use metrics::gauge;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long the store may take to say that it is there.
const READY: Duration = Duration::from_secs(2);
/// How long the store may take to answer for the metrics, which must not wait
/// for it.
const ASK: Duration = Duration::from_millis(500);

/// `GET /healthz`: the process serves.
pub(super) async fn healthz(State(http): State<Arc<Http>>) -> Json<Value> {
    Json(json!({ "status": "ok", "node": http.node.name() }))
}

/// `GET /readyz`: the node takes calls. Fails from the first moment of a drain.
pub(super) async fn readyz(State(http): State<Arc<Http>>) -> Result<Json<Value>, Problem> {
    if http.calls.is_draining() {
        return Err(NodeError::Draining.into());
    }
    match tokio::time::timeout(READY, http.node.ready()).await {
        Ok(ready) => ready?,
        Err(_) => {
            let why = format!("the store has not answered within {READY:?}");
            return Err(NodeError::Store(crate::store::StoreError::Unavailable {
                store: http.node.store().describe(),
                why,
            })
            .into());
        }
    }
    Ok(Json(json!({ "status": "ready", "node": http.node.name() })))
}

/// `GET /metrics`: Prometheus's text format.
pub(super) async fn metrics(State(http): State<Arc<Http>>) -> Result<impl IntoResponse, Problem> {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    gauge!(IN_FLIGHT).set(http.calls.in_flight() as f64);
    if let Ok(Ok(waiting)) = tokio::time::timeout(ASK, http.node.store().outbox_len()).await {
        gauge!(OUTBOX).set(waiting as f64);
    }
    gauge!(INSTANCES).set(http.node.engine().instances_in_use());
    let content_type: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, TEXT)];
    match &http.prometheus {
        Some(prometheus) => Ok((content_type, prometheus.render())),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no-metrics",
            "the program that this node runs in keeps its metrics elsewhere",
        )),
    }
}
