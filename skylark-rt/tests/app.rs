//! An app under `cargo test`: functions, chains and state through the macros.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use skylark::{FailureKind, native::Runtime};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::{
        Condvar, LazyLock, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Photo {
    station: String,
    pixels: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Detection {
    station: String,
    hot: usize,
    seen: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Alarm {
    station: String,
    raised: bool,
    seen: u32,
    steps: Vec<String>,
}

#[skylark::state]
static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

#[skylark::state(scope = chain)]
static STEPS: RwLock<Vec<String>> = RwLock::new(Vec::new());

#[skylark::state(rename = "alarms", default = 100)]
static ALARMS: AtomicU64 = AtomicU64::new(0);

#[skylark::state]
static LIMITS: LazyLock<Mutex<BTreeMap<String, usize>>> =
    LazyLock::new(|| Mutex::new(BTreeMap::from([("default".to_owned(), 2)])));

#[skylark::state]
thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    static TURNS: Cell<u32> = Cell::new(0);
}

fn step(name: &str) {
    STEPS.write().unwrap().push(name.to_owned());
}

#[skylark::chain(next = detect)]
fn preprocess(photo: Photo) -> Photo {
    step("preprocess");
    photo
}

#[skylark::chain(next = alarm)]
async fn detect(photo: Photo) -> Result<(Detection, usize), String> {
    step("detect");
    if photo.pixels.is_empty() {
        return Err("the photo has no pixels".into());
    }
    let mut seen = SEEN.lock().unwrap();
    let count = seen.entry(photo.station.clone()).or_default();
    *count += 1;
    let detection = Detection {
        hot: photo.pixels.iter().filter(|p| **p > 200).count(),
        station: photo.station,
        seen: *count,
    };
    let limits = LIMITS.lock().unwrap();
    let limit = limits.get(&detection.station).or(limits.get("default"));
    Ok((detection, limit.copied().unwrap_or_default()))
}

#[skylark::function]
fn alarm(detection: Detection, limit: usize) -> Alarm {
    step("alarm");
    let raised = detection.hot >= limit;
    ALARMS.fetch_add(u64::from(raised), Ordering::Relaxed);
    Alarm {
        station: detection.station,
        raised,
        seen: detection.seen,
        steps: STEPS.read().unwrap().clone(),
    }
}

#[skylark::function]
fn turn(who: String) -> (u32, Option<String>) {
    TURNS.set(TURNS.get() + 1);
    (TURNS.get(), LAST.replace(Some(who)))
}

#[skylark::function]
fn add(left: i64, right: i64) -> i64 {
    left + right
}

#[skylark::function]
fn nothing() {}

#[skylark::function]
fn fail(message: String) -> Result<(), String> {
    ALARMS.store(1, Ordering::Relaxed);
    Err(message)
}

#[skylark::function]
fn panics() {
    ALARMS.store(1, Ordering::Relaxed);
    panic!("out of {}", "fuel");
}

#[skylark::function]
async fn stuck() {
    std::future::pending().await
}

/// Where [`overtaken`] stands.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Idle,
    HasRead,
    Overtaken,
}

static PHASE: Mutex<Phase> = Mutex::new(Phase::Idle);
static MOVED: Condvar = Condvar::new();

fn move_to(phase: Phase) {
    *PHASE.lock().unwrap() = phase;
    MOVED.notify_all();
}

fn wait_for(phase: Phase) {
    let current = PHASE.lock().unwrap();
    drop(MOVED.wait_while(current, |p| *p != phase).unwrap());
}

/// Counts; the first time, another run counts between its read and its write.
#[skylark::function]
fn overtaken() -> u64 {
    let seen = ALARMS.load(Ordering::Relaxed);
    if *PHASE.lock().unwrap() == Phase::Idle {
        move_to(Phase::HasRead);
        wait_for(Phase::Overtaken);
    }
    ALARMS.store(seen + 1, Ordering::Relaxed);
    seen
}

#[skylark::function]
fn count() -> u64 {
    ALARMS.fetch_add(1, Ordering::Relaxed)
}

fn photo(station: &str, pixels: &[u8]) -> Photo {
    Photo {
        station: station.into(),
        pixels: pixels.into(),
    }
}

#[test]
fn a_chain_runs_to_its_end_with_its_state() {
    let runtime = Runtime::new();
    for seen in 1..=2 {
        let alarm: Alarm = runtime
            .run("preprocess", &photo("north", &[255, 201, 3]))
            .unwrap();
        let steps = ["preprocess", "detect", "alarm"].map(str::to_owned);
        let wanted = Alarm {
            station: "north".into(),
            raised: true,
            seen,
            steps: steps.into(),
        };
        assert_eq!(alarm, wanted);
    }
    let quiet: Alarm = runtime.run("preprocess", &photo("south", &[1])).unwrap();
    assert!(!quiet.raised);

    let seen: BTreeMap<String, u32> = runtime.state("SEEN").unwrap().unwrap();
    assert_eq!(
        seen,
        BTreeMap::from([("north".into(), 2), ("south".into(), 1)])
    );
    assert_eq!(runtime.state("alarms"), Ok(Some(102)));
    // Read, never changed: still the initializer's, and not stored.
    assert_eq!(runtime.state::<BTreeMap<String, usize>>("LIMITS"), Ok(None));
}

#[test]
fn a_run_tells_its_tasks() {
    let json = serde_json::to_vec(&photo("north", &[255])).unwrap();
    let runtime = Runtime::new();
    runtime.with_fusion(1);
    let run = runtime.invoke("preprocess", json);
    assert!(run.result.is_ok(), "{run:?}");
    // A begin with the lease and a commit; with shared state, also a read of the miss.
    let tasks: Vec<_> = run
        .tasks
        .iter()
        .map(|t| (t.function.as_str(), t.task_id.as_str(), t.round_trips))
        .collect();
    assert_eq!(
        tasks,
        [
            ("preprocess", "0", 2),
            ("detect", "0.0", 3),
            ("alarm", "0.0.0", 3)
        ]
    );
    assert!(
        run.tasks
            .iter()
            .all(|t| t.node == "native" && t.input_bytes > 0)
    );
}

#[test]
fn runtimes_and_plain_code_see_nothing_of_each_other() {
    let (one, other) = (Runtime::new(), Runtime::new());
    let count = |r: &Runtime| {
        r.run::<Alarm>("preprocess", &photo("x", &[1]))
            .unwrap()
            .seen
    };
    assert_eq!((count(&one), count(&one), count(&other)), (1, 2, 1));
    assert!(SEEN.lock().unwrap().is_empty());

    // Handlers are plain functions too, on the plain statics.
    assert_eq!(
        alarm(
            Detection {
                station: "x".into(),
                hot: 3,
                seen: 9
            },
            1
        )
        .steps,
        ["alarm"]
    );
    assert_eq!(ALARMS.load(Ordering::Relaxed), 1);
    assert_eq!(one.state::<u64>("alarms"), Ok(None));
}

#[test]
fn thread_locals_are_state_too() {
    let runtime = Runtime::new();
    let turn = |who: &str| runtime.run::<(u32, Option<String>)>("turn", who).unwrap();
    assert_eq!(turn("ann"), (1, None));
    assert_eq!(turn("bob"), (2, Some("ann".into())));
    assert_eq!(TURNS.get(), 0);
}

#[test]
fn arguments_are_given_by_order_name_or_not_at_all() {
    let runtime = Runtime::new();
    assert_eq!(runtime.run("add", &(40, 2)), Ok(42));
    assert_eq!(
        runtime.run("add", &BTreeMap::from([("left", 40), ("right", 2)])),
        Ok(42)
    );
    assert_eq!(runtime.run("nothing", &()), Ok(()));
}

#[test]
fn failures_are_of_their_kind_and_only_a_returned_one_keeps_its_writes() {
    fn check(function: &str, json: &str, kind: FailureKind, message: &str, kept: Option<u64>) {
        let runtime = Runtime::new();
        let failure = runtime.invoke(function, json).result.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(message), "{failure}");
        assert_eq!(runtime.state("alarms"), Ok(kept), "{function}");
    }
    check("fail", "\"no\"", FailureKind::Returned, "no", Some(1));
    check(
        "panics",
        "",
        FailureKind::Trap,
        "panicked: out of fuel",
        None,
    );
    check("stuck", "", FailureKind::Trap, "awaits something", None);
    check(
        "alarn",
        "",
        FailureKind::NotFound,
        "did you mean `alarm`?",
        None,
    );
    check(
        "add",
        "{\"left\":1}",
        FailureKind::Input,
        "`right: i64` is missing",
        None,
    );
    check(
        "preprocess",
        r#"{"station":"x","pixels":[]}"#,
        FailureKind::Returned,
        "the photo has no pixels",
        None,
    );
    let unknown = Runtime::new().state::<u8>("SEEM").unwrap_err();
    assert!(
        unknown.message.contains("did you mean `SEEN`?"),
        "{unknown}"
    );
}

#[test]
fn a_run_whose_state_changed_under_it_is_run_again() {
    let runtime = Runtime::new();
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| runtime.invoke("overtaken", ""));
        wait_for(Phase::HasRead);
        assert_eq!(runtime.run::<u64>("count", &()), Ok(100));
        move_to(Phase::Overtaken);
        run.join().unwrap()
    });
    assert_eq!(run.value::<u64>(), Ok(101));
    assert_eq!(run.tasks[0].conflicts, 1);
    assert_eq!(runtime.state("alarms"), Ok(Some(102)));
}
