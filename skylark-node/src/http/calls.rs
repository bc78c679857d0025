//! `POST /f/{app}/{function}` and `POST /fa/{app}/{function}`: calls.

use super::{
    Http,
    body::{self, Body},
    params::{self, Switch},
    problem::Problem,
};
use crate::node::{InvokeOptions, NodeError, Reply, RunView, result_as_json, shown};
use axum::{
    extract::{Path, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
    },
};
use bytes::Bytes;
use hyper::body::Incoming;
use serde_json::json;
use std::{ops::Range, sync::Arc, time::Instant};

/// The run that a call began.
const RUN_ID: HeaderName = HeaderName::from_static("skylark-run-id");
/// `true` if the result had been recorded before.
const REPLAYED: HeaderName = HeaderName::from_static("skylark-replayed");
/// The caller's key.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Asks for the run with its tasks instead of its bare result.
const RUN_MEDIA_TYPE: &str = "application/vnd.skylark.run+json";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A synchronous call: where its names are in the request's path.
pub(super) struct Call {
    app: Range<usize>,
    function: Range<usize>,
}

/// What a caller asks for besides the call.
#[derive(Debug, Default)]
struct Wishes {
    options: InvokeOptions,
    timeline: bool,
}

impl Call {
    /// The request as a call, if it is one.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        const PREFIX: &str = "/f/";
        if request.method() != Method::POST {
            return None;
        }
        let path = request.uri().path();
        let slash = PREFIX.len() + path.strip_prefix(PREFIX)?.find('/')?;
        let (app, function) = (PREFIX.len()..slash, slash + 1..path.len());
        let two = !app.is_empty() && !function.is_empty() && !path[function.clone()].contains('/');
        two.then_some(Self { app, function })
    }

    pub(super) async fn answer(&self, http: &Http, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let (app, function) = (&path[self.app.clone()], &path[self.function.clone()]);
        // First of all: an overloaded node has no time for a closer look.
        let _admitted = match http.calls.admit() {
            Ok(admitted) => admitted,
            Err(error) => return Problem::from(error).into_response(),
        };
        let read = async {
            let raw = body::is_raw(&parts.headers, || http.node.takes_bytes(app, function))?;
            let wishes = Wishes::of(&parts.uri, &parts.headers, raw)?;
            let input = body::read(&parts.headers, body, http.input_limit()).await?;
            Ok::<_, Problem>((wishes, raw, input))
        };
        let (wishes, raw, input) = match read.await {
            Ok(read) => read,
            Err(problem) => return problem.into_response(),
        };
        let began = Instant::now();
        match http.node.invoke(app, function, input, wishes.options).await {
            Ok(reply) => {
                let round_trips = reply.tasks.iter().map(|t| t.round_trips).sum();
                http.metrics
                    .function(app, function)
                    .succeeded(began.elapsed(), round_trips);
                if wishes.timeline {
                    timeline(app, function, reply)
                } else {
                    result(reply, &parts.headers, raw)
                }
            }
            Err(error) => {
                // Only names of functions that exist become labels.
                let failed = matches!(error, NodeError::Failed { .. });
                let problem = Problem::from(error);
                if failed {
                    http.metrics
                        .function(app, function)
                        .failed(began.elapsed(), problem.name());
                }
                let problem = if wishes.timeline {
                    problem
                } else {
                    problem.without_tasks()
                };
                problem.into_response()
            }
        }
    }
}

impl Wishes {
    fn of(uri: &Uri, headers: &HeaderMap, raw: bool) -> Result<Self, Problem> {
        let mut wishes = Self {
            timeline: headers
                .get(header::ACCEPT)
                .is_some_and(|a| a == RUN_MEDIA_TYPE),
            ..Self::default()
        };
        wishes.options.raw = raw;
        wishes.options.key = headers.get(IDEMPOTENCY_KEY).map(key).transpose()?;
        if let Some(query) = uri.query() {
            let mut params = params::parse(query)?;
            wishes.timeline |= params.take_or("timeline", Switch(false))?.0;
            wishes.options.policy = params.take("policy")?;
            params.finish(&["policy", "timeline"])?;
        }
        wishes.options.brief = !wishes.timeline;
        Ok(wishes)
    }
}

/// The key, with or without the quotes of a structured header.
fn key(value: &HeaderValue) -> Result<String, Problem> {
    let text = value.to_str().map_err(|_| {
        Problem::parameter(
            "Idempotency-Key",
            "the idempotency key must be visible ASCII text",
        )
    })?;
    let unquoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    Ok(unquoted.unwrap_or(text).to_owned())
}

/// The bare result of a call with these headers: JSON, or bytes as they are.
fn result(reply: Reply, headers: &HeaderMap, raw: bool) -> Response<Body> {
    let as_it_is = reply.bytes().and_then(|bytes| {
        let content_type = body::answer_type(headers, raw)?;
        Some((reply.output.len() - bytes.len(), content_type))
    });
    let (body, content_type) = match as_it_is {
        Some((at, content_type)) => (Bytes::from(reply.output).slice(at..), content_type),
        None => (result_as_json(reply.output).into(), JSON),
    };
    let mut response = Response::new(Body::full(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    describe(headers, reply.run_id, reply.replayed);
    response
}

fn timeline(app: &str, function: &str, reply: Reply) -> Response<Body> {
    let view = RunView {
        id: reply.run_id.clone(),
        app: app.to_owned(),
        function: function.to_owned(),
        status: "succeeded",
        result: shown(reply.output),
        error: None,
        accepted_unix_us: reply.tasks.first().map_or(0, |t| t.arrived_unix_us),
        tasks: reply.tasks,
    };
    let mut response = match serde_json::to_vec(&view) {
        Ok(json) => Response::new(Body::full(json)),
        Err(error) => {
            tracing::error!(%error, "a run cannot be shown");
            return Problem::internal().into_response();
        }
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(RUN_MEDIA_TYPE),
    );
    describe(headers, reply.run_id, reply.replayed);
    response
}

fn describe(headers: &mut HeaderMap, run_id: String, replayed: bool) {
    // Run ids are made of an app's name and a uuid, so this always fits.
    if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(run_id)) {
        headers.insert(RUN_ID, id);
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

/// `POST /fa/{app}/{function}`: accepted durably, answered at once.
pub(super) async fn submit(
    State(http): State<Arc<Http>>,
    Path((app, function)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response<axum::body::Body>, Problem> {
    let _admitted = http.calls.admit()?;
    let raw = body::is_raw(&headers, || http.node.takes_bytes(&app, &function))?;
    let wishes = Wishes::of(&uri, &headers, raw)?;
    let input = body::read(&headers, body, http.input_limit()).await?;
    let id = http
        .node
        .submit(&app, &function, input, wishes.options)
        .await?;
    let href = format!("/runs/{id}");
    let mut response = Response::new(json!({ "id": id, "href": href }).to_string().into());
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    if let Ok(location) = HeaderValue::from_str(&href) {
        headers.insert(header::LOCATION, location);
    }
    describe(headers, id, false);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_call() {
        let check = |method: Method, path: &str, want: Option<(&str, &str)>| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(())
                .unwrap();
            let call = Call::of(&request);
            let found = call
                .as_ref()
                .map(|c| (&path[c.app.clone()], &path[c.function.clone()]));
            assert_eq!(found, want, "{path}");
        };
        check(Method::POST, "/f/app/function", Some(("app", "function")));
        check(Method::POST, "/f/a/b?policy=random", Some(("a", "b")));
        check(Method::GET, "/f/app/function", None);
        check(Method::POST, "/fa/app/function", None);
        for path in [
            "/f/app",
            "/f/app/",
            "/f//function",
            "/f/app/function/",
            "/f/a/b/c",
            "/f/",
            "/f",
        ] {
            check(Method::POST, path, None);
        }
    }
}
