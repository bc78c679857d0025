//! The node over HTTP: routes, limits, tokens, problem documents, drain.
//!
//! Requests come from hyper. A call, `POST /f/{app}/{function}`, is taken out
//! before the router and answered with as little as possible in between
//! ([`calls`]); every other route goes through axum ([`routes`]). Only this
//! module knows of status codes, and only [`problem`] decides which error has
//! which.

mod admission;
mod apps;
mod auth;
mod body;
mod calls;
mod commands;
mod idle;
mod messages;
mod operations;
mod params;
mod placement;
mod problem;
mod routes;
mod runs;
mod serve;
mod states;

pub use auth::Token;

use crate::{metrics::CallMetrics, node::Node};
use admission::Admission;
use axum::Router;
use body::BodyLimit;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{sync::Arc, time::Duration};

/// Limits of requests; the names are those of the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Calls in flight; one more is refused.
    pub max_in_flight: usize,
    /// Open connections; further ones wait to be accepted.
    pub max_connections: usize,
    /// Largest input of a call, in bytes.
    pub max_body: u64,
    /// Largest message from another node, in bytes.
    pub max_message: u64,
    /// Largest module, in bytes.
    pub max_module: u64,
    /// How long a request's headers may take, idle time before them included.
    pub header_timeout: Duration,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            max_in_flight: 1024,
            max_connections: 8192,
            max_body: 16 * MIB,
            max_message: 64 * MIB,
            max_module: 64 * MIB,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Who may do what.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Uploads and other changes.
    pub operator: Token,
    /// Messages between nodes.
    pub cluster: Token,
}

/// A node's HTTP side. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    http: Arc<Http>,
    router: Router,
}

/// What the routes work with.
struct Http {
    node: Node,
    commands: crate::commands::Commands,
    config: HttpConfig,
    tokens: Tokens,
    calls: Admission,
    /// Messages are counted apart: were they refused while callers that wait
    /// for them fill the node, nobody would ever get out.
    messages: Admission,
    metrics: CallMetrics,
    prometheus: Option<PrometheusHandle>,
}

impl Server {
    /// The routes of a node.
    pub fn new(
        node: Node,
        commands: crate::commands::Commands,
        config: HttpConfig,
        tokens: Tokens,
    ) -> Self {
        let http = Arc::new(Http {
            node,
            commands,
            calls: Admission::new(config.max_in_flight),
            messages: Admission::new(config.max_in_flight),
            config,
            tokens,
            prometheus: crate::metrics::install(),
            metrics: CallMetrics::default(),
        });
        Self {
            router: routes::router(http.clone()),
            http,
        }
    }
}

impl Http {
    fn input_limit(&self) -> BodyLimit {
        self.limit("the input", self.config.max_body, "max-body")
    }

    fn limit(&self, what: &'static str, bytes: u64, option: &'static str) -> BodyLimit {
        BodyLimit {
            what,
            bytes,
            option,
            timeout: self.config.body_timeout,
        }
    }
}
