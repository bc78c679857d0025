//! What is asked of the applications that branch, and what must come of it.

use crate::apps::{Ended, state, value};
use expenses::{Decision, Item};
use firealarm::Alarm;
use serde_json::{Value, json};
use shop::{End, Order};
use skylark::native::Runtime;
use std::collections::BTreeMap;

/// Nothing to pay for, what is no expense, what must be approved, what need not.
pub(crate) fn items(n: u32, seed: u64) -> Vec<Item> {
    let item = |what: &str, cents| Item {
        what: what.into(),
        cents,
    };
    match (u64::from(n) + seed) % 5 {
        0 => vec![],
        1 => vec![item("tea", 1), item("yacht", 2)],
        2 | 3 => vec![
            item("tea", 1),
            item("train", expenses::LIMIT + u64::from(n)),
        ],
        _ => vec![item("tea", u64::from(n)), item("cake", 4), item("milk", 2)],
    }
}

fn cents(n: u32, seed: u64) -> u64 {
    items(n, seed).iter().map(|item| item.cents).sum()
}

pub(crate) fn approve(runtime: &Runtime, n: u32, seed: u64, run: &str) {
    if cents(n, seed) > expenses::LIMIT {
        let approved = runtime.complete(&format!("{run}~approval"), &"carol");
        approved.expect("it has no other value");
    }
}

pub(crate) fn check_expenses(runtime: &Runtime, ended: &[Ended], seed: u64) {
    let mut wanted = Vec::new();
    let mut dear = 0;
    for (n, ended) in (0..).zip(ended) {
        let decision: Decision = value(ended);
        let cents = cents(n, seed);
        let (by, paid) = match items(n, seed).iter().any(|item| item.what == "yacht") {
            true => ("yacht is no expense", None),
            false if cents > expenses::LIMIT => ("carol", Some(cents)),
            false => ("the limit", Some(cents)),
        };
        let told = (decision.by.as_str(), decision.cents);
        assert_eq!(told, (by, paid.unwrap_or_default()), "{n}");
        wanted.extend(paid);
        dear += u64::from(by == "carol");
    }
    wanted.sort_unstable();
    let mut paid: Vec<u64> = state(runtime, "PAID");
    paid.sort_unstable();
    assert_eq!(paid, wanted);
    assert_eq!(state::<u64>(runtime, "REMINDERS"), dear);
}

const PIECES: i64 = 5;

pub(crate) fn stock(runtime: &Runtime) {
    runtime
        .run::<()>("stock", &("tea", PIECES))
        .expect("it is there");
}

/// One in five cannot be paid; of the others not all can be had.
pub(crate) fn order(n: u32, seed: u64) -> Order {
    let nth = u64::from(n) + seed;
    Order {
        id: n.into(),
        goods: "tea".into(),
        pieces: 1 + i64::from(n % 3),
        cents: match nth % 5 {
            0 => shop::LIMIT + 1,
            _ => 1 + i64::from(n),
        },
    }
}

pub(crate) fn check_shop(runtime: &Runtime, ended: &[Ended], seed: u64) {
    let mut booked: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for (id, cents) in state::<Vec<(u64, i64)>>(runtime, "BOOK") {
        booked.entry(id).or_default().push(cents);
    }
    let mut shipped = Vec::new();
    let mut left = PIECES;
    for (n, ended) in (0..).zip(ended) {
        let (order, end) = (order(n, seed), value::<End>(ended));
        assert_eq!(end.id, order.id);
        let wanted = match order.cents > shop::LIMIT {
            true => vec![],
            false if end.shipped => vec![order.cents],
            false => vec![order.cents, -order.cents],
        };
        assert_eq!(
            booked.remove(&order.id).unwrap_or_default(),
            wanted,
            "{order:?}"
        );
        if end.shipped {
            assert!(order.cents <= shop::LIMIT, "{order:?}");
            shipped.push(order.id);
            left -= order.pieces;
        }
    }
    assert_eq!(booked, BTreeMap::new());
    assert!(left >= 0, "{left}");
    assert_eq!(
        state::<BTreeMap<String, i64>>(runtime, "STOCK")["tea"],
        left
    );
    for list in ["VAN", "ASKED"] {
        let mut ids: Vec<u64> = state(runtime, list);
        ids.sort_unstable();
        assert_eq!(ids, shipped, "{list}");
    }
}

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

fn station(n: u32) -> &'static str {
    ["ridge", "coast"][n as usize % 2]
}

pub(crate) fn photo(n: u32) -> Value {
    json!({"station": station(n), "image": PIXEL})
}

pub(crate) fn check_firealarm(runtime: &Runtime, ended: &[Ended], _: u64) {
    let mut told: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (n, ended) in (0..).zip(ended) {
        let alarm: Alarm = value(ended);
        assert_eq!(alarm.station, station(n));
        told.entry(alarm.station).or_default().push(alarm.count);
    }
    let seen: BTreeMap<String, u32> = state(runtime, "SEEN");
    assert_eq!(seen.len(), told.len());
    for (station, mut counts) in told {
        counts.sort_unstable();
        assert!(counts.into_iter().eq(1..=seen[&station]), "{station}");
    }
}
