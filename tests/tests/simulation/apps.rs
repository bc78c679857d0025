//! The applications, what is asked of them, and what must come of it.

use crate::{more, social};
// Only their names are used, by their functions.
use counter as _;
use hashchain as _;
use serde::de::DeserializeOwned;
use skylark::{Failure, native::Runtime};
use std::collections::{BTreeMap, BTreeSet};

/// How a run ended.
pub(crate) type Ended = Result<Vec<u8>, Failure>;

/// An application under simulation.
pub(crate) struct App {
    pub(crate) name: &'static str,
    /// What is there before anything goes wrong.
    pub(crate) set_up: fn(&Runtime),
    /// Starts request number `n` of a schedule, and gives its run's id.
    pub(crate) request: fn(&Runtime, u32, u64) -> String,
    /// What comes from outside for run number `n` with this id.
    pub(crate) outside: fn(&Runtime, u32, u64, &str),
    /// Compares what came of all requests with what must.
    pub(crate) check: fn(&Runtime, &[Ended], u64),
}

pub(crate) const APPS: &[App] = &[
    App {
        name: "counter",
        set_up: |_| {},
        request: |runtime, n, _| start(runtime, "add", &u64::from(n + 1)),
        outside: nothing,
        check: |runtime, ended, _| {
            // Every prefix sum is told once, whatever the order.
            let sum = (1..=ended.len() as u64).sum::<u64>();
            assert_eq!(state::<u64>(runtime, "TOTAL"), sum);
            let told: BTreeSet<u64> = ended.iter().map(value).collect();
            assert_eq!(told.len(), ended.len(), "{told:?}");
            assert_eq!(told.last(), Some(&sum));
        },
    },
    App {
        name: "hashchain",
        set_up: |_| {},
        request: |runtime, n, seed| start(runtime, "f1", &format!("{seed} {n}")),
        outside: nothing,
        check: |_, ended, seed| {
            for (n, ended) in ended.iter().enumerate() {
                let quiet = Runtime::new().invoke("f1", format!("\"{seed} {n}\""));
                assert_eq!(ended, &quiet.result);
            }
        },
    },
    App {
        name: "bank, at once",
        set_up: open_accounts,
        request: |runtime, n, seed| start(runtime, "transfer", &order(n, seed)),
        outside: nothing,
        check: check_bank,
    },
    App {
        name: "bank, by calls",
        set_up: open_accounts,
        request: |runtime, n, seed| start(runtime, "wire", &order(n, seed)),
        outside: nothing,
        check: check_bank,
    },
    App {
        name: "travel, at once",
        set_up: offer_trips,
        request: |runtime, n, seed| start(runtime, "reserve", &trip(n, seed)),
        outside: nothing,
        check: |runtime, ended, seed| {
            check_travel(runtime, ended, seed);
            // Whoever comes first gets it: as many as in any other order.
            let possible = ended.len().min(SEATS as usize);
            let wanted = (0..ended.len() as u32).filter(|n| trip(*n, seed).hotel == "inn");
            assert_eq!(
                ended.iter().filter(|e| e.is_ok()).count(),
                wanted.count().min(possible)
            );
        },
    },
    App {
        name: "travel, by calls",
        set_up: offer_trips,
        request: |runtime, n, seed| start(runtime, "reserve_by_calls", &trip(n, seed)),
        outside: nothing,
        check: check_travel,
    },
    App {
        name: "media",
        set_up: |_| {},
        request: |runtime, n, seed| start(runtime, "review", &draft(n, seed)),
        outside: nothing,
        check: check_media,
    },
    App {
        name: "expenses",
        set_up: |_| {},
        request: |runtime, n, seed| start(runtime, "submit", &more::items(n, seed)),
        outside: more::approve,
        check: more::check_expenses,
    },
    App {
        name: "shop",
        set_up: more::stock,
        request: |runtime, n, seed| start(runtime, "order", &more::order(n, seed)),
        outside: nothing,
        check: more::check_shop,
    },
    App {
        name: "firealarm",
        set_up: |_| {},
        request: |runtime, n, _| start(runtime, "preprocess", &more::photo(n)),
        outside: nothing,
        check: more::check_firealarm,
    },
    App {
        name: "social",
        set_up: social::register,
        request: social::request,
        outside: nothing,
        check: social::check,
    },
];

fn nothing(_: &Runtime, _: u32, _: u64, _: &str) {}

fn start(runtime: &Runtime, function: &str, input: &impl serde::Serialize) -> String {
    runtime.start(function, input).expect("the input is JSON")
}

pub(crate) fn state<T: DeserializeOwned + Default>(runtime: &Runtime, name: &str) -> T {
    runtime
        .state(name)
        .expect("it is declared")
        .unwrap_or_default()
}

/// The entries of a collection.
fn entries<K: skylark::Key, V: DeserializeOwned>(runtime: &Runtime, name: &str) -> Vec<(K, V)> {
    runtime.entries(name).expect("it is of this type")
}

pub(crate) fn value<T: DeserializeOwned>(ended: &Ended) -> T {
    let json = ended.as_ref().expect("it succeeds");
    serde_json::from_slice(json).expect("it is JSON")
}

fn open_accounts(runtime: &Runtime) {
    for name in ["ann", "bob"] {
        runtime.run::<()>("open", &(name, 1000)).expect("it opens");
    }
}

/// One in four goes to nobody, and must come back.
fn order(n: u32, seed: u64) -> bank::Transfer {
    let to = match (u64::from(n) + seed) % 4 {
        0 => "nobody",
        1 | 2 => "ann",
        _ => "bob",
    };
    bank::Transfer {
        from: if n.is_multiple_of(2) { "ann" } else { "bob" }.into(),
        to: to.into(),
        cents: i64::from(n) + 1,
    }
}

fn check_bank(runtime: &Runtime, ended: &[Ended], seed: u64) {
    let mut west = bank::Accounts::from([("ann".into(), 1000), ("bob".into(), 1000)]);
    let mut east = west.clone();
    for (n, ended) in (0..).zip(ended) {
        let order = order(n, seed);
        assert_eq!(ended.is_ok(), order.to != "nobody", "{order:?}: {ended:?}");
        if ended.is_ok() {
            *west.entry(order.from).or_default() -= order.cents;
            *east.entry(order.to).or_default() += order.cents;
        }
    }
    assert_eq!(state::<bank::Accounts>(runtime, "WEST"), west);
    assert_eq!(
        entries::<String, i64>(runtime, "EAST"),
        Vec::from_iter(east)
    );
}

const SEATS: u32 = 3;

fn offer_trips(runtime: &Runtime) {
    let offer = ("inn", SEATS + 1, "sky1", SEATS);
    runtime.run::<()>("offer", &offer).expect("it is offered");
}

fn trip(n: u32, seed: u64) -> travel::Trip {
    let hotel = if (u64::from(n) + seed).is_multiple_of(5) {
        "none"
    } else {
        "inn"
    };
    travel::Trip {
        user: format!("user{n}"),
        hotel: hotel.into(),
        flight: "sky1".into(),
    }
}

fn check_travel(runtime: &Runtime, ended: &[Ended], _: u64) {
    let rooms: BTreeMap<String, u32> = state(runtime, "ROOMS");
    let seats: BTreeMap<String, u32> = state(runtime, "SEATS");
    let orders = entries::<u64, travel::Trip>(runtime, "ORDERS");
    let orders: Vec<travel::Trip> = orders.into_iter().map(|(_, trip)| trip).collect();
    let told: BTreeSet<u64> = ended.iter().filter(|e| e.is_ok()).map(value).collect();
    // Each success is an order with a number of its own, a room and a seat.
    assert_eq!(told, (1..=orders.len() as u64).collect());
    assert_eq!(rooms["inn"] as usize + orders.len(), SEATS as usize + 1);
    assert_eq!(seats["sky1"] as usize + orders.len(), SEATS as usize);
    let users: BTreeSet<&str> = orders.iter().map(|o| o.user.as_str()).collect();
    assert_eq!(users.len(), orders.len(), "{orders:?}");
}

fn draft(n: u32, seed: u64) -> media::Draft {
    let films = ["Metropolis", "Nosferatu", "Faust", "Jaws"];
    media::Draft {
        user: format!("user{}", n % 2),
        film: films[(u64::from(n) + seed) as usize % films.len()].into(),
        text: format!("damn good {n}"),
        stars: n as u8,
    }
}

fn check_media(runtime: &Runtime, ended: &[Ended], seed: u64) {
    let reviews: BTreeMap<u64, media::Review> = state(runtime, "REVIEWS");
    let mut told = BTreeMap::new();
    for (n, ended) in (0..).zip(ended) {
        let draft = draft(n, seed);
        assert_eq!(ended.is_ok(), draft.film != "Jaws", "{draft:?}: {ended:?}");
        if ended.is_ok() {
            let review: media::Review = value(ended);
            assert_eq!(review.text, draft.text.replace("damn", "****"));
            told.insert(review.id, review);
        }
    }
    assert_eq!(reviews, told);
    // Numbers without gaps: none was drawn twice.
    assert!(told.keys().copied().eq(1..=told.len() as u64), "{told:?}");
    let sorted = |lists: BTreeMap<u64, Vec<u64>>| {
        lists
            .into_iter()
            .flat_map(|(of, mut ids)| {
                ids.sort_unstable();
                ids.into_iter().map(move |id| (of, id))
            })
            .collect::<Vec<_>>()
    };
    let by = |of: fn(&media::Review) -> u64| {
        let mut pairs: Vec<_> = told.values().map(|r| (of(r), r.id)).collect();
        pairs.sort_unstable();
        pairs
    };
    assert_eq!(sorted(state(runtime, "BY_USER")), by(|r| r.user));
    assert_eq!(sorted(state(runtime, "BY_FILM")), by(|r| r.film));
    let ratings: BTreeMap<u64, (u64, u64)> = state(runtime, "RATINGS");
    let count: u64 = ratings.values().map(|r| r.0).sum();
    let stars: u64 = ratings.values().map(|r| r.1).sum();
    assert_eq!(count, told.len() as u64);
    assert_eq!(
        stars,
        told.values().map(|r| u64::from(r.stars)).sum::<u64>()
    );
}
