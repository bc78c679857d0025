//! Keys in the store. All keys of an app share the hash tag `{app}`, so that a
//! commit is one script on one slot of a Redis cluster.

use crate::id::InvocationId;
use minicbor::{Decode, Encode};

/// Which bundle a state variable is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub enum Bundle {
    /// Shared by all runs of the app.
    #[n(0)]
    App,
    /// Belongs to one run (kept in the run's invocations, not in the store,
    /// while it travels).
    #[n(1)]
    Chain(#[n(0)] String),
    /// One per value of a key.
    #[n(2)]
    Key(#[n(0)] String),
}

/// The hash that holds a bundle: field `NAME` is the variable's value, field
/// `@NAME` its version (a decimal number).
pub fn bundle(app: &str, bundle: &Bundle) -> String {
    match bundle {
        Bundle::App => format!("sky:{{{app}}}:app"),
        Bundle::Chain(id) => format!("sky:{{{app}}}:chain:{id}"),
        Bundle::Key(key) => format!("sky:{{{app}}}:key:{key}"),
    }
}

/// The field that holds the version of variable `name`.
pub fn version_field(name: &str) -> String {
    format!("@{name}")
}

/// The invocation record (hash: `epoch`, `lease`, `owner`, `outcome`).
pub fn record(app: &str, id: &InvocationId) -> String {
    format!("sky:{{{app}}}:task:{}:{}", id.chain_id, id.task_id)
}

/// The record of a run (string: an encoded `run::RunRecord`).
pub fn run(app: &str, chain_id: &str) -> String {
    format!("sky:{{{app}}}:run:{chain_id}")
}

/// Outbox index (sorted set: entry id by due time, milliseconds).
pub fn outbox(app: &str) -> String {
    format!("sky:{{{app}}}:outbox")
}

/// Outbox payloads (hash: entry id to encoded `run::Message`).
pub fn outbox_data(app: &str) -> String {
    format!("sky:{{{app}}}:outbox:data")
}

/// Set of the names of all apps that have keys in this store.
pub const APPS: &str = "sky:apps";
