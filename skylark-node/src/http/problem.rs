//! Every error as a problem document (RFC 9457), and the one place that knows
//! which error has which status.
//!
//! | status | what |
//! | --- | --- |
//! | 400 | input that does not fit the function's arguments (`at` names the place), a bad parameter, a bad name |
//! | 401 | no token, or another one |
//! | 404, 405 | unknown app, function, run, state or route, with the nearest that exists; wrong method |
//! | 408 | the body did not arrive in time |
//! | 409 | a module that breaks state in use; a run that an operator cancelled |
//! | 413, 415 | a body past its limit; a body declared as something else than JSON |
//! | 422 | the function returned `Err`; a module that is refused; an idempotency key used with another body |
//! | 500 | a trap, a broken contract, unreadable state: mend the module |
//! | 502 | another node refused a task of the run |
//! | 503 | overload, draining, a store or node that does not answer, a conflict that did not end; with `Retry-After` |
//! | 504 | the time limit |
//! | 507 | memory, output or state past a limit: the node would need more room |
//! | 508 | the run is deeper than its limit |

use super::body::Body;
use crate::{engine::LoadError, node::NodeError, store::StoreError};
use axum::{
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Map, Value, json};
use skylark_abi::call::{Failure, FailureKind};
use std::time::Duration;

/// Media type of every error.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";
/// What precedes a problem's name in its `type`.
const TYPE: &str = "urn:skylark:problem:";
/// When it may be worth a try where nobody knows better.
const RETRY: Duration = Duration::from_secs(1);

/// An error as its caller sees it.
#[derive(Debug)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    name: &'static str,
    detail: String,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            name,
            detail: detail.into(),
            members: Map::new(),
            retry_after: None,
            headers: Vec::new(),
        }))
    }

    /// Adds a member, unless its value is `null`.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.0.members.insert(member.to_owned(), value);
        }
        self
    }

    pub(super) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Ends the connection after the answer.
    pub(super) fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    fn retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after = Some(pause);
        self
    }

    /// A parameter, header or field with a value that it cannot have.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", detail).with("at", name)
    }

    /// A body past its limit.
    pub(super) fn too_large(what: &str, limit: u64, option: &str) -> Self {
        let detail = format!("{what} is larger than the limit of {limit} bytes (`--{option}`)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
            .with("limit", limit)
            .with("option", option)
    }

    /// Something went wrong that is nobody's business outside; it is in the log.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the node failed at this request; its log says why",
        )
    }

    /// The name by which metrics count it.
    pub(super) fn name(&self) -> &'static str {
        self.0.name
    }

    /// Why a command failed.
    pub(super) fn of_command(failure: Failure) -> Self {
        of_failure(failure)
    }

    /// Leaves `tasks` out, for callers who did not ask for them.
    pub(super) fn without_tasks(mut self) -> Self {
        self.0.members.remove("tasks");
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let Inner {
            status,
            name,
            detail,
            members,
            retry_after,
            headers,
        } = *self.0;
        let mut document = Map::new();
        document.insert("type".into(), format!("{TYPE}{name}").into());
        document.insert(
            "title".into(),
            status.canonical_reason().unwrap_or("Error").into(),
        );
        document.insert("status".into(), status.as_u16().into());
        document.insert("detail".into(), detail.into());
        document.extend(members);
        let mut response = Response::new(Body::full(Value::Object(document).to_string()));
        *response.status_mut() = status;
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(pause) = retry_after {
            // Whole seconds, at least one: 0 would ask for a storm.
            out.insert(header::RETRY_AFTER, pause.as_secs().max(1).into());
        }
        out.extend(headers);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        Problem::into_response(self).map(axum::body::Body::new)
    }
}

impl From<NodeError> for Problem {
    fn from(error: NodeError) -> Self {
        use StatusCode as S;
        let detail = error.to_string();
        match error {
            NodeError::UnknownApp { nearest, .. } => {
                Self::new(S::NOT_FOUND, "unknown-app", detail).with("nearest", nearest)
            }
            NodeError::UnknownFunction { nearest, .. } => {
                Self::new(S::NOT_FOUND, "unknown-function", detail).with("nearest", nearest)
            }
            NodeError::UnknownRun { .. } => Self::new(S::NOT_FOUND, "unknown-run", detail),
            NodeError::UnknownState { nearest, .. } => {
                Self::new(S::NOT_FOUND, "unknown-state", detail).with("nearest", nearest)
            }
            NodeError::Failed {
                run_id,
                failure,
                tasks,
            } => of_failure(failure)
                .with("run_id", run_id)
                .with("tasks", json!(tasks)),
            NodeError::Refused(error) => of_refusal(&error, detail),
            NodeError::BreaksState(changes) => {
                Self::new(S::CONFLICT, "breaks-state", detail).with("changes", json!(changes))
            }
            NodeError::KeyReused => Self::new(S::UNPROCESSABLE_ENTITY, "key-reused", detail)
                .with("at", "Idempotency-Key"),
            NodeError::PromiseKept { .. } => Self::new(S::CONFLICT, "promise-kept", detail),
            NodeError::RunIs { .. } => Self::new(S::CONFLICT, "run-state", detail),
            NodeError::InvalidName { name } => {
                Self::new(S::BAD_REQUEST, "invalid-name", detail).with("at", name)
            }
            NodeError::InvalidOption { name, .. } => Self::parameter(name, detail),
            NodeError::Overloaded { limit, retry_after } => {
                Self::new(S::SERVICE_UNAVAILABLE, "overloaded", detail)
                    .with("limit", limit)
                    .with("option", "max-in-flight")
                    .retry_after(retry_after)
            }
            NodeError::Draining => {
                Self::new(S::SERVICE_UNAVAILABLE, "draining", detail).retry_after(RETRY)
            }
            NodeError::Store(error) => of_store(&error),
            NodeError::Unavailable(_) | NodeError::Silent(_) => {
                tracing::warn!(error = detail, "unavailable");
                Self::new(
                    S::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "another node does not answer; try again, the node's log says more",
                )
                .retry_after(RETRY)
            }
            NodeError::Malformed(_) => Self::new(S::BAD_REQUEST, "malformed", detail),
            NodeError::Io { .. } => {
                tracing::error!(error = detail, "the node's disk");
                Self::internal()
            }
        }
    }
}

/// Where the store is and what it said stays in the log.
fn of_store(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store");
    match error {
        StoreError::TooLarge { limit, option, .. } => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "store-limit",
            error.to_string(),
        )
        .with("limit", *limit)
        .with("option", *option),
        StoreError::Unavailable { .. } | StoreError::Unfit { .. } | StoreError::Url { .. } => {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "the node's store does not answer; try again with the same idempotency key",
            )
            .retry_after(RETRY)
        }
        StoreError::Corrupt { .. } => Problem::internal(),
    }
}

fn of_refusal(error: &LoadError, detail: String) -> Problem {
    let refused = |name| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, name, detail.clone());
    match error {
        LoadError::NotWasm { .. } | LoadError::Malformed { .. } => refused("not-wasm"),
        LoadError::TooLarge { limit, .. } => Problem::too_large("the module", *limit, "max-module"),
        LoadError::Memory { limit, .. } => refused("module-memory")
            .with("limit", *limit)
            .with("option", "max-memory"),
        LoadError::Schema(errors) => {
            let all: Vec<Value> = errors.iter().map(|e| e.to_string().into()).collect();
            refused("schema").with("errors", all)
        }
        LoadError::Export { name, .. } => refused("missing-export").with("at", name.as_str()),
        LoadError::UnknownImport { module, name, .. } => {
            refused("unknown-import").with("at", format!("{module}.{name}"))
        }
        LoadError::Stopping => Problem::from(NodeError::Draining),
        _ => refused("not-compilable"),
    }
}

/// Why a run or a command failed; the messages are made for callers.
fn of_failure(failure: Failure) -> Problem {
    use StatusCode as S;
    let (status, name) = match failure.kind {
        FailureKind::Returned => (S::UNPROCESSABLE_ENTITY, "returned"),
        FailureKind::Input => (S::BAD_REQUEST, "input"),
        FailureKind::State => (S::INTERNAL_SERVER_ERROR, "state"),
        FailureKind::Trap => (S::INTERNAL_SERVER_ERROR, "trap"),
        FailureKind::Contract => (S::INTERNAL_SERVER_ERROR, "contract"),
        FailureKind::Timeout => (S::GATEWAY_TIMEOUT, "timeout"),
        FailureKind::Memory => (S::INSUFFICIENT_STORAGE, "memory"),
        FailureKind::TooLarge => (S::INSUFFICIENT_STORAGE, "too-large"),
        FailureKind::NotFound => (S::BAD_GATEWAY, "refused"),
        FailureKind::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable"),
        FailureKind::Conflict => (S::SERVICE_UNAVAILABLE, "conflict"),
        FailureKind::Depth => (S::LOOP_DETECTED, "depth"),
        FailureKind::Cancelled => (S::CONFLICT, "cancelled"),
        FailureKind::Diverged => (S::INTERNAL_SERVER_ERROR, "diverged"),
        FailureKind::Denied => (S::FORBIDDEN, "denied"),
    };
    let problem = Problem::new(status, name, failure.message)
        .with("kind", json!(failure.kind))
        .with("at", failure.at);
    match status {
        S::SERVICE_UNAVAILABLE => problem.retry_after(RETRY),
        _ => problem,
    }
}
