//! Orders of a shop: each is shipped or undone, and every piece and every cent is
//! somewhere, once.

use super::{Answer, App, StoreEnd, by_time, read};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// `order`: two branches with effects, a join, a choice, and delays.
pub(super) struct Orders;

#[derive(Debug, Serialize)]
struct Order {
    id: u64,
    goods: &'static str,
    pieces: i64,
    cents: i64,
}

#[derive(Debug, Deserialize)]
struct End {
    id: u64,
    shipped: bool,
}

/// What no card is good for.
const TOO_DEAR: i64 = 10_001;
const GOODS: [&str; 3] = ["tea", "cups", "pots"];
/// Nobody has it.
const NONE: &str = "unicorns";
/// On each shelf, of all goods: more than are ordered.
const PIECES: i64 = 10_000_000;

/// One in six orders what there is not, one in seven what it cannot pay.
fn order(key: u64) -> Order {
    let small = |by: u64| i64::try_from(key % by).unwrap_or_default();
    Order {
        id: key,
        goods: match key % 6 {
            0 => NONE,
            _ => usize::try_from(key % 3).map_or(NONE, |nth| GOODS[nth]),
        },
        pieces: 1 + small(5),
        cents: match key % 7 {
            0 => TOO_DEAR,
            _ => 1 + small(900),
        },
    }
}

impl Order {
    fn is_paid(&self) -> bool {
        self.cents < TOO_DEAR
    }

    fn is_shipped(&self) -> bool {
        self.is_paid() && self.goods != NONE
    }

    /// Its bookings in all, in order of their amounts.
    fn booked(&self) -> Vec<i64> {
        match (self.is_paid(), self.is_shipped()) {
            (false, _) => vec![],
            (true, false) => vec![-self.cents, self.cents],
            (true, true) => vec![self.cents],
        }
    }
}

impl App for Orders {
    fn name(&self) -> &'static str {
        "shop"
    }

    fn prepare(&self) -> Vec<(&'static str, Value)> {
        let stock = |goods| ("stock", json!([goods, PIECES]));
        GOODS.iter().map(stock).collect()
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("order", json!(order(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        let end: End = match answer {
            Ok(value) => read(value)?,
            Err(failure) if by_time(failure) => return Ok(()),
            Err(failure) => return Err(format!("failed: {failure}")),
        };
        match end.id == key && end.shipped == order(key).is_shipped() {
            true => Ok(()),
            false => Err(format!("{:?} ended as {end:?}", order(key))),
        }
    }

    /// Each task goes to any node: the stores have it together.
    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        check_end(stores).unwrap_or_else(|why| vec![why])
    }
}

/// What all stores have, by order.
#[derive(Debug, Default)]
struct Left {
    stock: BTreeMap<String, i64>,
    booked: BTreeMap<u64, Vec<i64>>,
    loaded: BTreeMap<u64, usize>,
    asked: BTreeMap<u64, usize>,
    /// Runs that should have asked, and failed.
    not_asked: u64,
}

impl Left {
    fn of(stores: &[StoreEnd]) -> Result<Self, String> {
        let mut left = Self::default();
        for store in stores {
            for (goods, pieces) in store.state::<BTreeMap<String, i64>>("STOCK")? {
                *left.stock.entry(goods).or_default() += pieces;
            }
            for (id, cents) in store.state::<Vec<(u64, i64)>>("BOOK")? {
                left.booked.entry(id).or_default().push(cents);
            }
            for (into, name) in [(&mut left.loaded, "VAN"), (&mut left.asked, "ASKED")] {
                for id in store.state::<Vec<u64>>(name)? {
                    *into.entry(id).or_default() += 1;
                }
            }
            left.not_asked += store.failed("ask");
        }
        left.booked.values_mut().for_each(|cents| cents.sort());
        Ok(left)
    }

    /// What is there of this order: its bookings, how often it was loaded, and
    /// how often its buyer was asked.
    fn take(&mut self, id: u64) -> (Vec<i64>, usize, usize) {
        (
            self.booked.remove(&id).unwrap_or_default(),
            self.loaded.remove(&id).unwrap_or_default(),
            self.asked.remove(&id).unwrap_or_default(),
        )
    }
}

fn check_end(stores: &[StoreEnd]) -> Result<Vec<String>, String> {
    let mut left = Left::of(stores)?;
    let mut wrong = Vec::new();
    let mut silent = 0;
    let mut gone: BTreeMap<&str, i64> = BTreeMap::new();
    let results = stores.iter().flat_map(StoreEnd::results::<End>);
    let told: BTreeSet<u64> = results.map(|(key, ..)| key).collect();
    for order in told.iter().map(|key| order(*key)) {
        let shipped = usize::from(order.is_shipped());
        let (booked, loaded, asked) = left.take(order.id);
        if booked != order.booked() || loaded != shipped || asked > shipped {
            wrong.push(format!(
                "{order:?} was acknowledged, and is booked as {booked:?}, loaded {loaded} and asked {asked} times"
            ));
        }
        silent += u64::from(asked < shipped);
        if order.is_shipped() {
            *gone.entry(order.goods).or_default() += order.pieces;
        }
    }
    if silent > left.not_asked {
        wrong.push(format!(
            "{silent} buyers were not asked, and only {} runs say so",
            left.not_asked
        ));
    }
    let half: BTreeSet<u64> = stores.iter().flat_map(StoreEnd::half_done).collect();
    let half: Vec<Order> = half.iter().map(|key| order(*key)).collect();
    for order in &half {
        let (booked, loaded, asked) = left.take(order.id);
        let mut most = order.booked().into_iter();
        let part = booked.iter().all(|cents| most.any(|c| c == *cents));
        if !part || loaded > usize::from(order.is_shipped()) || asked > loaded {
            wrong.push(format!(
                "{order:?} ran out of time, and is booked as {booked:?}, loaded {loaded} and asked {asked} times"
            ));
        }
    }
    let strangers = left.booked.keys().chain(left.loaded.keys());
    let strangers: BTreeSet<&u64> = strangers.chain(left.asked.keys()).collect();
    if !strangers.is_empty() {
        wrong.push(format!("orders that nobody was told of: {strangers:?}"));
    }
    for goods in GOODS {
        let all = PIECES * i64::try_from(stores.len()).unwrap_or_default();
        let least = all - gone.get(goods).copied().unwrap_or_default();
        let unknown = half.iter().filter(|order| order.goods == goods);
        let unknown: i64 = unknown.map(|order| order.pieces).sum();
        let there = left.stock.get(goods).copied().unwrap_or_default();
        if !(least - unknown..=least).contains(&there) {
            wrong.push(format!(
                "{there} {goods} are left, and not {least} but for {unknown} unknown"
            ));
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::tests::{end, found, late};

    #[test]
    fn orders_that_are_wrong_are_found() {
        // 1 is shipped, 7 cannot be paid, 6 is not to be had.
        let ok = |id: u64| (id, Ok(json!({"id": id, "shipped": order(id).is_shipped()})));
        let check = |answers: &[(u64, Answer)],
                     book: &[(u64, i64)],
                     [van, asked]: [&[u64]; 2],
                     cups: i64,
                     parts: &[&str]| {
            for (key, answer) in answers {
                assert_eq!(Orders.check(*key, answer), Ok(()));
            }
            let stock = json!({"tea": PIECES, "cups": PIECES - cups, "pots": PIECES});
            let states = json!({"STOCK": stock, "BOOK": book, "VAN": van, "ASKED": asked});
            found(&Orders, end(answers.to_vec(), states), parts);
        };
        let (one, none) = ([&[1][..], &[1]], [&[][..], &[]]);
        check(&[], &[], none, 0, &[]);
        check(&[ok(1)], &[(1, 2)], one, 2, &[]);
        check(&[ok(7)], &[], none, 0, &[]);
        check(&[ok(6)], &[(6, 7), (6, -7)], none, 0, &[]);
        check(&[ok(6)], &[(6, 7)], none, 0, &["was acknowledged"]);
        check(&[ok(1)], &[(1, 2), (1, 2)], one, 2, &["was acknowledged"]);
        check(&[ok(1)], &[(1, 2)], [&[1, 1], &[1]], 2, &["loaded 2"]);
        check(&[ok(1)], &[(1, 2)], [&[1], &[]], 2, &["were not asked"]);
        check(&[ok(1)], &[(1, 2)], one, 4, &["cups are left"]);
        check(&[], &[(1, 2)], none, 0, &["nobody was told of"]);
        let late = [(1, late())];
        check(&late, &[], none, 0, &[]);
        check(&late, &[], none, 2, &[]);
        check(&late, &[(1, 2)], one, 2, &[]);
        check(&late, &[(1, 2)], [&[], &[1]], 2, &["ran out of time"]);
        check(&late, &[(1, 2), (1, 2)], one, 2, &["ran out of time"]);
        assert!(
            Orders
                .check(1, &Ok(json!({"id": 1, "shipped": false})))
                .is_err()
        );
    }
}
