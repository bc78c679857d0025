//! Transfers between two branches: the total stays, and the balances that were
//! told are those of transfers one after the other.

use super::{ANYWHERE, Answer, App, NEAREST, StoreEnd, by_time, read, refused};
use crate::torture::history::{Move, Transaction, serial_order};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// `transfer`: one transaction over both branches.
pub(super) struct AtOnce;
/// `wire`: calls of one branch and then the other.
pub(super) struct ByCalls;

#[derive(Debug, Serialize)]
struct Order {
    from: &'static str,
    to: &'static str,
    cents: i64,
}

#[derive(Debug, Deserialize)]
struct Balances {
    from: i64,
    to: i64,
}

type Accounts = BTreeMap<String, i64>;

/// What is in every account at the beginning but [`POOR`].
const RICH: i64 = 1_000_000;
/// Has so little that soon most is refused.
const POOR: (&str, i64) = ("dot", 500);
/// Has no account.
const NOBODY: &str = "nobody";
/// Transfers move from and to these.
const AT_ONCE: [&str; 4] = ["ann", "bob", "cyd", POOR.0];
/// Wires move from and to these.
const BY_CALLS: [&str; 3] = ["eve", "fay", "gus"];
/// Wires that are refused take from here, and put back: its balance goes both
/// ways.
const BACK: &str = "hal";

fn opening(name: &str) -> i64 {
    if name == POOR.0 { POOR.1 } else { RICH }
}

fn open(names: &[&str]) -> Vec<(&'static str, Value)> {
    let open = |name: &&str| ("open", json!([name, opening(name)]));
    names.iter().map(open).collect()
}

/// Amounts for all keys: some transfers move nothing, and so only look.
fn cents(key: u64) -> i64 {
    match key % 5 {
        0 => 0,
        _ => 1 + i64::try_from(key % 50).unwrap_or_default(),
    }
}

fn pick(names: &'static [&'static str], by: u64) -> &'static str {
    let len = names.len() as u64;
    usize::try_from(by % len).map_or(NOBODY, |nth| names[nth])
}

fn transfer(key: u64) -> Order {
    Order {
        from: pick(&AT_ONCE, key / 5),
        to: match key % 8 {
            7 => NOBODY,
            _ => pick(&AT_ONCE, key / 7),
        },
        cents: cents(key),
    }
}

fn wire(key: u64) -> Order {
    let (from, to) = match key % 4 {
        3 => (BACK, NOBODY),
        _ => (pick(&BY_CALLS, key / 5), pick(&BY_CALLS, key / 7)),
    };
    let cents = cents(key);
    Order { from, to, cents }
}

fn check(order: &Order, answer: &Answer) -> Result<(), String> {
    match answer {
        Ok(value) => {
            let balances: Balances = read(value)?;
            match order.to != NOBODY && balances.from >= 0 && balances.to >= order.cents {
                true => Ok(()),
                false => Err(format!("{order:?} left {balances:?}")),
            }
        }
        Err(failure) if by_time(failure) => Ok(()),
        Err(failure) if order.to == NOBODY => refused(failure, true, "no account"),
        Err(failure) => refused(failure, order.from == POOR.0, "which is less than"),
    }
}

impl App for AtOnce {
    fn name(&self) -> &'static str {
        "bank, at once"
    }

    fn package(&self) -> &'static str {
        "bank"
    }

    fn prepare(&self) -> Vec<(&'static str, Value)> {
        open(&AT_ONCE)
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("transfer", json!(transfer(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        check(&transfer(key), answer)
    }

    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        let check = |store: &StoreEnd| {
            let mut wrong = sums(store, &AT_ONCE, transfer, &BTreeSet::new());
            let told = store.results::<Balances>().map(|(key, left, told)| {
                let order = transfer(key);
                Transaction {
                    name: format!("transfer {key}"),
                    sent: told.sent,
                    answered: told.answered,
                    moves: vec![withdrawn(&order, &left), deposited(&order, &left)],
                }
            });
            wrong.extend(disorder(store, &AT_ONCE, &told.collect::<Vec<_>>()));
            wrong
        };
        stores.iter().flat_map(check).collect()
    }
}

impl App for ByCalls {
    fn name(&self) -> &'static str {
        "bank, by calls"
    }

    fn package(&self) -> &'static str {
        "bank"
    }

    fn prepare(&self) -> Vec<(&'static str, Value)> {
        let mut all = open(&BY_CALLS);
        all.extend(open(&[BACK]));
        all
    }

    /// Each store has its own accounts.
    fn policy(&self, shared: bool) -> &'static str {
        if shared { ANYWHERE } else { NEAREST }
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("wire", json!(wire(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        check(&wire(key), answer)
    }

    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        let check = |store: &StoreEnd| {
            let half = store.half_done();
            let mut names = BY_CALLS.to_vec();
            names.push(BACK);
            let mut wrong = sums(store, &names, wire, &half);
            // Money whose way is unknown leaves a gap in what was told.
            if half.iter().all(|key| wire(*key).from == BACK) {
                let told = store.results::<Balances>().flat_map(|(key, left, told)| {
                    let order = wire(key);
                    let step = |what: &str, done: Move| Transaction {
                        name: format!("{what} of wire {key}"),
                        sent: told.sent,
                        answered: told.answered,
                        moves: vec![done],
                    };
                    [
                        step("withdrawal", withdrawn(&order, &left)),
                        step("deposit", deposited(&order, &left)),
                    ]
                });
                wrong.extend(disorder(store, &names, &told.collect::<Vec<_>>()));
            }
            wrong
        };
        stores.iter().flat_map(check).collect()
    }
}

fn withdrawn(order: &Order, left: &Balances) -> Move {
    Move {
        account: format!("west/{}", order.from),
        amount: -order.cents,
        after: left.from,
    }
}

fn deposited(order: &Order, left: &Balances) -> Move {
    Move {
        account: format!("east/{}", order.to),
        amount: order.cents,
        after: left.to,
    }
}

/// Why no order of these transactions explains what they told.
fn disorder(store: &StoreEnd, names: &[&str], told: &[Transaction]) -> Vec<String> {
    let both = |name: &&str| {
        let cents = opening(name);
        [
            (format!("west/{name}"), cents),
            (format!("east/{name}"), cents),
        ]
    };
    let opening = names.iter().flat_map(both).collect();
    let wrong = serial_order(&opening, told).err().unwrap_or_default();
    let named = wrong
        .into_iter()
        .map(|why| format!("{}: {why}", store.name));
    named.collect()
}

/// What is wrong with the balances that are left: each is what succeeded, but
/// for wires that are `half` done, of which each branch has booked any.
fn sums(
    store: &StoreEnd,
    names: &[&str],
    order: fn(u64) -> Order,
    half: &BTreeSet<u64>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (branch, sign) in [("WEST", -1), ("EAST", 1)] {
        let left: Accounts = match store.state(branch) {
            Ok(left) => left,
            Err(why) => return vec![why],
        };
        for name in names {
            let cents = |key: &u64| {
                let order = order(*key);
                let own = if sign < 0 { order.from } else { order.to };
                (own == *name).then_some(sign * order.cents)
            };
            let succeeded = store.answers.iter().filter(|(_, told)| told.answer.is_ok());
            let moved: i64 = succeeded.filter_map(|(key, _)| cents(key)).sum();
            let mut possible = BTreeSet::from([opening(name) + moved]);
            for cents in half.iter().filter_map(cents) {
                possible.extend(possible.clone().into_iter().map(|sum| sum + cents));
            }
            match left.get(*name) {
                Some(balance) if possible.contains(balance) => {}
                balance => wrong.push(format!(
                    "{}: {branch} has {balance:?} for {name}, and should have {possible:?}",
                    store.name
                )),
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::tests::{end, found, late};

    #[test]
    fn balances_that_are_wrong_are_found() {
        // By keys 1 and 2, two and three cents go from the first account to
        // itself in the other branch; by 3, four go to nobody and back.
        let [moved, at_once] = ["ann", "eve"].map(|name| {
            move |west: i64, east: i64| {
                let all = AT_ONCE.iter().chain(&BY_CALLS).chain([&BACK]);
                let branch = |moved: i64| {
                    let with = |n: &&'static str| if *n == name { moved } else { 0 };
                    let all = all.clone().map(|n| (*n, opening(n) + with(n)));
                    json!(all.collect::<BTreeMap<_, _>>())
                };
                json!({"WEST": branch(west), "EAST": branch(east)})
            }
        });
        let left = |by: i64| Ok(json!({"from": RICH - by, "to": RICH + by}));
        let check = |answers: Vec<(u64, Answer)>, west, east, parts: &[&str]| {
            found(&AtOnce, end(answers.clone(), moved(west, east)), parts);
            found(&ByCalls, end(answers, at_once(west, east)), parts);
        };
        check(vec![], 0, 0, &[]);
        check(vec![(1, left(2)), (2, left(5))], -5, 5, &[]);
        check(vec![(1, left(2))], -2, 4, &["EAST has Some(1000004)"]);
        check(vec![(1, left(2))], 0, 0, &["WEST has", "EAST has"]);
        let lost = ["both changed", "both changed"];
        check(vec![(1, left(2)), (2, left(3))], -5, 5, &lost);
        check(vec![(1, left(5)), (2, left(3))], -5, 5, &["in real time"]);
        // One that ran out of time did nothing at once, and anything by calls.
        let end = |west, east| end(vec![(1, left(2)), (2, late())], at_once(west, east));
        found(&ByCalls, end(-2, 2), &[]);
        found(&ByCalls, end(-5, 2), &[]);
        found(&ByCalls, end(-4, 2), &["WEST has"]);
    }
}
