//! State with a `ttl`, by the runtime's own clock.

use skylark::{Counter, List, Map, native::Runtime, prelude::*};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);

#[skylark::state(ttl = "24h", default = 7)]
static CODE: Mutex<u32> = Mutex::new(1);

#[skylark::state(scope = key(user), ttl = "1.5h")]
static TRIES: AtomicU32 = AtomicU32::new(0);

#[skylark::state(ttl = "2h")]
static SESSIONS: Map<String, u32> = Map::new();

#[skylark::state(ttl = "1h")]
static RECENT: Counter = Counter::new();

#[skylark::function]
fn set_code(code: u32) {
    *CODE.lock().unwrap() = code;
}

#[skylark::function]
fn code() -> u32 {
    *CODE.lock().unwrap()
}

#[skylark::function]
fn try_once(user: String) -> u32 {
    let _ = user;
    TRIES.fetch_add(1, Ordering::Relaxed) + 1
}

#[skylark::function]
fn log_in(user: String, n: u32) {
    SESSIONS.set(user, n);
    RECENT.add(1);
}

#[skylark::function]
fn sessions() -> (Vec<(String, u32)>, i64) {
    (SESSIONS.iter().collect(), RECENT.get())
}

/// Sees both before a wait and after it.
#[skylark::function]
async fn twice() -> (Option<u32>, Option<u32>) {
    let before = SESSIONS.get("ann");
    skylark::sleep(3 * HOUR).await;
    (before, SESSIONS.get("ann"))
}

#[skylark::state(ttl = "1h")]
#[derive(Default)]
struct Cart {
    goods: Map<String, u32>,
    discount: u32,
    #[skylark::state(ttl = "30d")]
    owner: String,
}

#[skylark::state]
#[derive(Default)]
struct Shop {
    log: List<String>,
    #[skylark::state(ttl = "1h")]
    offer: u32,
}

#[skylark::service]
impl Cart {
    pub fn put(&mut self, what: String) -> u64 {
        self.discount = 10;
        self.owner = "ann".into();
        self.goods.set(what, 1);
        self.goods.len()
    }

    pub fn shows(&self) -> (Vec<String>, u32, String) {
        (
            self.goods.keys().collect(),
            self.discount,
            self.owner.clone(),
        )
    }
}

#[skylark::service]
impl Shop {
    pub fn offer(&mut self, percent: u32) {
        self.offer = percent;
        self.log.push(percent.to_string());
    }

    pub fn offers(&self) -> (u32, Vec<String>) {
        (self.offer, self.log.iter().collect())
    }
}

#[test]
fn a_value_is_over_after_its_time() {
    let runtime = Runtime::new();
    let check = |passed: Duration, want: u32| {
        runtime.advance(passed);
        assert_eq!(runtime.run::<u32>("code", &()).unwrap(), want);
    };
    check(Duration::ZERO, 7);
    runtime.run::<()>("set_code", &9).unwrap();
    check(23 * HOUR, 9);
    // Reading it has changed nothing, nor does writing what it is.
    runtime.run::<()>("set_code", &9).unwrap();
    check(HOUR, 7);
    assert_eq!(runtime.state::<u32>("CODE").unwrap(), None);
    runtime.run::<()>("set_code", &8).unwrap();
    check(23 * HOUR, 8);
    runtime.run::<()>("set_code", &6).unwrap();
    check(23 * HOUR, 6);
}

#[test]
fn each_key_has_its_own_time() {
    let runtime = Runtime::new();
    let check = |passed: Duration, user: &str, want: u32| {
        runtime.advance(passed);
        assert_eq!(runtime.run::<u32>("try_once", &user).unwrap(), want);
    };
    check(Duration::ZERO, "ann", 1);
    check(HOUR, "bob", 1);
    check(HOUR / 4, "ann", 2);
    check(HOUR, "ann", 3);
    check(HOUR / 2, "bob", 1);
}

#[test]
fn each_entry_has_its_own_time_and_a_counter_that_of_its_last() {
    let runtime = Runtime::new();
    let check = |passed: Duration, want: &[(&str, u32)], recent: i64| {
        runtime.advance(passed);
        let want: Vec<_> = want.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        let got: (Vec<(String, u32)>, i64) = runtime.run("sessions", &()).unwrap();
        assert_eq!(got, (want, recent));
    };
    runtime.run::<()>("log_in", &("ann", 1)).unwrap();
    check(HOUR, &[("ann", 1)], 0);
    runtime.run::<()>("log_in", &("bob", 1)).unwrap();
    // An entry that is set to what it is has been written all the same.
    runtime.run::<()>("log_in", &("ann", 1)).unwrap();
    check(HOUR / 2, &[("ann", 1), ("bob", 1)], 2);
    runtime.run::<()>("log_in", &("bob", 2)).unwrap();
    check(HOUR * 3 / 2, &[("bob", 2)], 0);
    check(HOUR, &[], 0);
}

#[test]
fn what_passes_while_a_function_waits_is_gone_after_it() {
    let runtime = Runtime::new();
    runtime.run::<()>("log_in", &("ann", 1)).unwrap();
    let seen: (Option<u32>, Option<u32>) = runtime.run("twice", &()).unwrap();
    assert_eq!(seen, (Some(1), None));
}

#[test]
fn fields_have_their_structs_time_or_their_own() {
    let runtime = Runtime::new();
    let shows = || {
        runtime
            .run::<(Vec<String>, u32, String)>("Cart-shows", &())
            .unwrap()
    };
    runtime.run::<u64>("Cart-put", &"tea").unwrap();
    assert_eq!(shows(), (vec!["tea".to_owned()], 10, "ann".to_owned()));
    runtime.advance(HOUR);
    assert_eq!(shows(), (Vec::new(), 0, "ann".to_owned()));
    // Nor is what is over counted, once it is swept.
    assert_eq!(runtime.run::<u64>("Cart-put", &"jam").unwrap(), 1);
    runtime.advance(30 * 24 * HOUR);
    assert_eq!(shows().2, "");
    runtime.run::<()>("Shop-offer", &5).unwrap();
    runtime.advance(HOUR);
    let offers: (u32, Vec<String>) = runtime.run("Shop-offers", &()).unwrap();
    assert_eq!(offers, (0, vec!["5".to_owned()]));
}
