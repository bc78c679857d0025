//! The apps under load, and what must be true of their answers.

use cargo_skylark::client::StateView;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use skylark_abi::call::{Failure, FailureKind};
use std::collections::BTreeMap;

/// How a run ended.
pub(super) type Answer = Result<Value, Failure>;

/// An app, as its callers see it.
pub(super) trait App: Send + Sync {
    /// Its package among the examples, and its name on the nodes.
    fn name(&self) -> &'static str;
    /// The function that request `key` calls, and its input.
    fn request(&self, key: u64) -> (&'static str, Value);
    /// Whether the answer to request `key` can be right, by itself.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, key: u64, answer: &Answer) -> Result<(), String>;
    /// What is wrong with all answers together, and with the state that is
    /// left; nodes that share a store are one of `stores`.
    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String>;
}

/// A store when all is over.
#[derive(Debug)]
pub(super) struct StoreEnd {
    /// For people: `redis`, or the node's name.
    pub name: String,
    /// The answers to the requests that began here, by key.
    pub answers: BTreeMap<u64, Answer>,
    /// The app's variables.
    pub states: Vec<StateView>,
}

/// Every app; one more is one more line here.
pub(super) const ALL: &[&dyn App] = &[&Counter, &HashChain];

/// A chain that anybody may call: app, function and input.
pub(super) const CHAIN: (&str, &str, &str) = ("hashchain", "f1", "\"payload\"");

/// A result, if the run has one. A call whose node was stopped for longer than
/// its time limit ends with that error, which is an answer like any other: it
/// has no effect.
fn result(answer: &Answer) -> Result<Option<&Value>, String> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.kind == FailureKind::Timeout => Ok(None),
        Err(failure) => Err(format!("failed: {failure}")),
    }
}

/// Every request adds one: no two may get the same total, and the last total
/// is how many there were.
struct Counter;

impl App for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn request(&self, _: u64) -> (&'static str, Value) {
        ("add", json!(1))
    }

    fn check(&self, _: u64, answer: &Answer) -> Result<(), String> {
        match result(answer)? {
            Some(total) if total.as_u64().is_none_or(|n| n == 0) => {
                Err(format!("{total} is no total"))
            }
            _ => Ok(()),
        }
    }

    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        stores.iter().flat_map(counted).collect()
    }
}

fn counted(store: &StoreEnd) -> Vec<String> {
    let mut given: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (key, answer) in &store.answers {
        if let Some(total) = answer.as_ref().ok().and_then(Value::as_u64) {
            given.entry(total).or_default().push(*key);
        }
    }
    let added: usize = given.values().map(Vec::len).sum();
    let added = added as u64;
    let twice = given.iter().filter(|(_, keys)| keys.len() > 1);
    let mut wrong: Vec<String> = twice
        .map(|(total, keys)| format!("{}: total {total} was given to {keys:?}", store.name))
        .collect();
    let missing: Vec<u64> = (1..=added).filter(|n| !given.contains_key(n)).collect();
    if !missing.is_empty() {
        wrong.push(format!(
            "{}: {added} were added, and nobody was given {missing:?}",
            store.name
        ));
    }
    let total = store.states.iter().find(|state| state.name == "TOTAL");
    let total = total.map_or(&Value::Null, |state| &state.value);
    if total.as_u64().unwrap_or_default() != added {
        wrong.push(format!(
            "{}: {added} were added, and the total is {total}",
            store.name
        ));
    }
    wrong
}

/// Every request is hashed three times, by three functions wherever they are
/// placed; what comes out is known.
struct HashChain;

impl App for HashChain {
    fn name(&self) -> &'static str {
        "hashchain"
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("f1", json!(payload(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        let Some(trail) = result(answer)? else {
            return Ok(());
        };
        let expected = hashed(&payload(key));
        match *trail == expected {
            true => Ok(()),
            false => Err(format!("{trail} is not {expected}")),
        }
    }

    fn check_end(&self, _: &[StoreEnd]) -> Vec<String> {
        Vec::new()
    }
}

fn payload(key: u64) -> String {
    format!("payload of {key}")
}

fn hashed(payload: &str) -> Value {
    let mut digest = payload.to_owned();
    let links: Vec<Value> = ["f1", "f2", "f3"]
        .iter()
        .map(|function| {
            let bytes = Sha256::digest(digest.as_bytes());
            digest = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "function": function, "digest": digest })
        })
        .collect();
    json!({ "digest": digest, "links": links })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(value: u64) -> StateView {
        let view =
            json!({"bundle": "app", "name": "TOTAL", "version": 1, "bytes": 1, "value": value});
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn counts_that_are_wrong_are_found() {
        let timeout = || Err(Failure::new(FailureKind::Timeout, "stopped"));
        let check = |answers: &[Answer], left: Option<u64>, wrong: &[&str]| {
            let store = StoreEnd {
                name: "s".into(),
                answers: (100..).zip(answers.iter().cloned()).collect(),
                states: left.map(total).into_iter().collect(),
            };
            assert_eq!(Counter.check_end(&[store]), wrong, "{answers:?}");
        };
        let n = |n: u64| Ok(json!(n));
        check(&[], None, &[]);
        check(&[n(2), n(1), n(3)], Some(3), &[]);
        check(&[n(1), timeout(), n(2)], Some(2), &[]);
        check(
            &[n(1), n(1)],
            Some(1),
            &[
                "s: total 1 was given to [100, 101]",
                "s: 2 were added, and nobody was given [2]",
                "s: 2 were added, and the total is 1",
            ],
        );
        check(
            &[n(1), n(3)],
            Some(3),
            &[
                "s: 2 were added, and nobody was given [2]",
                "s: 2 were added, and the total is 3",
            ],
        );
        check(&[n(1)], None, &["s: 1 were added, and the total is null"]);
    }

    #[test]
    fn answers_that_are_wrong_are_found() {
        // From `printf 'payload of 1' | sha256sum`, and on each digest in turn.
        let right = hashed(&payload(1));
        assert_eq!(right["links"][2]["digest"], right["digest"]);
        let trap = Err(Failure::new(FailureKind::Trap, "unreachable"));
        let late = Err(Failure::new(FailureKind::Timeout, "stopped"));
        let rows: [(&dyn App, Answer, bool); 8] = [
            (&HashChain, Ok(right), true),
            (&HashChain, Ok(hashed("other")), false),
            (&HashChain, trap.clone(), false),
            (&HashChain, late.clone(), true),
            (&Counter, Ok(json!(1)), true),
            (&Counter, Ok(json!(0)), false),
            (&Counter, Ok(Value::Null), false),
            (&Counter, trap, false),
        ];
        for (app, answer, fine) in rows {
            assert_eq!(app.check(1, &answer).is_ok(), fine, "{answer:?}");
        }
    }
}
