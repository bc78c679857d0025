//! A client of a node's HTTP routes.

mod find;
mod problem;
mod runs;
mod views;

pub use find::{Node, Reach};
pub use problem::Problem;
pub use views::{
    Accepted, AppDetail, AppView, EntriesPage, FailedPage, Invoked, RunView, StatePage, StateView,
};

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Why a node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It does not answer.
    #[error("cannot reach the node at {url}: {why}")]
    Unreachable {
        /// The node.
        url: String,
        /// Why, the innermost cause.
        why: String,
    },
    /// It says what is wrong.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// It answers, but not as a node does.
    #[error("{url} answered {status}, not as a Skylark node does: {excerpt}")]
    Foreign {
        /// What was asked.
        url: String,
        /// What it answered.
        status: StatusCode,
        /// The first characters of the body, or why it cannot be read.
        excerpt: String,
    },
    /// The client itself.
    #[error("cannot make the HTTP client: {0}")]
    Setup(String),
}

impl ClientError {
    /// The node's own words.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the node answered that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.problem()
            .is_some_and(|p| p.status == StatusCode::NOT_FOUND.as_u16())
    }
}

/// How to invoke.
#[derive(Debug, Clone, Default)]
pub struct InvokeOptions {
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// Election policy for this run.
    pub policy: Option<String>,
    /// The input is bytes as they are, and no JSON.
    pub raw: bool,
}

/// How long connecting may take. There is no limit on an answer: a run may be
/// long, and the node has one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer to a question about readiness may take.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// Characters of a foreign answer that an error shows.
const EXCERPT: usize = 200;

/// A client, for any node that takes its token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// A client that shows `token`.
    ///
    /// # Errors
    /// The token is no header's value.
    pub fn new(token: Option<&str>) -> anyhow::Result<Self> {
        let setup = |error: String| ClientError::Setup(error);
        let mut headers = header::HeaderMap::new();
        if let Some(token) = token {
            let mut value = header::HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| setup("the token has characters that no header can carry".into()))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .user_agent(concat!("cargo-skylark/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(error.to_string()))?;
        Ok(Self { http })
    }

    /// Sends a module as app `app`: `PUT /f/{app}`. Unless it is forced, a node
    /// refuses one that does not read what it stores, or would lose some of it.
    ///
    /// # Errors
    /// The node cannot be reached, or refuses the module.
    pub async fn deploy(
        &self,
        node: &str,
        app: &str,
        wasm: Vec<u8>,
        force: bool,
    ) -> Result<AppView, ClientError> {
        let request = self
            .request(Method::PUT, node, &["f", app])
            .query(&[("force", force)])
            .header(header::CONTENT_TYPE, "application/wasm")
            .body(wasm);
        json(node, send(node, request).await?).await
    }

    /// Invokes and waits for the result, with its timeline:
    /// `POST /f/{app}/{function}`.
    ///
    /// # Errors
    /// The node cannot be reached, or the run failed.
    pub async fn invoke(
        &self,
        node: &str,
        app: &str,
        function: &str,
        input: Vec<u8>,
        options: &InvokeOptions,
    ) -> Result<Invoked, ClientError> {
        let request = self
            .call(node, ["f", app, function], input, options)
            .query(&[("timeline", "true")]);
        let response = send(node, request).await?;
        let replayed = response
            .headers()
            .get("skylark-replayed")
            .is_some_and(|value| value == "true");
        let run = json(node, response).await?;
        Ok(Invoked { run, replayed })
    }

    /// Invokes and waits for the bare result: bytes as they are, else JSON.
    ///
    /// # Errors
    /// The node cannot be reached, or the run failed.
    pub async fn post(
        &self,
        node: &str,
        app: &str,
        function: &str,
        input: Vec<u8>,
        options: &InvokeOptions,
    ) -> Result<Vec<u8>, ClientError> {
        let request = self.call(node, ["f", app, function], input, options);
        let answer = send(node, request).await?.bytes().await;
        answer
            .map(Vec::from)
            .map_err(|error| ClientError::Unreachable {
                url: node.to_owned(),
                why: innermost(&error),
            })
    }

    /// Invokes and returns at once: `POST /fa/{app}/{function}`.
    ///
    /// # Errors
    /// The node cannot be reached, or does not accept the run.
    pub async fn submit(
        &self,
        node: &str,
        app: &str,
        function: &str,
        input: Vec<u8>,
        options: &InvokeOptions,
    ) -> Result<Accepted, ClientError> {
        let request = self.call(node, ["fa", app, function], input, options);
        json(node, send(node, request).await?).await
    }

    /// The apps on a node: `GET /f`.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn apps(&self, node: &str) -> Result<Vec<AppView>, ClientError> {
        self.get(node, &["f"], &[]).await
    }

    /// One app on a node: `GET /f/{app}`.
    ///
    /// # Errors
    /// The node cannot be reached, or has no such app.
    pub async fn app(&self, node: &str, app: &str) -> Result<AppDetail, ClientError> {
        self.get(node, &["f", app], &[]).await
    }

    /// All stored variables of an app, page by page.
    ///
    /// # Errors
    /// The node cannot be reached, or has no such app.
    pub async fn states(&self, node: &str, app: &str) -> Result<Vec<StateView>, ClientError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query: Vec<(&str, &str)> = after.iter().map(|a| ("after", a.as_str())).collect();
            let page: StatePage = self.get(node, &["apps", app, "states"], &query).await?;
            all.extend(page.states);
            match page.next {
                Some(next) if after.as_deref() != Some(&next) => after = Some(next),
                _ => return Ok(all),
            }
        }
    }

    /// One stored variable: `GET /apps/{app}/states/{name}`.
    ///
    /// # Errors
    /// The node cannot be reached, or nothing of that name is stored.
    pub async fn state(&self, node: &str, app: &str, name: &str) -> Result<StateView, ClientError> {
        self.get(node, &["apps", app, "states", name], &[]).await
    }

    /// A page of a collection's entries: `GET /apps/{app}/states/{name}/entries`.
    ///
    /// # Errors
    /// The node cannot be reached, or the app has no such collection.
    pub async fn entries(
        &self,
        node: &str,
        app: &str,
        name: &str,
        query: &[(&str, &str)],
    ) -> Result<EntriesPage, ClientError> {
        let path = ["apps", app, "states", name, "entries"];
        self.get(node, &path, query).await
    }

    /// Whether a node is ready: `GET /readyz`.
    ///
    /// # Errors
    /// It cannot be reached, or is not.
    pub async fn ready(&self, node: &str) -> Result<(), ClientError> {
        let request = self
            .request(Method::GET, node, &["readyz"])
            .timeout(READY_TIMEOUT);
        send(node, request).await.map(|_| ())
    }

    /// What a node counts, in Prometheus's text format: `GET /metrics`.
    ///
    /// # Errors
    /// The node cannot be reached, or keeps none.
    pub async fn metrics(&self, node: &str) -> Result<String, ClientError> {
        let response = send(node, self.request(Method::GET, node, &["metrics"])).await?;
        response
            .text()
            .await
            .map_err(|error| ClientError::Unreachable {
                url: node.to_owned(),
                why: innermost(&error),
            })
    }

    fn request(&self, method: Method, node: &str, path: &[&str]) -> RequestBuilder {
        let mut url = node.trim_end_matches('/').to_owned();
        for segment in path {
            url.push('/');
            url.push_str(&escape(segment));
        }
        self.http.request(method, url)
    }

    fn call(
        &self,
        node: &str,
        path: [&str; 3],
        input: Vec<u8>,
        options: &InvokeOptions,
    ) -> RequestBuilder {
        let mut request = self.request(Method::POST, node, &path);
        if options.raw {
            request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        } else if !input.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &options.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(policy) = &options.policy {
            request = request.query(&[("policy", policy)]);
        }
        request.body(input)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        node: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let request = self.request(Method::GET, node, path).query(query);
        json(node, send(node, request).await?).await
    }
}

/// Sends; an answer that is no success is an error.
async fn send(node: &str, request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request
        .send()
        .await
        .map_err(|error| ClientError::Unreachable {
            url: node.to_owned(),
            why: innermost(&error),
        })?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let url = response.url().to_string();
    let body = response.bytes().await.unwrap_or_default();
    Err(match Problem::read(&body) {
        Some(problem) => ClientError::Problem(Box::new(problem)),
        None => ClientError::Foreign {
            url,
            status,
            excerpt: excerpt(&body),
        },
    })
}

async fn json<T: DeserializeOwned>(node: &str, response: Response) -> Result<T, ClientError> {
    let status = response.status();
    let url = response.url().to_string();
    let body = response
        .bytes()
        .await
        .map_err(|error| ClientError::Unreachable {
            url: node.to_owned(),
            why: innermost(&error),
        })?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Foreign {
        url,
        status,
        excerpt: format!("{} ({error})", excerpt(&body)),
    })
}

/// The innermost cause says what happened; those around it what was tried.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return "an empty body".into();
    }
    let mut excerpt: String = text.chars().take(EXCERPT).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}

/// A path segment with everything escaped that a path could misread.
fn escape(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cannot_leave_their_place() {
        let check = |segment: &str, wanted: &str| assert_eq!(escape(segment), wanted);
        check("app-1", "app-1");
        check("a/../b?c#d", "a%2F..%2Fb%3Fc%23d");
        check("ä", "%C3%A4");
    }

    #[test]
    fn foreign_answers_are_shown_in_part() {
        assert_eq!(excerpt(b" \n"), "an empty body");
        assert_eq!(excerpt(b"<html>"), "<html>");
        assert_eq!(
            excerpt("ä".repeat(300).as_bytes()).chars().count(),
            EXCERPT + 1
        );
    }
}
