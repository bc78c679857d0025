//! Messages to other nodes.

use super::NodeError;
use bytes::Bytes;
use skylark_abi::run::{Delivered, Delivery};
use std::time::Duration;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// What is read of a peer's refusal.
const MAX_PROBLEM: usize = 4096;
/// What is read of a peer's answer to a delivery.
const MAX_ANSWER: usize = 64 << 10;

/// Route that says that a node lives.
const HEALTH: &str = "/healthz";
/// Route that takes messages between nodes.
const MESSAGES: &str = "/internal/messages";
/// Route that takes state to keep for callers of another node.
const STATE: &str = "/internal/state";

/// The other nodes, over HTTP.
pub(super) struct Peers {
    client: reqwest::Client,
    authorization: String,
}

impl Peers {
    pub(super) fn new(cluster_token: &str) -> Result<Self, NodeError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| NodeError::Unavailable(format!("the HTTP client for peers: {e}")))?;
        Ok(Self {
            client,
            authorization: format!("Bearer {cluster_token}"),
        })
    }

    /// The client, for requests to servers outside: it follows no redirects.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a message and waits until the peer has committed it. The peer's
    /// limits bound what it runs; that it runs at all is looked at every
    /// `patience`, since a stopped process or a cut cable closes no connection.
    pub(super) async fn deliver(
        &self,
        peer: &str,
        url: &str,
        delivery: &Delivery,
        patience: Duration,
    ) -> Result<Delivered, NodeError> {
        let request = self
            .client
            .post(format!("{url}{MESSAGES}"))
            .header("content-type", "application/cbor")
            .body(skylark_abi::encode(delivery));
        tokio::select! {
            delivered = self.delivered(peer, url, request) => delivered,
            () = self.until_silent(url, patience) => Err(NodeError::Silent(format!(
                "node `{peer}` at {url} took the message and then stopped answering"
            ))),
        }
    }

    async fn delivered(
        &self,
        peer: &str,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Delivered, NodeError> {
        let response = self.send(peer, url, request).await?;
        let body = start_of(response, MAX_ANSWER).await;
        // It was carried out, whatever this is.
        Ok(skylark_abi::decode(&body).unwrap_or_default())
    }

    async fn until_silent(&self, url: &str, patience: Duration) {
        loop {
            tokio::time::sleep(patience).await;
            let look = self.client.get(format!("{url}{HEALTH}")).timeout(patience);
            if look.send().await.is_err() {
                return;
            }
        }
    }

    /// Hands a peer state that it shall keep under `key`.
    pub(super) async fn keep(
        &self,
        peer: &str,
        url: &str,
        key: &str,
        value: Bytes,
    ) -> Result<(), NodeError> {
        let request = self
            .client
            .put(format!("{url}{STATE}"))
            .query(&[("key", key)])
            .body(value);
        self.send(peer, url, request).await.map(drop)
    }

    async fn send(
        &self,
        peer: &str,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, NodeError> {
        let response = request
            .header("authorization", &self.authorization)
            .send()
            .await
            .map_err(|e| NodeError::Silent(format!("node `{peer}` at {url}: {}", chain(&e))))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = problem(response).await;
        let what = format!("node `{peer}` answered {status}: {text}");
        // What the peer says of the request itself will not change.
        if matches!(status.as_u16(), 400 | 404 | 413 | 422) {
            return Err(NodeError::Malformed(what));
        }
        Err(NodeError::Unavailable(what))
    }
}

/// The body's first bytes.
async fn start_of(mut response: reqwest::Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    body
}

async fn problem(response: reqwest::Response) -> String {
    let body = start_of(response, MAX_PROBLEM).await;
    let detail = serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|v| Some(v.get("detail")?.as_str()?.to_owned()));
    detail.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
