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
    /// Belongs to one run: what waits, and for what. Unlike the others it
    /// expires, is in no index, and a deleted variable leaves no version. (A
    /// run's chain-scoped state is not here but in its invocations.)
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
        Bundle::App => ["sky:{", app, "}:app"].concat(),
        Bundle::Chain(id) => ["sky:{", app, "}:chain:", id].concat(),
        Bundle::Key(key) => ["sky:{", app, "}:key:", key].concat(),
    }
}

/// The field that holds the version of variable `name`.
pub fn version_field(name: &str) -> String {
    format!("@{name}")
}

/// The invocation record (string: `=` and the encoded outcome, or the lease: its
/// epoch, when it ends in milliseconds since the Unix epoch, its owner).
pub fn record(app: &str, id: &InvocationId) -> String {
    // Made for every call; `format!` takes three times as long.
    ["sky:{", app, "}:task:", &id.chain_id, ":", &id.task_id].concat()
}

/// The record of a run (string: `+` if its first task is over, else `-`; then the
/// encoded `run::RunRecord`).
pub fn run(app: &str, chain_id: &str) -> String {
    ["sky:{", app, "}:run:", chain_id].concat()
}

/// Outbox index (sorted set: entry id by due time, milliseconds).
pub fn outbox(app: &str) -> String {
    format!("sky:{{{app}}}:outbox")
}

/// Outbox payloads (hash: entry id to encoded `run::Message`).
pub fn outbox_data(app: &str) -> String {
    format!("sky:{{{app}}}:outbox:data")
}

/// Runs that failed (sorted set: run id by the time it is forgotten,
/// milliseconds).
pub fn failed(app: &str) -> String {
    format!("sky:{{{app}}}:failed")
}

/// Is there if the run was cancelled (string).
pub fn cancelled(app: &str, chain_id: &str) -> String {
    ["sky:{", app, "}:cancelled:", chain_id].concat()
}

/// The nodes that use this store (sorted set: name by the time until which it is
/// known to, milliseconds).
pub const NODES: &str = "sky:nodes";

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

/// The run that an invocation started one-way, by the id that it would have as
/// a part of its own run.
pub fn run_started_by(app: &str, id: &InvocationId) -> String {
    // 128-bit FNV-1a: ids are made by us, and need not withstand who chooses them.
    let hash = id
        .to_string()
        .bytes()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, b| {
            (hash ^ u128::from(b)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    format!("{app}.{hash:032x}")
}

/// The id by which a run's promise is completed: `<run>~<name>`.
pub fn promise_id(chain_id: &str, name: &str) -> String {
    format!("{chain_id}~{name}")
}

/// What a key's text takes of the arguments, where that is all it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyText<'a> {
    /// `order.from`: an argument, and the fields that lead to the key.
    One(Vec<&'a str>),
    /// `(user, order.day)`: several of these.
    Several(Vec<Vec<&'a str>>),
}

/// Reads the text of a key; `None` for one that calculates.
pub fn read_key(text: &str) -> Option<KeyText<'_>> {
    fn path(text: &str) -> Option<Vec<&str>> {
        let is_name =
            |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let path: Vec<&str> = text.trim().split('.').collect();
        let starts = path.first()?.starts_with(|c: char| !c.is_numeric());
        (starts && path.iter().all(is_name)).then_some(path)
    }
    let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else {
        return path(text).map(KeyText::One);
    };
    let inner = inner.trim_end().trim_end_matches(',');
    let paths: Option<Vec<_>> = inner.split(',').map(path).collect();
    paths.map(KeyText::Several)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_only_take_are_told_from_those_that_calculate() {
        use KeyText::{One, Several};
        for (text, wanted) in [
            ("station", Some(One(vec!["station"]))),
            ("order.from.0", Some(One(vec!["order", "from", "0"]))),
            (
                "(user, order.day)",
                Some(Several(vec![vec!["user"], vec!["order", "day"]])),
            ),
            ("(user,)", Some(Several(vec![vec!["user"]]))),
            ("user.to_lowercase()", None),
            ("format!(\"{user}\")", None),
            ("|id: u64| id % 16", None),
            ("(a, b % 2)", None),
            ("7", None),
            ("()", None),
            ("", None),
        ] {
            assert_eq!(read_key(text), wanted, "{text}");
        }
    }

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
