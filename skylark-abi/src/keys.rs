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

/// Index of an app's bundles (sorted set of their keys, all of score 0).
pub fn bundles(app: &str) -> String {
    format!("sky:{{{app}}}:bundles")
}

/// The bundle that [`bundle`] gave this key, if it is one of the app's.
pub fn bundle_of(app: &str, key: &str) -> Option<Bundle> {
    let rest = key.strip_prefix(&format!("sky:{{{app}}}:"))?;
    match rest.split_once(':') {
        None if rest == "app" => Some(Bundle::App),
        Some(("chain", id)) => Some(Bundle::Chain(id.to_owned())),
        Some(("key", key)) => Some(Bundle::Key(key.to_owned())),
        _ => None,
    }
}

/// A value kept under a caller's key (string).
pub fn blob(key: &str) -> String {
    format!("sky:blob:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_by_their_keys() {
        let all = [
            Bundle::App,
            Bundle::Chain("app.01".into()),
            Bundle::Key("Vienna: north {1}".into()),
            Bundle::Key(String::new()),
        ];
        for one in all {
            let key = bundle("app", &one);
            assert_eq!(bundle_of("app", &key), Some(one), "{key}");
            assert_eq!(bundle_of("ap", &key), None, "{key}");
        }
        for key in [bundles("app"), outbox("app"), run("app", "app.01")] {
            assert_eq!(bundle_of("app", &key), None, "{key}");
        }
    }
}
