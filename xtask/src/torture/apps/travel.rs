//! Trips: a room, a seat and an order, all or nothing, and never more than there
//! are.

use super::{Answer, App, StoreEnd, by_time, read, refused};
use crate::torture::history::out_of_time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// `reserve`: one transaction over three services.
pub(super) struct AtOnce;
/// `reserve_by_calls`: calls of the services.
pub(super) struct ByCalls;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trip {
    user: String,
    hotel: String,
    flight: String,
}

/// How one way of reserving names what is its own.
#[derive(Debug, Clone, Copy)]
struct Agency {
    hotel: &'static str,
    flight: &'static str,
}

const AT_ONCE: Agency = Agency {
    hotel: "inn",
    flight: "sky",
};
const BY_CALLS: Agency = Agency {
    hotel: "lodge",
    flight: "jet",
};

/// Hotels, each with a flight to it.
const HOTELS: u64 = 24;
/// Requests of all apps in a row that mean the same hotel: some seven trips.
const IN_A_ROW: u64 = 48;
/// Rooms of each, and seats to it, which are fewer.
const ROOMS: u64 = 9;
const SEATS: u64 = 8;

impl Agency {
    fn offers(self) -> Vec<(&'static str, Value)> {
        let Self { hotel, flight } = self;
        let offer = |n| json!([format!("{hotel}{n}"), ROOMS, format!("{flight}{n}"), SEATS]);
        (0..HOTELS).map(|n| ("offer", offer(n))).collect()
    }

    /// One in eight wants a hotel that there is not.
    fn trip(self, key: u64) -> Trip {
        let n = key / IN_A_ROW % HOTELS;
        Trip {
            user: format!("user{key}"),
            hotel: match key % 8 {
                0 => "none".into(),
                _ => format!("{}{n}", self.hotel),
            },
            flight: format!("{}{n}", self.flight),
        }
    }

    fn check(self, key: u64, answer: &Answer) -> Result<(), String> {
        let possible = self.trip(key).hotel != "none";
        match answer {
            Ok(value) => match possible && read::<u64>(value)? > 0 {
                true => Ok(()),
                false => Err(format!("{value} for {:?}", self.trip(key))),
            },
            Err(failure) if by_time(failure) => Ok(()),
            // The seats may be gone as well, and say so first.
            Err(failure) if possible => refused(failure, true, " is left"),
            Err(failure) => refused(failure, true, ""),
        }
    }

    /// The orders of stores that one run may spread over, and what was told.
    fn ordered(self, stores: &[StoreEnd], end: &mut End) -> Result<(), String> {
        for store in stores {
            let orders: Vec<Trip> = store.state("ORDERS")?;
            for trip in orders.iter().filter(|t| t.hotel.starts_with(self.hotel)) {
                end.orders
                    .entry(trip.user.clone())
                    .or_default()
                    .push(trip.clone());
                *end.of_hotel.entry(trip.hotel.clone()).or_default() += 1;
            }
            for (into, name) in [(&mut end.rooms, "ROOMS"), (&mut end.seats, "SEATS")] {
                for (place, left) in store.state::<BTreeMap<String, u64>>(name)? {
                    *into.entry(place).or_default() += left;
                }
            }
            end.half.extend(store.half_done());
            end.told.extend(store.results::<u64>().map(|(key, ..)| key));
            end.stores += 1;
        }
        Ok(())
    }

    fn check_end(self, stores: &[StoreEnd]) -> Vec<String> {
        let mut end = End::default();
        if let Err(why) = self.ordered(stores, &mut end) {
            return vec![why];
        }
        let mut wrong = Vec::new();
        for key in &end.told {
            let trip = self.trip(*key);
            match end.orders.remove(&trip.user).as_deref() {
                Some([order]) if *order == trip => {}
                other => wrong.push(format!(
                    "{trip:?} was acknowledged, and is there as {other:?}"
                )),
            }
        }
        let half: Vec<Trip> = end.half.iter().map(|key| self.trip(*key)).collect();
        for orders in end.orders.values() {
            if orders.len() > 1 || !half.contains(&orders[0]) {
                wrong.push(format!("{orders:?} is there, and was not acknowledged"));
            }
        }
        // What has its order has taken one of each.
        let half = half.iter().filter(|t| !end.orders.contains_key(&t.user));
        let half: Vec<&Trip> = half.collect();
        for n in 0..HOTELS {
            let [hotel, flight] = [self.hotel, self.flight].map(|name| format!("{name}{n}"));
            let ordered = end.of_hotel.get(&hotel).copied().unwrap_or_default();
            for (left, name, all, unknown) in [
                (
                    &end.rooms,
                    &hotel,
                    ROOMS,
                    half.iter().filter(|t| t.hotel == hotel).count(),
                ),
                (
                    &end.seats,
                    &flight,
                    SEATS,
                    half.iter().filter(|t| t.flight == flight).count(),
                ),
            ] {
                let (all, unknown) = (all * end.stores, unknown as u64);
                let used = left.get(name).map(|left| all.checked_sub(*left));
                // What was taken by half is not given back.
                if !used
                    .flatten()
                    .is_some_and(|used| (ordered..=ordered + unknown).contains(&used))
                {
                    let left = left.get(name);
                    wrong.push(format!(
                        "{name}: {ordered} of {all} are ordered, {unknown} unknown, {left:?} are left"
                    ));
                }
            }
        }
        wrong
    }
}

/// What is left at the end.
#[derive(Debug, Default)]
struct End {
    orders: BTreeMap<String, Vec<Trip>>,
    of_hotel: BTreeMap<String, u64>,
    rooms: BTreeMap<String, u64>,
    seats: BTreeMap<String, u64>,
    half: BTreeSet<u64>,
    told: BTreeSet<u64>,
    stores: u64,
}

impl App for AtOnce {
    fn name(&self) -> &'static str {
        "travel, at once"
    }

    fn package(&self) -> &'static str {
        "travel"
    }

    fn prepare(&self) -> Vec<(&'static str, Value)> {
        AT_ONCE.offers()
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("reserve", json!(AT_ONCE.trip(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        AT_ONCE.check(key, answer)
    }

    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        let each = stores.iter().flat_map(|store| {
            let mut wrong = AT_ONCE.check_end(std::slice::from_ref(store));
            wrong.extend(numbered(store));
            wrong.extend(sold(store));
            let named = wrong
                .into_iter()
                .map(|why| format!("{}: {why}", store.name));
            named.collect::<Vec<_>>()
        });
        each.collect()
    }
}

/// Each order's number is its place among all, drawn in real time.
fn numbered(store: &StoreEnd) -> Option<String> {
    let orders: Vec<Trip> = match store.state("ORDERS") {
        Ok(orders) => orders,
        Err(why) => return Some(why),
    };
    let mut drawn = BTreeMap::new();
    for (key, number, told) in store.results::<u64>() {
        let place = usize::try_from(number)
            .ok()
            .and_then(|n| orders.get(n.checked_sub(1)?));
        if place != Some(&AT_ONCE.trip(key)) {
            return Some(format!(
                "{key} was told number {number}, where there is {place:?}"
            ));
        }
        drawn.insert(number, (key, told.sent, told.answered));
    }
    out_of_time(&drawn).map(|(before, after)| {
        format!("{after} was answered before {before} was sent, and has the greater number")
    })
}

/// A seat that is left was refused to nobody.
fn sold(store: &StoreEnd) -> Option<String> {
    let seats: BTreeMap<String, u64> = store.state("SEATS").ok()?;
    let refused = store.answers.iter().find(|(key, told)| {
        let trip = AT_ONCE.trip(**key);
        let free = seats.get(&trip.flight).is_some_and(|left| *left > 0);
        let refused = told.answer.as_ref().is_err_and(|failure| !by_time(failure));
        refused && trip.hotel != "none" && free
    });
    refused.map(|(key, _)| format!("{:?} was refused, and there is a seat", AT_ONCE.trip(*key)))
}

impl App for ByCalls {
    fn name(&self) -> &'static str {
        "travel, by calls"
    }

    fn package(&self) -> &'static str {
        "travel"
    }

    fn prepare(&self) -> Vec<(&'static str, Value)> {
        BY_CALLS.offers()
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        ("reserve_by_calls", json!(BY_CALLS.trip(key)))
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        BY_CALLS.check(key, answer)
    }

    /// Calls go to any node: the stores have it together.
    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        BY_CALLS.check_end(stores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::tests::{end, found, late, no};

    #[test]
    fn trips_that_are_wrong_are_found() {
        let left = |agency: Agency, orders: Vec<u64>, rooms: u64, seats: u64| {
            let Agency { hotel, flight } = agency;
            let all = |name: &str, all: u64, first: u64| {
                let left = |n| if n == 0 { first } else { all };
                let each = (0..HOTELS).map(|n| (format!("{name}{n}"), left(n)));
                json!(each.collect::<BTreeMap<_, _>>())
            };
            let orders: Vec<Trip> = orders.iter().map(|key| agency.trip(*key)).collect();
            json!({"ROOMS": all(hotel, ROOMS, rooms), "SEATS": all(flight, SEATS, seats), "ORDERS": orders})
        };
        let check = |answers: &[(u64, Answer)], orders: &[u64], rooms, seats, parts: &[&str]| {
            for (app, agency) in [(&AtOnce as &dyn App, AT_ONCE), (&ByCalls, BY_CALLS)] {
                let left = left(agency, orders.to_vec(), rooms, seats);
                found(app, end(answers.to_vec(), left), parts);
            }
        };
        let ok = |number: u64| Ok(json!(number));
        check(&[], &[], 9, 8, &[]);
        check(
            &[(1, ok(1)), (2, ok(2)), (8, no("none"))],
            &[1, 2],
            7,
            6,
            &[],
        );
        check(
            &[(1, ok(1))],
            &[1],
            9,
            8,
            &["inn0: 1 of 9", "sky0: 1 of 8"].map(|w| &w[3..]),
        );
        check(&[(1, late())], &[], 9, 8, &[]);
        let at_once = |answers, orders, rooms, seats, parts: &[&str]| {
            found(
                &AtOnce,
                end(answers, left(AT_ONCE, orders, rooms, seats)),
                parts,
            );
        };
        let by_calls = |answers, orders, rooms, seats, parts: &[&str]| {
            found(
                &ByCalls,
                end(answers, left(BY_CALLS, orders, rooms, seats)),
                parts,
            );
        };
        by_calls(
            vec![(1, ok(1))],
            vec![],
            9,
            8,
            &["was acknowledged, and is there as None"],
        );
        by_calls(vec![(1, ok(1))], vec![1, 1], 7, 6, &["was acknowledged"]);
        by_calls(vec![], vec![1], 8, 7, &["was not acknowledged"]);
        by_calls(vec![(1, late())], vec![], 8, 8, &[]);
        by_calls(vec![(1, late())], vec![1], 8, 7, &[]);
        by_calls(vec![(1, late())], vec![1], 7, 6, &["lodge0", "jet0"]);
        at_once(
            vec![(1, ok(2)), (2, ok(1))],
            vec![2, 1],
            7,
            6,
            &["greater number"],
        );
        at_once(
            vec![(1, ok(2)), (2, ok(1))],
            vec![1, 2],
            7,
            6,
            &["was told number"],
        );
        at_once(
            vec![(1, no("no room is left"))],
            vec![],
            9,
            8,
            &["there is a seat"],
        );
    }
}
