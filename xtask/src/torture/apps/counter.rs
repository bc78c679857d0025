//! Every request adds one.

use super::{Answer, App, StoreEnd, result};
use crate::torture::history::out_of_time;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every request adds one: no two may get the same total, and the last total
/// is how many there were.
pub(super) struct Counter;

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
    let mut drawn = BTreeMap::new();
    for (key, total, told) in store.results() {
        given.entry(total).or_default().push(key);
        drawn.insert(total, (key, told.sent, told.answered));
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
    if let Some((before, after)) = out_of_time(&drawn) {
        wrong.push(format!(
            "{}: {after} was answered before {before} was sent, and has the greater total",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::Told;
    use cargo_skylark::client::StateView;
    use skylark_abi::call::{Failure, FailureKind};
    use std::time::Duration;

    fn total(value: u64) -> StateView {
        let view =
            json!({"bundle": "app", "name": "TOTAL", "version": 1, "bytes": 1, "value": value});
        serde_json::from_value(view).unwrap()
    }

    fn told(answer: Answer) -> Told {
        Told {
            answer,
            sent: Duration::ZERO,
            answered: Duration::ZERO,
        }
    }

    #[test]
    fn counts_that_are_wrong_are_found() {
        let timeout = || Err(Failure::new(FailureKind::Timeout, "stopped"));
        let check = |answers: &[Answer], left: Option<u64>, wrong: &[&str]| {
            let store = StoreEnd {
                name: "s".into(),
                answers: (100..).zip(answers.iter().cloned().map(told)).collect(),
                states: left.map(total).into_iter().collect(),
                failed: BTreeMap::new(),
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
}
