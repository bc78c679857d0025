//! What can go wrong between a caller and a function.

use crate::{engine::LoadError, store::StoreError};
use skylark_abi::{call::Failure, run::TaskReport, shape::Change};
use std::time::Duration;

/// Why the node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No app of that name is loaded.
    #[error("no app `{app}` is deployed on node `{node}`{}", meant(nearest))]
    UnknownApp {
        /// What was asked for.
        app: String,
        /// This node.
        node: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// The app has no such function.
    #[error("app `{app}` has no function `{function}`{}", meant(nearest))]
    UnknownFunction {
        /// The app.
        app: String,
        /// What was asked for.
        function: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// No run of that id is remembered here.
    #[error(
        "no run `{id}` is remembered on node `{node}`: ask the node that accepted it; runs are kept for {kept:?} (`--retention`)"
    )]
    UnknownRun {
        /// What was asked for.
        id: String,
        /// This node.
        node: String,
        /// How long runs are kept.
        kept: Duration,
    },
    /// The app has no such state variable, or nothing was written to it.
    #[error("app `{app}` has no stored state `{name}`{}", meant(nearest))]
    UnknownState {
        /// The app.
        app: String,
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// The run ended with an error.
    #[error("{failure}")]
    Failed {
        /// The run.
        run_id: String,
        /// Why.
        failure: Failure,
        /// Its tasks so far.
        tasks: Vec<TaskReport>,
    },
    /// The module was refused.
    #[error(transparent)]
    Refused(#[from] LoadError),
    /// The module does not read, or would lose, state in use.
    #[error("the module is refused, since it would break state in use: {}", changes(.0))]
    BreaksState(Vec<Change>),
    /// An idempotency key came back with another body.
    #[error(
        "the idempotency key was used before with another body: take a new key for a new request"
    )]
    KeyReused,
    /// A promise was completed before, with another value.
    #[error("promise `{id}` was completed before, with another value, and keeps that one")]
    PromiseKept {
        /// The promise.
        id: String,
    },
    /// The run is not in a state in which that can be done.
    #[error("run `{id}` {why}")]
    RunIs {
        /// The run.
        id: String,
        /// How it stands.
        why: &'static str,
    },
    /// A name that cannot be one.
    #[error(
        "`{name}` is no name for an app or function: letters, digits, `_` and `-`, not starting with a digit, at most {} bytes",
        skylark_abi::names::MAX_NAME
    )]
    InvalidName {
        /// What was given.
        name: String,
    },
    /// A parameter has a value that it cannot have.
    #[error("`{value}` is no value for `{name}`: {allowed}")]
    InvalidOption {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The node has as much to do as it takes.
    #[error(
        "the node is at its limit of {limit} calls in flight (`--max-in-flight`); try again later"
    )]
    Overloaded {
        /// The limit.
        limit: usize,
        /// When it may be worth a try.
        retry_after: Duration,
    },
    /// The node is shutting down.
    #[error("the node is shutting down and takes no new work")]
    Draining,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another node could not be reached.
    #[error("{0}")]
    Unavailable(String),
    /// Another node did not answer at all.
    #[error("{0}")]
    Silent(String),
    /// A message between nodes that is none.
    #[error("{0}")]
    Malformed(String),
    /// A file of the node's own could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

fn meant(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

/// One line of all that is wrong, with the way out.
fn changes(changes: &[Change]) -> String {
    let each: Vec<String> = changes
        .iter()
        .map(|change| {
            let (name, verdict) = (&change.variable, change.verdict.as_str());
            format!("`{name}` {verdict} ({})", change.why())
        })
        .collect();
    let each = each.join("; ");
    format!("{each}; upload with `?force=true` if that is meant")
}
