//! Where a run goes after a function: branches, joins, choices, handlers.
#![allow(missing_docs)]
// Of `Next<(…)>`, which says what each successor gets.
#![allow(clippy::type_complexity)]

use skylark::{
    Failure, FailureKind, Next,
    native::{Fault, Faults, Point, Runtime},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

#[skylark::state(scope = key(station))]
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[skylark::state]
static ATTEMPTS: Mutex<u32> = Mutex::new(0);

#[skylark::state(scope = chain)]
static DEPTH: Mutex<u32> = Mutex::new(0);

#[skylark::chain(next = [double, negate])]
fn both(x: i64) -> i64 {
    x
}

#[skylark::function]
async fn double(x: i64) -> i64 {
    skylark::sleep(Duration::from_secs(1)).await;
    x * 2
}

#[skylark::chain(next = text)]
fn negate(x: i64) -> i64 {
    -x
}

#[skylark::function]
fn text(x: i64) -> String {
    x.to_string()
}

#[skylark::chain(next = [double, negate], join = gathered)]
fn joined(x: i64) -> Result<i64, String> {
    *DEPTH.lock().unwrap() += 1;
    if x == 0 { Err("zero".into()) } else { Ok(x) }
}

// Named otherwise outside: `join` names it as Rust does.
#[skylark::function(name = "all-together")]
fn gathered(left: i64, right: String) -> String {
    format!("{left} and {right}, {}", DEPTH.lock().unwrap())
}

#[skylark::chain(next = [double, double], join = summed)]
fn listed(x: i64) -> i64 {
    x
}

#[skylark::function]
fn summed(all: Vec<i64>) -> i64 {
    all.iter().sum()
}

#[skylark::chain(next = each(double), join = summed)]
fn for_each(n: i64) -> Vec<i64> {
    (0..n).collect()
}

#[skylark::chain(next = each(text))]
fn for_each_alone(n: i64) -> Result<std::ops::Range<i64>, String> {
    if n < 0 {
        Err("negative".into())
    } else {
        Ok(0..n)
    }
}

#[skylark::chain(next = each(add))]
fn spread(n: i64) -> BTreeMap<i64, i64> {
    (0..n).map(|n| (n, n * 10)).collect()
}

#[skylark::function]
fn add(left: i64, right: i64) -> i64 {
    left + right
}

#[skylark::function]
async fn calls_a_fan() -> Result<String, Failure> {
    skylark::call!(joined(4)).yields::<String>().await
}

#[skylark::chain(next = [text, add, stop])]
fn choose(x: i64) -> Result<Next<(i64, (i64, i64), ())>, String> {
    match x {
        0 => Err("none".into()),
        1 => Ok(Next::first(x)),
        2 => Ok(Next::second((x, 40))),
        _ => Ok(Next::third(())),
    }
}

#[skylark::function]
fn stop() -> &'static str {
    "stop"
}

#[skylark::chain(next = text, on_error = mend)]
fn may_fail(x: i64) -> Result<i64, String> {
    *DEPTH.lock().unwrap() += 5;
    if x < 0 {
        Err("below zero".into())
    } else {
        Ok(x)
    }
}

#[skylark::function]
fn mend(failure: Failure) -> String {
    format!("mended {}: {}", DEPTH.lock().unwrap(), failure.message)
}

#[skylark::function(retries = 3, backoff = "2s")]
fn shaky(needed: u32) -> u32 {
    // Not state, which a panic takes back: how often it was really executed.
    let attempt = TRIED.fetch_add(1, Ordering::Relaxed);
    assert!(attempt >= needed, "not yet");
    *ATTEMPTS.lock().unwrap() += 1;
    attempt
}

static TRIED: AtomicU32 = AtomicU32::new(0);

#[skylark::chain(next = last_seen)]
fn sees(station: String, what: String) -> (String, u8) {
    SEEN.lock().unwrap().push(what);
    (station, 0)
}

#[skylark::function]
async fn last_seen(_station: String, pause: u8) -> (usize, String) {
    let first = SEEN.lock().unwrap().len();
    skylark::sleep(Duration::from_secs(pause.into())).await;
    (
        first,
        SEEN.lock().unwrap().last().cloned().unwrap_or_default(),
    )
}

#[skylark::function]
fn by_number(_station: u64) -> usize {
    SEEN.lock().unwrap().push("number".into());
    SEEN.lock().unwrap().len()
}

#[skylark::function]
fn by_float(station: f64) -> usize {
    let _ = station;
    SEEN.lock().unwrap().len()
}

#[skylark::function]
fn no_key(place: String) -> usize {
    place.len() + SEEN.lock().unwrap().len()
}

fn json(runtime: &Runtime, function: &str, input: &str) -> Result<String, Failure> {
    let run = runtime.invoke(function, input);
    run.result.map(|json| String::from_utf8(json).unwrap())
}

#[test]
fn runs_branch_join_choose_and_mend() {
    for (function, input, wanted) in [
        ("both", "3", Ok(r#"[6,"-3"]"#)),
        ("joined", "3", Ok(r#""6 and -3, 1""#)),
        ("joined", "0", Err("zero")),
        ("listed", "5", Ok("20")),
        ("for_each", "4", Ok("12")),
        ("for_each", "0", Ok("0")),
        ("for_each_alone", "3", Ok(r#"["0","1","2"]"#)),
        ("for_each_alone", "0", Ok("[]")),
        ("for_each_alone", "-1", Err("negative")),
        ("spread", "3", Ok("[0,11,22]")),
        ("calls_a_fan", "", Ok(r#""8 and -4, 1""#)),
        ("choose", "1", Ok(r#""1""#)),
        ("choose", "2", Ok("42")),
        ("choose", "3", Ok(r#""stop""#)),
        ("choose", "0", Err("none")),
        ("may_fail", "1", Ok(r#""1""#)),
        ("may_fail", "-1", Ok(r#""mended 5: below zero""#)),
    ] {
        let runtime = Runtime::new();
        let found = json(&runtime, function, input).map_err(|f| f.message);
        let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, wanted, "{function} of {input}");
        runtime.drive();
        assert_eq!(runtime.undelivered(), 0, "{function} of {input}");
    }
}

#[test]
fn what_traps_is_executed_again_as_often_as_it_says() {
    let runtime = Runtime::new();
    let before = runtime.now_us();
    TRIED.store(0, Ordering::Relaxed);
    assert_eq!(runtime.run("shaky", &2), Ok(2));
    assert_eq!(runtime.now_us() - before, 6_000_000);
    assert_eq!(runtime.state("ATTEMPTS"), Ok(Some(1)));
    TRIED.store(0, Ordering::Relaxed);
    let failure = runtime.run::<u32>("shaky", &9).unwrap_err();
    assert_eq!(
        (failure.kind, TRIED.load(Ordering::Relaxed)),
        (FailureKind::Trap, 4)
    );
}

#[test]
fn an_argument_chooses_the_bundle() {
    let runtime = Runtime::new();
    for (station, what, seen) in [("north", "a", 1), ("south", "b", 1), ("north", "c", 2)] {
        let last: (usize, String) = runtime.run("sees", &(station, what)).unwrap();
        assert_eq!(last, (seen, what.to_owned()), "{station}");
    }
    let of = |key: &str| runtime.state_of::<Vec<String>>("SEEN", key).unwrap();
    assert_eq!(of("north"), Some(vec!["a".into(), "c".into()]));
    assert_eq!(of("south"), Some(vec!["b".into()]));
    assert_eq!(of("east"), None);
    assert_eq!(runtime.run("by_number", &7), Ok(1));
    assert_eq!(of("7"), Some(vec!["number".into()]));

    let long = serde_json::to_string(&("x".repeat(513), "y")).unwrap();
    for (function, input, wanted) in [
        ("no_key", "\"x\"", "`no_key` has no argument `station`"),
        ("by_float", "1.5", "1.5 is no key"),
        ("sees", long.as_str(), "more than 512"),
    ] {
        let failure = json(&runtime, function, input).unwrap_err();
        assert_eq!(failure.kind, FailureKind::State, "{failure}");
        assert!(failure.message.contains(wanted), "{failure}");
    }
    let unkeyed = runtime.state::<Vec<String>>("SEEN").unwrap_err();
    assert!(unkeyed.message.contains("Runtime::state_of"), "{unkeyed}");
}

struct Nth(AtomicU32);

impl Nth {
    fn strike(&self) -> Fault {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            1 => Fault::Crash,
            _ => Fault::None,
        }
    }
}

impl Faults for Nth {
    fn before(&self, _: &Point<'_>) -> Fault {
        self.strike()
    }

    fn after(&self, _: &Point<'_>) -> Fault {
        self.strike()
    }
}

#[test]
fn a_crash_at_any_point_changes_no_result() {
    for (function, input) in [
        ("joined", "3"),
        ("for_each", "3"),
        ("calls_a_fan", ""),
        ("may_fail", "-1"),
    ] {
        let wanted = Runtime::new().invoke(function, input).result;
        for nth in 1.. {
            let runtime = Runtime::new();
            let faults = Arc::new(Nth(AtomicU32::new(nth)));
            runtime.with_faults(Arc::clone(&faults) as Arc<dyn Faults>);
            let found = runtime.invoke(function, input).result;
            assert_eq!(found, wanted, "{function}, point {nth}");
            // It was not reached: they were all.
            if faults.0.load(Ordering::Relaxed) < nth && faults.0.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
    }
}
