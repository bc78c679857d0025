//! The apps under load, and what must be true of their answers.

mod bank;
mod counter;
mod expenses;
mod hashchain;
mod media;
mod shop;
mod travel;

use cargo_skylark::client::StateView;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skylark_abi::call::{Failure, FailureKind};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How a run ended.
pub(super) type Answer = Result<Value, Failure>;

/// An app, as its callers see it.
pub(super) trait App: Send + Sync {
    /// For people.
    fn name(&self) -> &'static str;
    /// Its package among the examples, and its name on the nodes.
    fn package(&self) -> &'static str {
        self.name()
    }
    /// What is called at each store before anything goes wrong.
    fn prepare(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
    /// Where what it calls goes.
    fn policy(&self, _shared: bool) -> &'static str {
        ANYWHERE
    }
    /// The function that request `key` calls, and its input.
    fn request(&self, key: u64) -> (&'static str, Value);
    /// The promise that its run waits for, and the value that its caller completes
    /// it with.
    fn promise(&self, _key: u64) -> Option<(&'static str, Value)> {
        None
    }
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
    pub answers: BTreeMap<u64, Told>,
    /// The app's variables.
    pub states: Vec<StateView>,
    /// Runs that failed, by the function that they began with.
    pub failed: BTreeMap<String, u64>,
}

/// What a caller was told, and when, from the beginning of the load.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub answer: Answer,
    /// When it asked first.
    pub sent: Duration,
    /// When it knew.
    pub answered: Duration,
}

/// Every app; one more is one more line here.
pub(super) const ALL: &[&dyn App] = &[
    &counter::Counter,
    &hashchain::HashChain,
    &bank::AtOnce,
    &bank::ByCalls,
    &travel::AtOnce,
    &travel::ByCalls,
    &media::Reviews,
    &expenses::Reports,
    &shop::Orders,
];

/// Successors and calls go to any node.
pub(super) const ANYWHERE: &str = "random";
/// They stay at the node where their caller is, which is the nearest.
const NEAREST: &str = "skylark";

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

/// Whether a failure is by a time limit, of the function itself or of one that
/// it called: what of its calls took effect is unknown.
fn by_time(failure: &Failure) -> bool {
    failure.kind == FailureKind::Timeout || failure.message.contains("time limit")
}

/// The same for an answer.
fn half_done(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(by_time)
}

/// What the function refused, which must be right, for a reason that has this
/// in it.
fn refused(failure: &Failure, right: bool, why: &str) -> Result<(), String> {
    match failure.kind == FailureKind::Returned && right && failure.message.contains(why) {
        true => Ok(()),
        false => Err(format!("refused: {failure}")),
    }
}

/// An answer's value as a type of the harness.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|why| format!("{value} is no answer: {why}"))
}

impl StoreEnd {
    /// A variable, its default if it was never written.
    fn state<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, String> {
        let Some(found) = self.states.iter().find(|state| state.name == name) else {
            return Ok(T::default());
        };
        T::deserialize(&found.value).map_err(|why| format!("{}: {name}: {why}", self.name))
    }

    /// How many runs that began with this function failed.
    fn failed(&self, function: &str) -> u64 {
        self.failed.get(function).copied().unwrap_or_default()
    }

    /// Every answer that is a result, read.
    fn results<T: DeserializeOwned>(&self) -> impl Iterator<Item = (u64, T, &Told)> {
        self.answers.iter().filter_map(|(key, told)| {
            let value = told.answer.as_ref().ok()?;
            Some((*key, T::deserialize(value).ok()?, told))
        })
    }

    /// Keys of requests of which it is unknown what took effect.
    fn half_done(&self) -> BTreeSet<u64> {
        let half = self
            .answers
            .iter()
            .filter(|(_, told)| half_done(&told.answer));
        half.map(|(key, _)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        counter::Counter,
        hashchain::{HashChain, hashed, payload},
        *,
    };
    use serde_json::json;

    #[test]
    fn answers_that_are_wrong_are_found() {
        // From `printf 'payload of 1' | sha256sum`, and on each digest in turn.
        let right = hashed(&payload(1));
        assert_eq!(right["links"][2]["digest"], right["digest"]);
        let trap = Err(Failure::new(FailureKind::Trap, "unreachable"));
        let late = late();
        let gone = || no("no room is left: inn0");
        let rows: [(&dyn App, Answer, bool); 20] = [
            (&bank::AtOnce, Ok(json!({"from": 7, "to": 9})), true),
            (&bank::AtOnce, Ok(json!({"from": -1, "to": 9})), false),
            (&bank::AtOnce, Ok(json!({"from": 7})), false),
            (
                &bank::AtOnce,
                no("`ann` has 1 cents, which is less than 2"),
                false,
            ),
            (&bank::AtOnce, late.clone(), true),
            (&bank::ByCalls, no("no account `nobody` in the east"), false),
            (&travel::AtOnce, Ok(json!(1)), true),
            (&travel::AtOnce, Ok(json!(0)), false),
            (&travel::AtOnce, gone(), true),
            (&travel::ByCalls, gone(), true),
            (&media::Reviews, no("there is no film `Metropolis`"), false),
            (&media::Reviews, Ok(json!(1)), false),
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

    /// A store named `s` after these answers, with these variables; each was
    /// sent and answered at its place, in seconds.
    pub(super) fn end(answers: Vec<(u64, Answer)>, states: Value) -> StoreEnd {
        let at = Duration::from_secs;
        let told = (0..).zip(answers).map(|(n, (key, answer))| {
            let (sent, answered) = (at(2 * n), at(2 * n + 1));
            let told = Told {
                answer,
                sent,
                answered,
            };
            (key, told)
        });
        let views = states.as_object().into_iter().flatten().map(|(name, value)| {
            let view =
                json!({"bundle": "app", "name": name, "version": 1, "bytes": 1, "value": value});
            serde_json::from_value(view).unwrap()
        });
        StoreEnd {
            name: "s".into(),
            answers: told.collect(),
            states: views.collect(),
            failed: BTreeMap::new(),
        }
    }

    /// What is wrong is said by messages with these parts, in order.
    pub(super) fn found(app: &dyn App, store: StoreEnd, parts: &[&str]) {
        let wrong = app.check_end(&[store]);
        assert_eq!(wrong.len(), parts.len(), "{wrong:?}");
        for (wrong, part) in wrong.iter().zip(parts) {
            assert!(wrong.contains(part), "{wrong} is not about {part}");
        }
    }

    pub(super) fn late() -> Answer {
        Err(Failure::new(FailureKind::Timeout, "stopped"))
    }

    pub(super) fn no(why: &str) -> Answer {
        Err(Failure::new(FailureKind::Returned, why))
    }
}
