//! State by key, as clients of the model keep it: `chain:node:task`.

use super::{Http, apps::query, body, placement::On, problem::Problem};
use crate::node::NodeError;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::{str::FromStr, sync::Arc};

/// Longest key, in bytes.
const MAX_KEY: usize = 512;

/// `chain:node:task`: the run, the node that holds the state, the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StateKey(String);

impl FromStr for StateKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(':').filter(|part| !part.is_empty()).count();
        let plain = text.len() <= MAX_KEY && !text.contains(char::is_control);
        if parts == 3 && text.split(':').count() == 3 && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "a key is `chain:node:task`, at most {MAX_KEY} bytes"
            ))
        }
    }
}

impl StateKey {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the key out of a query that holds nothing else.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let mut params = query(uri)?;
        let key = params.required("key", "the state's key, `chain:node:task`")?;
        params.finish(&["key"])?;
        Ok(key)
    }
}

/// `GET /state?key=`.
pub(super) async fn get(
    State(http): State<Arc<Http>>,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    let key = StateKey::of(&uri)?;
    let value = http
        .node
        .store()
        .blob(key.as_str())
        .await
        .map_err(NodeError::from)?;
    match value {
        Some(value) => Ok(([(header::CONTENT_TYPE, "application/octet-stream")], value)),
        None => Err(unknown(&http, &key)),
    }
}

/// `DELETE /state?key=`.
pub(super) async fn delete(
    State(http): State<Arc<Http>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    http.tokens
        .operator
        .check(&headers, "the removal of state")?;
    let key = StateKey::of(&uri)?;
    let removed = http
        .node
        .store()
        .delete_blob(key.as_str())
        .await
        .map_err(NodeError::from)?;
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&http, &key))
    }
}

/// `POST /save/{sat,edge,cloud}?key=`: keeps the body on the node of that type
/// that is elected for it, and says which.
pub(super) async fn save(
    State(http): State<Arc<Http>>,
    Path(on): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Value>, Problem> {
    http.tokens.operator.check(&headers, "a change of state")?;
    let on: On = on
        .parse()
        .map_err(|why| Problem::parameter("type", format!("`{on}` is no type of node: {why}")))?;
    let key = StateKey::of(&uri)?;
    let limit = http.limit("the state", http.config.max_message, "max-message");
    let value = body::read(&headers, body, limit).await?;
    let election = http.elect(value.len() as u64, |request| request.on = Some(on.0))?;
    let node = &election.node().name;
    if node == http.node.name() {
        http.keep(&key, value.to_vec()).await?;
    } else {
        http.node.forward_state(node, key.as_str(), value).await?;
    }
    Ok(Json(
        json!({ "key": key.as_str(), "node": node, "reason": election.reason() }),
    ))
}

/// `PUT /internal/state?key=`: state that another node was asked to save, and
/// for which this one was elected.
pub(super) async fn keep(
    State(http): State<Arc<Http>>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<StatusCode, Problem> {
    http.tokens
        .cluster
        .check(&headers, "state from another node")?;
    let key = StateKey::of(&uri)?;
    let limit = http.limit("the state", http.config.max_message, "max-message");
    let value = body::read(&headers, body, limit).await?;
    http.keep(&key, value.to_vec()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Http {
    async fn keep(&self, key: &StateKey, value: Vec<u8>) -> Result<(), Problem> {
        let retention = self.node.config().bounds.retention;
        let kept = self
            .node
            .store()
            .put_blob(key.as_str(), value, retention)
            .await;
        Ok(kept.map_err(NodeError::from)?)
    }
}

fn unknown(http: &Http, key: &StateKey) -> Problem {
    let elsewhere = key
        .as_str()
        .split(':')
        .nth(1)
        .filter(|node| *node != http.node.name());
    let hint = elsewhere.map_or_else(String::new, |node| {
        format!("; its key names node `{node}`: ask there")
    });
    let detail = format!("no state is kept here under `{}`{hint}", key.as_str());
    Problem::new(StatusCode::NOT_FOUND, "unknown-state", detail)
}
