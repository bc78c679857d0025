//! An app whose state is read and written entry by entry, as its tests run it.

use serde::{Deserialize, Serialize};
use skylark::{Counter, List, Map, native::Runtime, prelude::*};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    cents: i64,
}

#[skylark::state]
static ACCOUNTS: Map<String, Account> = Map::new();

#[skylark::state]
static SEATS: Map<(u8, u16), String> = Map::new();

#[skylark::state]
static LOG: List<String> = List::new();

#[skylark::state]
static VISITS: Counter = Counter::new();

#[skylark::state(scope = key(city))]
static STOCK: Map<String, u32> = Map::new();

#[skylark::function]
fn deposit(name: String, cents: i64) -> i64 {
    VISITS.add(1);
    LOG.push(format!("{name} {cents}"));
    ACCOUNTS.update(&name, |account| {
        let account = account.get_or_insert(Account { cents: 0 });
        account.cents += cents;
        account.cents
    })
}

#[skylark::function]
fn transfer(from: String, to: String, cents: i64) -> Result<(), String> {
    skylark::transaction(|| {
        deposit(to, cents);
        VISITS.add(100);
        let left = deposit(from.clone(), -cents);
        if left < 0 {
            Err(format!("{from} lacks {}", -left))
        } else {
            Ok(())
        }
    })
}

#[skylark::function]
fn balances() -> Vec<(String, i64)> {
    ACCOUNTS.iter().map(|(name, a)| (name, a.cents)).collect()
}

/// What a reader sees of its own writes, in one call.
#[skylark::function]
fn own_writes() -> Vec<String> {
    let mut seen = Vec::new();
    let mut say = |what: &str, value: String| seen.push(format!("{what}: {value}"));
    ACCOUNTS.set("dan".into(), Account { cents: 4 });
    ACCOUNTS.delete("ann");
    let old = ACCOUNTS.insert("bob".into(), Account { cents: 9 });
    say("old", format!("{:?}", old.map(|a| a.cents)));
    say("ann", format!("{:?}", ACCOUNTS.get("ann").is_some()));
    say("keys", ACCOUNTS.keys().collect::<Vec<_>>().join(","));
    say("len", ACCOUNTS.len().to_string());
    let first = ACCOUNTS.first().map(|(k, _)| k);
    let last = ACCOUNTS.last().map(|(k, _)| k);
    say("ends", format!("{first:?} {last:?}"));
    let many = ACCOUNTS.get_many(["bob", "nobody", "dan"]);
    let many: Vec<_> = many.into_iter().map(|a| a.map(|a| a.cents)).collect();
    say("many", format!("{many:?}"));
    LOG.push("new".into());
    say("pushed", format!("{:?} of {}", LOG.last(), LOG.len()));
    say("replaced", format!("{:?}", LOG.set(0, "first".into())));
    say("beyond", format!("{:?}", LOG.set(99, "x".into())));
    say("popped", format!("{:?} {:?}", LOG.pop(), LOG.pop()));
    LOG.push("last".into());
    say("log", LOG.iter().collect::<Vec<_>>().join(","));
    say(
        "back",
        LOG.range(..).rev().values().collect::<Vec<_>>().join(","),
    );
    VISITS.sub(2);
    say("visits", VISITS.get().to_string());
    seen
}

#[skylark::function]
fn reserve(row: u8, seats: u16) {
    for number in 0..seats {
        SEATS.set((row, number), format!("{row}-{number}"));
    }
}

#[skylark::function]
fn row(row: u8, limit: usize) -> Vec<u16> {
    let seats = SEATS.range((row, 0)..(row + 1, 0));
    seats
        .limit(limit)
        .keys()
        .map(|(_, number)| number)
        .collect()
}

#[skylark::function]
fn last_rows() -> Vec<(u8, u16)> {
    SEATS.iter().rev().limit(2).keys().collect()
}

#[skylark::function]
fn all_seats() -> usize {
    SEATS.iter().count()
}

#[skylark::function]
fn store(city: String, what: String, count: u32) -> u64 {
    STOCK.set(what, count);
    let _ = city;
    STOCK.len()
}

/// Reads before and after a wait, and writes in each.
#[skylark::function]
async fn visit_twice(name: String) -> (i64, i64) {
    let before = ACCOUNTS.get(&name).map_or(0, |a| a.cents);
    let many: usize = ACCOUNTS.range(..name.clone()).count();
    VISITS.add(1);
    LOG.push(format!("{name} waits after {many}"));
    let go = skylark::promise::<()>("go").await;
    let after = ACCOUNTS.get(&name).map_or(0, |a| a.cents);
    LOG.push(format!("{name} is back: {}", go.is_ok()));
    (before, after)
}

#[skylark::state]
#[derive(Default)]
struct Shop {
    stock: Map<String, u32>,
    sold: Counter,
    orders: List<String>,
    open: bool,
}

#[skylark::service]
impl Shop {
    pub fn stock(&self, what: String) -> u32 {
        self.stock.get(&what).unwrap_or(0)
    }

    pub fn fill(&mut self, what: String, count: u32) {
        self.open = true;
        self.stock.set(what, count);
    }

    pub fn buy(&mut self, what: String) -> Result<u32, String> {
        let left = self.stock.get(&what).unwrap_or(0);
        let left = left.checked_sub(1).ok_or(format!("no {what}"))?;
        self.stock.set(what.clone(), left);
        self.sold.add(1);
        self.orders.push(what);
        Ok(left)
    }

    pub fn sold(&self) -> (i64, Vec<String>, bool) {
        (self.sold.get(), self.orders.iter().collect(), self.open)
    }
}

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    for (name, cents) in [("ann", 5), ("bob", 7), ("ann", 1)] {
        runtime.run::<i64>("deposit", &(name, cents)).unwrap();
    }
    runtime
}

fn pairs(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
}

#[test]
fn entries_are_kept() {
    let runtime = runtime();
    let balances: Vec<(String, i64)> = runtime.run("balances", &()).unwrap();
    assert_eq!(balances, pairs(&[("ann", 6), ("bob", 7)]));
}

#[test]
fn a_call_sees_its_own_writes() {
    let runtime = runtime();
    let seen: Vec<String> = runtime.run("own_writes", &()).unwrap();
    assert_eq!(
        seen,
        [
            "old: Some(7)",
            "ann: false",
            "keys: bob,dan",
            "len: 2",
            "ends: Some(\"bob\") Some(\"dan\")",
            "many: [Some(9), None, Some(4)]",
            "pushed: Some(\"new\") of 4",
            "replaced: Some(\"ann 5\")",
            "beyond: None",
            "popped: Some(\"new\") Some(\"ann 1\")",
            "log: first,bob 7,last",
            "back: last,bob 7,first",
            "visits: 1",
        ]
    );
    // And so does whoever comes after.
    let balances: Vec<(String, i64)> = runtime.run("balances", &()).unwrap();
    assert_eq!(balances, pairs(&[("bob", 9), ("dan", 4)]));
    let seen: Vec<String> = runtime.run("own_writes", &()).unwrap();
    assert_eq!(seen[10], "log: first,bob 7,last");
    assert_eq!(seen[12], "visits: -1");
}

#[test]
fn a_transaction_takes_back_what_was_written() {
    let runtime = runtime();
    runtime.run::<()>("transfer", &("bob", "ann", 3)).unwrap();
    let refused = runtime
        .run::<()>("transfer", &("bob", "cat", 9))
        .unwrap_err();
    assert_eq!(refused.message, "bob lacks 5");
    let balances: Vec<(String, i64)> = runtime.run("balances", &()).unwrap();
    assert_eq!(balances, pairs(&[("ann", 9), ("bob", 4)]));
    let seen: Vec<String> = runtime.run("own_writes", &()).unwrap();
    assert_eq!(seen[6], "pushed: Some(\"new\") of 6");
    // Three deposits, then a transfer of two and 100; less two.
    assert_eq!(seen[12], "visits: 103");
}

#[test]
fn scans_go_by_pages_up_to_a_bound() {
    let runtime = Runtime::new();
    for (row, seats) in [(1, 400_u16), (2, 700), (3, 5)] {
        runtime.run::<()>("reserve", &(row, seats)).unwrap();
    }
    let check = |row: u8, limit: usize, want: std::ops::Range<u16>| {
        let found: Vec<u16> = runtime.run("row", &(row, limit)).unwrap();
        assert_eq!(found, want.collect::<Vec<_>>(), "{row} {limit}");
    };
    check(1, 1000, 0..400);
    check(2, 3, 0..3);
    check(2, 600, 0..600);
    check(3, 1000, 0..5);
    check(4, 1000, 0..0);
    let last: Vec<(u8, u16)> = runtime.run("last_rows", &()).unwrap();
    assert_eq!(last, [(3, 4), (3, 3)]);
    let refused = runtime.run::<usize>("all_seats", &()).unwrap_err();
    assert_eq!(refused.kind, FailureKind::TooLarge);
    assert!(refused.message.contains("`max_scan`"), "{refused}");
    assert_eq!(refused.at.as_deref(), Some("SEATS"));
}

#[test]
fn collections_of_a_key_are_apart() {
    let runtime = Runtime::new();
    let store = |city: &str, what: &str| runtime.run::<u64>("store", &(city, what, 1)).unwrap();
    assert_eq!(store("Vienna", "tea"), 1);
    assert_eq!(store("Vienna", "figs"), 2);
    assert_eq!(store("Graz", "tea"), 1);
    assert_eq!(store("Vienna", "tea"), 2);
}

#[test]
fn state_is_read_anew_after_a_wait_and_seen_again_before_it() {
    let runtime = runtime();
    let run = runtime.start("visit_twice", &"bob").unwrap();
    runtime.drive();
    runtime.run::<i64>("deposit", &("bob", 10)).unwrap();
    runtime.run::<i64>("deposit", &("aba", 1)).unwrap();
    runtime.complete("go", &()).unwrap();
    runtime.drive();
    let seen = runtime.result::<(i64, i64)>(&run).unwrap().unwrap();
    assert_eq!(seen, (7, 17));
    let seen: Vec<String> = runtime.run("own_writes", &()).unwrap();
    assert_eq!(
        seen[10],
        "log: first,bob 7,ann 1,bob waits after 1,bob 10,aba 1,last"
    );
    assert_eq!(seen[12], "visits: 4");
}

#[test]
fn a_service_has_collections() {
    let runtime = Runtime::new();
    runtime.run::<()>("Shop-fill", &("tea", 2)).unwrap();
    assert_eq!(runtime.run::<u32>("Shop-buy", &"tea").unwrap(), 1);
    assert_eq!(runtime.run::<u32>("Shop-stock", &"tea").unwrap(), 1);
    assert_eq!(runtime.run::<u32>("Shop-buy", &"tea").unwrap(), 0);
    let refused = runtime.run::<u32>("Shop-buy", &"tea").unwrap_err();
    assert_eq!(refused.message, "no tea");
    let sold: (i64, Vec<String>, bool) = runtime.run("Shop-sold", &()).unwrap();
    assert_eq!(sold, (2, vec!["tea".to_owned(), "tea".to_owned()], true));
}

#[test]
fn plain_code_has_plain_collections() {
    deposit("zoe".into(), 3);
    assert_eq!(deposit("zoe".into(), 4), 7);
    assert_eq!(VISITS.get(), 2);
    assert_eq!(LOG.len(), 2);
    assert_eq!(balances(), pairs(&[("zoe", 7)]));
    let mut squares = Map::new();
    for n in -3..3_i32 {
        squares.insert(n, n * n);
    }
    let found: Vec<(i32, i32)> = squares.range(-2..=0).collect();
    assert_eq!(found, [(-2, 4), (-1, 1), (0, 0)]);
    assert_eq!(squares.remove(&-3), Some(9));
    assert_eq!(squares.len(), 5);
}
