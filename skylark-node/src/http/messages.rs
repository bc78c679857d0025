//! `POST /internal/messages`: work and results from other nodes.

use super::{Http, body, problem::Problem};
use crate::node::NodeError;
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};
use skylark_abi::run::Delivery;
use std::sync::Arc;

/// Takes a message; answered once its effects are committed here.
pub(super) async fn deliver(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<impl IntoResponse, Problem> {
    http.tokens
        .cluster
        .check(&headers, "a message between nodes")?;
    let _admitted = http.messages.admit()?;
    let limit = http.limit("the message", http.config.max_message, "max-message");
    let bytes = body::read(&headers, body, limit).await?;
    let delivery: Delivery =
        skylark_abi::decode(&bytes).map_err(|e| NodeError::Malformed(e.to_string()))?;
    let delivered = http.node.deliver(delivery).await?;
    let kind = [(header::CONTENT_TYPE, "application/cbor")];
    Ok((kind, skylark_abi::encode(&delivered)))
}
