//! Expense reports: what is paid was acknowledged, what is dear was approved, and
//! of what is dear somebody was reminded, once.

use super::{Answer, App, StoreEnd, by_time, read};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `submit`: a branch for each item, a join, a handler of errors, a promise and
/// a delayed call that nobody waits for.
pub(super) struct Reports;

#[derive(Debug, Serialize)]
struct Item {
    what: &'static str,
    cents: u64,
}

#[derive(Debug, Deserialize)]
struct Decision {
    cents: u64,
    by: String,
}

/// Paid without asking, in cents; what a dear report has at least.
const LIMIT: u64 = 10_000;
/// Most items of a report that is not dear.
const ITEMS: u64 = 4;

/// One in eight has what is no expense, three in eight are dear.
fn items(key: u64) -> Vec<Item> {
    let tea = |n| Item {
        what: "tea",
        cents: 1 + (key + n) % 40,
    };
    let more = |what, cents| {
        let one = Item { what, cents };
        [tea(0), one, tea(1)].into_iter().collect()
    };
    match key % 8 {
        0 => more("yacht", 1),
        1..=3 => more("train", LIMIT + key),
        // Some have nothing, and so no branch.
        _ => (0..key / 8 % (ITEMS + 1)).map(tea).collect(),
    }
}

fn cents(key: u64) -> u64 {
    items(key).iter().map(|item| item.cents).sum()
}

fn clerk(key: u64) -> String {
    format!("clerk {key}")
}

fn is_dear(key: u64) -> bool {
    cents(key) > LIMIT
}

/// What was decided, if it was paid.
fn paid(decision: &Decision) -> Option<u64> {
    let refused = decision.by.contains("no expense") || decision.by.contains("time limit");
    (!refused).then_some(decision.cents)
}

impl App for Reports {
    fn name(&self) -> &'static str {
        "expenses"
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("submit", json!(items(key)))
    }

    fn promise(&self, key: u64) -> Option<(&'static str, Value)> {
        is_dear(key).then(|| ("approval", json!(clerk(key))))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        let decision: Decision = match answer {
            Ok(value) => read(value)?,
            Err(failure) if by_time(failure) => return Ok(()),
            Err(failure) => return Err(format!("failed: {failure}")),
        };
        let (wanted, by) = match key % 8 {
            // Its handler of errors was told of a time limit.
            _ if decision.by.contains("time limit") => (0, decision.by.clone()),
            0 => (0, "yacht is no expense".into()),
            _ if is_dear(key) => (cents(key), clerk(key)),
            _ => (cents(key), "the limit".into()),
        };
        match decision.cents == wanted && decision.by == by {
            true => Ok(()),
            false => Err(format!("{decision:?}, and not {wanted} by {by}")),
        }
    }

    /// Each task goes to any node: the stores have it together.
    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        check_end(stores).unwrap_or_else(|why| vec![why])
    }
}

fn check_end(stores: &[StoreEnd]) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut left: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut reminded, mut lost) = (0, 0);
    for store in stores {
        for cents in store.state::<Vec<u64>>("PAID")? {
            *left.entry(cents).or_default() += 1;
        }
        reminded += store.state::<u64>("REMINDERS")?;
        lost += store.failed("remind");
    }
    // Only what is dear is unlike all others.
    let results = stores.iter().flat_map(StoreEnd::results::<Decision>);
    let told: Vec<(u64, u64)> = results
        .filter_map(|(key, decision, _)| Some((key, paid(&decision)?)))
        .collect();
    for (key, cents) in &told {
        match left.get_mut(cents) {
            Some(n) if *n > 0 => *n -= 1,
            _ => wrong.push(format!("{cents} of {key} were acknowledged, and not paid")),
        }
    }
    let half: Vec<u64> = stores.iter().flat_map(StoreEnd::half_done).collect();
    for key in &half {
        if let Some(n) = left.get_mut(&cents(*key)) {
            *n = n.saturating_sub(1);
        }
    }
    left.retain(|_, n| *n > 0);
    if !left.is_empty() {
        wrong.push(format!("paid too often, or for nobody: {left:?}"));
    }
    let sure = told.iter().filter(|(key, _)| is_dear(*key)).count() as u64;
    let unknown = half.iter().filter(|key| is_dear(**key)).count() as u64;
    if reminded > sure + unknown || reminded + lost < sure {
        wrong.push(format!(
            "{reminded} were reminded and {lost} could not be, of {sure} reports and {unknown} unknown"
        ));
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::tests::{end, found, late};

    #[test]
    fn reports_that_are_wrong_are_found() {
        let ok = |key| {
            let by = if is_dear(key) {
                clerk(key)
            } else {
                "the limit".into()
            };
            (key, Ok(json!({"cents": cents(key), "by": by})))
        };
        let refused = |key| (key, Ok(json!({"cents": 0, "by": "yacht is no expense"})));
        let check = |answers: &[(u64, Answer)], paid: &[u64], reminders: u64, parts: &[&str]| {
            for (key, answer) in answers {
                assert_eq!(Reports.check(*key, answer), Ok(()));
            }
            let paid: Vec<u64> = paid.iter().map(|key| cents(*key)).collect();
            let states = json!({"PAID": paid, "REMINDERS": reminders});
            found(&Reports, end(answers.to_vec(), states), parts);
        };
        check(&[], &[], 0, &[]);
        check(&[ok(1), ok(12), refused(8)], &[12, 1], 1, &[]);
        check(&[ok(1)], &[], 1, &["were acknowledged"]);
        check(&[ok(1)], &[1, 1], 1, &["too often"]);
        check(&[ok(12)], &[12, 2], 0, &["too often"]);
        check(&[ok(1)], &[1], 0, &["0 were reminded"]);
        check(&[ok(1)], &[1], 2, &["2 were reminded"]);
        for (paid, reminders) in [(&[][..], 0), (&[], 1), (&[1], 1)] {
            check(&[(1, late())], paid, reminders, &[]);
        }
        check(&[(1, late())], &[1, 1], 1, &["too often"]);
        let stranger = Ok(json!({"cents": cents(1), "by": "clerk 2"}));
        assert!(Reports.check(1, &stranger).is_err());
    }
}
