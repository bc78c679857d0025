//! The cluster under load, as its callers see it, and what they have seen.

use super::{
    apps::{self, Answer, App},
    faults::Act,
};
use anyhow::{Context as _, Result};
use cargo_skylark::client::{Client, InvokeOptions};
use serde::Serialize;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How long after the last fault a request may still take.
pub(super) const SETTLE: Duration = Duration::from_secs(30);

/// The cluster as its callers see it, and what they have seen.
pub(super) struct Load {
    client: Client,
    names: Vec<String>,
    urls: Vec<String>,
    /// Whether every node can answer for every other.
    shared: bool,
    seed: u64,
    begun: Instant,
    lasts: Duration,
    keys: AtomicU64,
    pub(super) counts: Counts,
    violations: Mutex<Vec<Violation>>,
}

/// How often what happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answered: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) replays: AtomicU64,
    pub(super) promises: AtomicU64,
    pub(super) kills: AtomicU64,
    pub(super) stops: AtomicU64,
}

/// One of the things that must hold, and does not.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Violation {
    /// The request, if it is one's.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub request: Option<Named>,
    /// What is wrong.
    pub what: String,
}

/// A request, for people who look for it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Named {
    /// Its idempotency key.
    pub key: String,
    /// The app.
    pub app: &'static str,
    /// The node that it was sent to first.
    pub node: String,
    /// Whether by `POST /fa/…`.
    pub asynchronous: bool,
    /// Its run, as far as it is known.
    pub run: Option<String>,
}

/// One request.
pub(super) struct Request {
    pub(super) key: u64,
    pub(super) app: &'static dyn App,
    /// The node that it is sent to first.
    pub(super) node: usize,
    pub(super) asynchronous: bool,
    /// When it must have its answer.
    pub(super) until: Instant,
    pub(super) run: Option<String>,
    pub(super) answer: Option<Answer>,
    /// When, from the beginning.
    pub(super) sent: Duration,
    pub(super) took: Duration,
}

impl Load {
    pub(super) fn new(
        client: Client,
        names: Vec<String>,
        urls: Vec<String>,
        shared: bool,
        seed: u64,
    ) -> Self {
        Self {
            client,
            names,
            urls,
            shared,
            seed,
            begun: Instant::now(),
            lasts: Duration::ZERO,
            keys: AtomicU64::new(0),
            counts: Counts::default(),
            violations: Mutex::default(),
        }
    }

    /// The same, from now on for this long.
    pub(super) fn lasting(self, lasts: Duration) -> Self {
        Self {
            begun: Instant::now(),
            lasts,
            ..self
        }
    }

    /// Makes each app's calls at each store, before anything goes wrong.
    ///
    /// # Errors
    /// One fails.
    pub(super) async fn prepare(&self) -> Result<()> {
        let stores = if self.shared { 1 } else { self.nodes() };
        for url in self.urls.iter().take(stores) {
            for app in apps::ALL {
                for (function, input) in app.prepare() {
                    let input = input.to_string().into_bytes();
                    let options = InvokeOptions::default();
                    let call = self
                        .client
                        .invoke(url, app.package(), function, input, &options);
                    call.await
                        .with_context(|| format!("cannot prepare {}", app.name()))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// When the last fault is mended, and no request begins any more.
    pub(super) fn faults_end(&self) -> Instant {
        self.begun + self.lasts
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// A new request to one of `nodes`, which may take until [`SETTLE`] after
    /// the last fault.
    pub(super) fn request(
        &self,
        nodes: &[usize],
        last_fault: Instant,
        rng: &mut fastrand::Rng,
    ) -> Request {
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        let app = apps::ALL[rng.usize(..apps::ALL.len())];
        Request {
            key,
            app,
            node: nodes[rng.usize(..nodes.len())],
            // A promise is completed by its run's id, which only who does not
            // wait for the run is told before.
            asynchronous: rng.bool() || app.promise(key).is_some(),
            until: last_fault + SETTLE,
            run: None,
            answer: None,
            sent: Duration::ZERO,
            took: Duration::ZERO,
        }
    }

    pub(super) fn nodes(&self) -> usize {
        self.urls.len()
    }

    pub(super) fn node(&self, nth: usize) -> &str {
        self.names.get(nth).map_or("", String::as_str)
    }

    pub(super) fn url(&self, nth: usize) -> &str {
        self.urls.get(nth).map_or("", String::as_str)
    }

    pub(super) fn shared(&self) -> bool {
        self.shared
    }

    pub(super) fn count_fault(&self, act: Act) {
        let count = match act {
            Act::Kill => &self.counts.kills,
            Act::Stop => &self.counts.stops,
            Act::Restart | Act::Continue | Act::Ail(_) | Act::Heal => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what must not be.
    pub(super) fn wrong(&self, request: Option<&Request>, what: String) {
        let request = request.map(|request| Named {
            key: self.key(request),
            app: request.app.package(),
            node: self.node(request.node).to_owned(),
            asynchronous: request.asynchronous,
            run: request.run.clone(),
        });
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Violation { request, what });
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        let violations = self
            .violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        violations.clone()
    }

    /// The request's idempotency key.
    pub(super) fn key(&self, request: &Request) -> String {
        format!("torture-{}-{}", self.seed, request.key)
    }
}
