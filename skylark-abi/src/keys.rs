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
    /// Of a collection: what is read and written one by one. The name in it is
    /// the entry's key, or the [`crate::span::Span`] of a range, or empty.
    #[n(3)]
    Part(#[n(0)] Collection, #[n(1)] Part),
}

/// A variable that is not read whole: a `Map`, a `List`, a `Counter`.
///
/// In its bundle it is a variable whose value is a decimal number (its entries; a
/// counter's sum) and whose version grows with every write to any part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct Collection {
    /// Which of the bundles per key it is in; `None` for the app's.
    #[n(0)]
    pub key: Option<String>,
    /// The variable.
    #[n(1)]
    pub name: String,
}

impl Collection {
    /// The bundle that it is a variable of.
    pub fn bundle(&self) -> Bundle {
        match &self.key {
            None => Bundle::App,
            Some(key) => Bundle::Key(key.clone()),
        }
    }
}

/// What of a collection is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Part {
    /// An entry: read, and written. Its version is that of the collection when it
    /// was written, so that one which was deleted leaves nothing.
    #[n(0)]
    Entry,
    /// The entries of a span: read, as a [`crate::span::Scanned`]. Its version tells
    /// the keys in it and their versions: it is checked by scanning again.
    #[n(1)]
    Range,
    /// The number of entries: read, as decimal text. It is its own version.
    #[n(2)]
    Len,
    /// What follows the last entry of a list: written, which appends an entry,
    /// whoever else does so too.
    #[n(3)]
    End,
    /// A counter's sum: written, as decimal text, which is added, whoever else
    /// does so too. It is read as the variable itself.
    #[n(4)]
    Sum,
}

/// The hash that holds a bundle: field `NAME` is the variable's value, field
/// `@NAME` its version (a decimal number; behind a colon the time at which it is over,
/// milliseconds, if it has a `ttl`).
pub fn bundle(app: &str, bundle: &Bundle) -> String {
    match bundle {
        Bundle::App => ["sky:{", app, "}:app"].concat(),
        Bundle::Chain(id) => ["sky:{", app, "}:chain:", id].concat(),
        Bundle::Key(key) => ["sky:{", app, "}:key:", key].concat(),
        Bundle::Part(collection, _) => within(app, "entries", collection),
    }
}

/// The hash with the versions of a collection's entries, by their keys. Their
/// values are in the hash that [`bundle`] names.
pub fn entry_versions(app: &str, collection: &Collection) -> String {
    within(app, "versions", collection)
}

/// Index of a collection's entries (sorted set of their keys, all of score 0).
pub fn entry_index(app: &str, collection: &Collection) -> String {
    within(app, "index", collection)
}

fn within(app: &str, what: &str, of: &Collection) -> String {
    let mut key = ["sky:{", app, "}:", what, ":", &of.name].concat();
    if let Some(of_key) = &of.key {
        key.push(':');
        key.push_str(of_key);
    }
    key
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

/// Variables and entries that do not last (sorted set: by the time they are over,
/// milliseconds; as the node's `lasts.lua` names them).
pub fn expiring(app: &str) -> String {
    format!("sky:{{{app}}}:expiring")
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
        let of = Collection {
            key: Some("Vienna".into()),
            name: "M".into(),
        };
        let entries = bundle("app", &Bundle::Part(of.clone(), Part::Entry));
        assert_eq!(entries, "sky:{app}:entries:M:Vienna");
        let of_entries = [entries, entry_versions("app", &of), entry_index("app", &of)];
        let others = [
            bundles("app"),
            expiring("app"),
            outbox("app"),
            run("app", "app.01"),
        ];
        for key in of_entries.into_iter().chain(others) {
            assert_eq!(bundle_of("app", &key), None, "{key}");
        }
    }
}
