//! Functions that wait, under `cargo test`.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use skylark::{
    Failure, FailureKind, http,
    native::{Fault, Faults, Point, Runtime},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

#[skylark::state]
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[skylark::state(scope = chain)]
static TRAIL: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn note(line: impl Into<String>) {
    LOG.lock().unwrap().push(line.into());
}

mod shop {
    pub(crate) mod prices {
        use super::super::note;

        #[skylark::function]
        pub(crate) fn price(item: String, count: u32) -> Result<u32, String> {
            note(format!("price {item} {count}"));
            match item.as_str() {
                "tea" => Ok(3 * count),
                other => Err(format!("there is no {other}")),
            }
        }
    }

    // Named as one of its arguments, and renamed in the schema.
    #[skylark::function(name = "the-total")]
    pub(crate) async fn total() -> u32 {
        let one = skylark::call!(prices::price("tea".into(), 1)).await;
        one.unwrap_or_default() + 1
    }
}

use shop::{prices::price as cost, total as sum};

#[skylark::function]
async fn slow(name: String, seconds: u64) -> Result<String, Failure> {
    skylark::sleep(Duration::from_secs(seconds)).await;
    note(name.clone());
    Ok(name)
}

#[skylark::function]
fn r#match(value: u8) -> u8 {
    value + 1
}

#[skylark::function]
async fn all_forms() -> Result<(u32, u32, String, u8), Failure> {
    let price: u32 = skylark::call!(cost("tea".to_owned(), 2)).await?;
    let total: u32 = skylark::call!(sum()).await?;
    let slow: String = skylark::call!(crate::slow(format!("slow"), 2,)).await?;
    let raw: u8 = skylark::call!(self::r#match(41)).await?;
    Ok((price, total, slow, raw))
}

#[skylark::function]
async fn fails() -> Result<u32, Failure> {
    note("before");
    skylark::call!(cost("coffee".into(), 1)).await
}

#[skylark::function]
async fn three_at_once() -> Result<Vec<String>, Failure> {
    TRAIL.lock().unwrap().push(1);
    let all = [("a", 3), ("b", 1), ("c", 2)];
    let all = all.map(|(name, seconds)| skylark::call!(slow(name.to_owned(), seconds)));
    let all = skylark::join_all(all).await;
    TRAIL.lock().unwrap().push(2);
    assert_eq!(*TRAIL.lock().unwrap(), [1, 2]);
    all.into_iter().collect()
}

#[skylark::function]
async fn sends() -> Result<(), Failure> {
    skylark::call!(slow("late".into(), 1))
        .after(Duration::from_secs(60))
        .send()?;
    skylark::call!(slow("soon".into(), 1)).send()
}

/// Keeps a reference to a state over a wait, and writes through it.
#[skylark::function]
async fn writes_late(again: bool) {
    let log: &Mutex<Vec<String>> = &LOG;
    log.lock().unwrap().push("before".into());
    skylark::sleep(Duration::from_secs(1)).await;
    if again {
        // Named anew first, which is what it then is.
        note("after");
    }
    log.lock().unwrap().push("lost?".into());
}

#[test]
fn nothing_is_lost_through_a_reference_that_is_too_old() {
    let runtime = Runtime::new();
    let failure = runtime.run::<()>("writes_late", &false).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Contract, "{failure}");
    assert!(
        failure.message.contains("taken before an `.await`"),
        "{failure}"
    );
    runtime.run::<()>("writes_late", &true).unwrap();
    let log: Vec<String> = runtime.state("LOG").unwrap().unwrap();
    assert_eq!(log, ["before", "before", "after", "lost?"]);
}

#[skylark::function]
async fn approval(amount: u32) -> Result<(u32, String), Failure> {
    let promise = skylark::promise::<String>("who");
    note(promise.id());
    Ok((amount, promise.await?))
}

#[skylark::chain(next = last_link)]
async fn first_link(x: u32) -> u32 {
    skylark::sleep(Duration::from_secs(1)).await;
    TRAIL.lock().unwrap().push(x);
    x + 1
}

#[skylark::function]
fn last_link(x: u32) -> String {
    format!("{:?} {x}", TRAIL.lock().unwrap())
}

#[skylark::function]
async fn calls_a_chain() -> Result<String, Failure> {
    skylark::call!(first_link(1)).yields().await
}

#[derive(Serialize, Deserialize)]
struct Charge {
    cents: u32,
}

#[skylark::function]
async fn pays(cents: u32) -> Result<String, Failure> {
    let answer = http::post("https://bank.example/charges")
        .header("X-Shop", "lark")
        .json(&Charge { cents })
        .await?;
    note(format!("answered {}", answer.status));
    answer.json()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Receipt {
    number: u32,
}

#[skylark::external(url = "https://bank.example/accounts/{account}/charges")]
async fn charge(account: String, cents: u32) -> Result<Receipt, Failure>;

/// Of an account.
#[skylark::external(url = "https://bank.example/accounts/{account}", method = get)]
async fn balance(account: String, currency: String, past: u8) -> i64;

#[skylark::nondet]
fn random(below: u32) -> Result<u32, String> {
    if below == 0 {
        return Err("nothing is below zero".into());
    }
    Ok(RANDOM.fetch_add(1, Ordering::Relaxed) % below)
}

static RANDOM: AtomicU32 = AtomicU32::new(3);

#[skylark::function]
async fn banks(account: String) -> Result<(u32, i64, u32), Failure> {
    let random = random(10).unwrap_or_default();
    let receipt = charge(account.clone(), random).await?;
    let balance = balance(account, "€".into(), 1).await;
    Ok((receipt.number, balance, random))
}

fn log(runtime: &Runtime) -> Vec<String> {
    runtime.state("LOG").unwrap().unwrap_or_default()
}

#[test]
fn every_form_of_function_is_called_by_its_path() {
    let runtime = Runtime::new();
    let all = runtime.run("all_forms", &());
    assert_eq!(all, Ok((6, 4, "slow".to_owned(), 42)));
    assert_eq!(log(&runtime), ["price tea 2", "price tea 1", "slow"]);
    runtime.drive();
    assert_eq!(runtime.undelivered(), 0);
}

#[test]
fn a_failure_of_what_is_called_is_the_callers_to_handle() {
    let runtime = Runtime::new();
    let failure = runtime.run::<u32>("fails", &()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Returned);
    assert!(
        failure.message.starts_with("there is no coffee"),
        "{failure}"
    );
    // What was committed at the wait stays.
    assert_eq!(log(&runtime), ["before", "price coffee 1"]);
}

#[test]
fn branches_run_side_by_side_and_their_results_keep_their_order() {
    let runtime = Runtime::new();
    let before = runtime.now_us();
    let names: Vec<String> = runtime.run("three_at_once", &()).unwrap();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(log(&runtime), ["b", "c", "a"]);
    assert_eq!(runtime.now_us() - before, 3_000_000);
}

#[test]
fn one_way_calls_are_runs_of_their_own() {
    let runtime = Runtime::new();
    assert_eq!(runtime.run("sends", &()), Ok(()));
    runtime.drive();
    assert_eq!(log(&runtime), ["soon", "late"]);
    assert_eq!(runtime.undelivered(), 0);
}

#[test]
fn a_promise_is_completed_by_name_or_id_once() {
    let runtime = Runtime::new();
    let runs: Vec<String> = (0..2)
        .map(|n| runtime.start("approval", &n).unwrap())
        .collect();
    let kind = |failure: Result<(), Failure>| failure.unwrap_err().kind;
    assert_eq!(kind(runtime.complete("who", "x")), FailureKind::NotFound);
    runtime.drive();
    let ids = log(&runtime);
    assert_eq!(kind(runtime.complete("who", "x")), FailureKind::NotFound);
    assert_eq!(runtime.complete(&ids[0], "ann"), Ok(()));
    assert_eq!(runtime.complete(&ids[0], "ann"), Ok(()));
    assert_eq!(
        kind(runtime.complete(&ids[0], "bob")),
        FailureKind::Conflict
    );
    // Even before anybody waits.
    assert_eq!(runtime.complete("native.2~who", "eve"), Ok(()));
    runtime.drive();
    type Approved = Option<Result<(u32, String), Failure>>;
    let result = |run: &str| -> Approved { runtime.result(run) };
    assert_eq!(result(&runs[0]), Some(Ok((0, "ann".into()))));
    assert_eq!(result(&runs[1]), None);
    assert_eq!(runtime.run("approval", &9), Ok((9, "eve".to_owned())));

    let stuck = runtime.invoke("approval", "5").result.unwrap_err();
    assert!(stuck.message.contains("Runtime::complete"), "{stuck}");
}

#[test]
fn chains_may_wait_and_be_called() {
    let runtime = Runtime::new();
    assert_eq!(runtime.run("first_link", &1), Ok("[1] 2".to_owned()));
    assert_eq!(runtime.run("calls_a_chain", &()), Ok("[1] 2".to_owned()));
}

#[test]
fn servers_outside_are_asked_with_a_key() {
    let runtime = Runtime::new();
    let nobody = runtime.run::<String>("pays", &5).unwrap_err();
    assert!(nobody.message.contains("Runtime::serve"), "{nobody}");

    runtime.serve(|request| {
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).unwrap();
        assert_eq!(header("X-Shop").1, "lark");
        let key = &header("Idempotency-Key").1;
        match request.body.as_slice() {
            br#"{"cents":7}"# => http::Response::new(201, format!("{key:?}")),
            _ => http::Response::new(402, "too much"),
        }
    });
    assert_eq!(runtime.run("pays", &7), Ok("native.1/0.0".to_owned()));
    let refused = runtime.run::<String>("pays", &8).unwrap_err();
    assert_eq!(refused.message, "the server answered 402: too much");
    assert_eq!(log(&runtime), ["answered 201", "answered 402"]);
}

#[test]
fn typed_clients_put_arguments_where_they_belong() {
    let runtime = Runtime::new();
    runtime.serve(|request| {
        let body = String::from_utf8(request.body.clone()).unwrap();
        match (request.method.as_str(), request.url.as_str(), body.as_str()) {
            ("POST", "https://bank.example/accounts/a%2Fb/charges", r#"{"cents":3}"#) => {
                http::Response::new(201, r#"{"number":9}"#)
            }
            ("GET", "https://bank.example/accounts/a%2Fb?currency=%E2%82%AC&past=1", "") => {
                http::Response::new(200, "-5")
            }
            _ => http::Response::new(404, format!("{request:?}")),
        }
    });
    assert_eq!(runtime.run("banks", "a/b"), Ok((9, -5, 3)));
    assert_eq!(RANDOM.load(Ordering::Relaxed), 4);
    let failure = runtime.run::<(u32, i64, u32)>("banks", "c").unwrap_err();
    assert!(
        failure
            .message
            .starts_with("`charge`: the server answered 404"),
        "{failure}"
    );
    assert_eq!(random(0), Err("nothing is below zero".to_owned()));
}

/// Stops the process at the nth point, before or after; delivers everything
/// twice.
struct Nth {
    left: AtomicU32,
    twice: bool,
}

impl Nth {
    fn strike(&self, point: &Point<'_>) -> Fault {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        match point {
            _ if left == 1 => Fault::Crash,
            Point::Deliver(..) if self.twice => Fault::Twice(Duration::from_secs(20)),
            _ => Fault::None,
        }
    }
}

impl Faults for Nth {
    fn before(&self, point: &Point<'_>) -> Fault {
        self.strike(point)
    }

    fn after(&self, point: &Point<'_>) -> Fault {
        let fault = self.strike(point);
        if fault == Fault::Crash {
            fault
        } else {
            Fault::None
        }
    }
}

#[test]
fn a_crash_at_any_point_changes_no_result_and_no_effect() {
    for function in ["all_forms", "three_at_once", "sends", "calls_a_chain"] {
        let calm = Runtime::new();
        let wanted = calm.invoke(function, "").result;
        calm.drive();
        let mut lines = log(&calm);
        lines.sort();
        for nth in 1.. {
            let runtime = Runtime::new();
            let faults = Arc::new(Nth {
                left: AtomicU32::new(nth),
                twice: nth % 3 == 0,
            });
            runtime.with_faults(Arc::clone(&faults) as Arc<dyn Faults>);
            let run = runtime.start(function, &()).unwrap();
            runtime.drive();
            let ended = runtime.ended(&run).map(|run| run.result);
            assert_eq!(ended, Some(wanted.clone()), "{function}, point {nth}");
            let mut found = log(&runtime);
            found.sort();
            assert_eq!(found, lines, "{function}, point {nth}");
            assert_eq!(runtime.undelivered(), 0, "{function}, point {nth}");
            if faults.left.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
    }
}
