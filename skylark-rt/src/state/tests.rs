//! What an invocation sees of a variable, and what it writes.

use super::*;
use crate::target::Fetch;
use serde::{Serialize, de::DeserializeOwned};
use skylark_abi::{
    call::{Failure, FailureKind, Field, Scope, Variable},
    value::fingerprint,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{LazyLock, Mutex, atomic::AtomicU32, atomic::Ordering},
};

type Seen = BTreeMap<String, u32>;

static SEEN: State<Mutex<Seen>> = State::new(
    Mutex::new(BTreeMap::new()),
    || Mutex::new(BTreeMap::new()),
    codec::<Seen>(),
    &StateDef {
        name: "SEEN",
        scope: Scope::App,
        type_text: "Seen",
        key: None,
        was: &[],
    },
);

static HITS: State<AtomicU32> = State::with_default(
    AtomicU32::new(0),
    || AtomicU32::new(0),
    codec::<u32>(),
    &StateDef {
        name: "HITS",
        scope: Scope::Chain,
        type_text: "u32",
        key: None,
        was: &[],
    },
    || 40,
);

std::thread_local! {
    static NAMES_KEY: RefCell<Vec<String>> = RefCell::new(vec!["first".into()]);
    static TURN_KEY: Cell<u8> = const { Cell::new(1) };
}

static NAMES: LocalState<RefCell<Vec<String>>> = LocalState::new(
    &NAMES_KEY,
    || RefCell::new(vec!["first".into()]),
    codec::<Vec<String>>(),
    &StateDef {
        name: "NAMES",
        scope: Scope::App,
        type_text: "Vec<String>",
        key: None,
        was: &[],
    },
);

static TURN: LocalState<Cell<u8>> = LocalState::with_default(
    &TURN_KEY,
    || Cell::new(1),
    codec::<u8>(),
    &StateDef {
        name: "TURN",
        scope: Scope::App,
        type_text: "u8",
        key: None,
        was: &[],
    },
    || 7,
);

static LAZY: State<LazyLock<Mutex<u32>>> = State::new(
    LazyLock::new(|| Mutex::new(3)),
    || LazyLock::new(|| Mutex::new(3)),
    codec::<u32>(),
    &StateDef {
        name: "LAZY",
        scope: Scope::App,
        type_text: "u32",
        key: None,
        was: &[],
    },
);

static SELFISH: State<LazyLock<Mutex<u32>>> = State::new(
    LazyLock::new(|| Mutex::new(1)),
    || LazyLock::new(|| Mutex::new(*SELFISH.lock().unwrap())),
    codec::<u32>(),
    &StateDef {
        name: "SELFISH",
        scope: Scope::App,
        type_text: "u32",
        key: None,
        was: &[],
    },
);

/// A host whose store never answers: what must not be asked.
fn nothing() -> Fetch {
    Fetch::new(|v| {
        Err(Failure::new(
            FailureKind::Unavailable,
            format!("asked for {}", v[0].name),
        ))
    })
}

fn stored<T: Serialize>(value: &T, ty: &str) -> Vec<u8> {
    crate::codec::to_compact(value, fingerprint(ty)).unwrap()
}

fn field(scope: Scope, name: &str, value: Option<Vec<u8>>) -> Field {
    let name = name.to_owned();
    Field {
        variable: Variable {
            scope,
            name,
            ..Variable::default()
        },
        value,
    }
}

/// Runs `body` as an invocation that the request gave these fields, complete.
fn invoke(fields: Vec<Field>, body: impl FnOnce()) -> Result<Collected, Failure> {
    let complete = vec![Scope::App, Scope::Chain];
    invoke_with(fields, complete, nothing(), body)
}

fn invoke_with(
    fields: Vec<Field>,
    complete: Vec<Scope>,
    fetch: Fetch,
    body: impl FnOnce(),
) -> Result<Collected, Failure> {
    crate::target::native::guarded(|| {
        let invocation = Invocation::start(fields, complete, fetch)?;
        body();
        invocation.collect()
    })?
}

fn writes<T: DeserializeOwned>(collected: &Collected) -> Vec<(&str, T)> {
    let write = |w: &'_ Field| {
        let value = w.value.as_ref().unwrap();
        crate::codec::from_payload(&value[skylark_abi::value::HEADER..]).unwrap()
    };
    let names = collected.writes.iter().map(|w| w.variable.name.as_str());
    names.zip(collected.writes.iter().map(write)).collect()
}

fn touched(collected: &Collected) -> Vec<&str> {
    let names = collected.touched.iter().map(|v| v.name.as_str());
    names.collect()
}

fn see(name: &str) -> u32 {
    let mut seen = SEEN.lock().unwrap();
    let count = seen.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}

#[test]
fn a_variable_is_loaded_on_first_use_and_written_if_it_changed() {
    let before = Seen::from([("a".into(), 1)]);
    let carried = || vec![field(Scope::App, "SEEN", Some(stored(&before, "Seen")))];

    let changed = invoke(carried(), || assert_eq!(see("a"), 2)).unwrap();
    assert_eq!(touched(&changed), ["SEEN"]);
    let after = Seen::from([("a".into(), 2)]);
    assert_eq!(writes::<Seen>(&changed), [("SEEN", after)]);

    let read = invoke(carried(), || assert_eq!(SEEN.lock().unwrap()["a"], 1)).unwrap();
    assert_eq!((touched(&read), read.writes.len()), (vec!["SEEN"], 0));

    let unused = invoke(carried(), || ()).unwrap();
    assert_eq!(unused, Collected::default());
}

#[test]
fn a_variable_never_written_has_its_initial_value_and_is_written_when_it_leaves_it() {
    let first = invoke(Vec::new(), || assert_eq!(see("a"), 1)).unwrap();
    assert_eq!(first.writes.len(), 1);
    // The cell is used again; nothing of the last invocation is left in it.
    let second = invoke(Vec::new(), || assert!(SEEN.lock().unwrap().is_empty())).unwrap();
    assert_eq!((touched(&second), second.writes.len()), (vec!["SEEN"], 0));
    let absent = vec![field(Scope::App, "SEEN", None)];
    invoke(absent, || assert!(SEEN.lock().unwrap().is_empty())).unwrap();
}

#[test]
fn defaults_replace_the_initial_value_of_what_was_never_written() {
    let read = invoke(Vec::new(), || {
        assert_eq!(HITS.load(Ordering::Relaxed), 40);
        assert_eq!(TURN.get(), 7);
    })
    .unwrap();
    assert_eq!(
        (touched(&read), read.writes.len()),
        (vec!["HITS", "TURN"], 0)
    );

    let changed = invoke(Vec::new(), || {
        HITS.fetch_add(1, Ordering::Relaxed);
        TURN.set(8);
    })
    .unwrap();
    assert_eq!(writes::<u32>(&changed), [("HITS", 41), ("TURN", 8)]);
    assert_eq!(changed.writes[0].variable.scope, Scope::Chain);

    let carried = vec![field(Scope::Chain, "HITS", Some(stored(&5_u32, "u32")))];
    invoke(carried, || assert_eq!(HITS.load(Ordering::Relaxed), 5)).unwrap();
}

#[test]
fn plain_statics_are_apart_from_invocations() {
    see("plain");
    NAMES.with_borrow_mut(|n| n.push("plain".into()));
    TURN.set(2);
    let collected = invoke(Vec::new(), || {
        assert!(!SEEN.lock().unwrap().contains_key("plain"));
        assert_eq!(NAMES.with_borrow(Vec::len), 1);
        assert_eq!(TURN.get(), 7);
        NAMES.with_borrow_mut(|n| n.push("inner".into()));
        // Other threads of a test are no part of the invocation.
        let elsewhere = std::thread::spawn(|| SEEN.lock().unwrap().contains_key("plain"));
        assert!(elsewhere.join().unwrap());
    })
    .unwrap();
    assert_eq!(
        writes::<Vec<String>>(&collected),
        [("NAMES", vec!["first".to_owned(), "inner".into()])]
    );
    assert_eq!(SEEN.lock().unwrap()["plain"], 1);
    assert_eq!(NAMES.with_borrow(Clone::clone), ["first", "plain"]);
    assert_eq!(TURN.get(), 2);
}

#[test]
fn lazy_statics_are_loaded_too() {
    let carried = vec![field(Scope::App, "LAZY", Some(stored(&10_u32, "u32")))];
    let changed = invoke(carried, || *LAZY.lock().unwrap() += 1).unwrap();
    assert_eq!(writes::<u32>(&changed), [("LAZY", 11)]);
    let read = invoke(Vec::new(), || assert_eq!(*LAZY.lock().unwrap(), 3)).unwrap();
    assert!(read.writes.is_empty());
}

#[test]
fn the_host_is_asked_for_what_the_request_lacks_and_only_once() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let fetch = {
        let asked = Rc::clone(&asked);
        Fetch::new(move |v| {
            let name = &v[0].name;
            asked.borrow_mut().push(name.clone());
            Ok(vec![(name == "LAZY").then(|| stored(&8_u32, "u32"))])
        })
    };
    let body = || {
        assert_eq!(*LAZY.lock().unwrap(), 8);
        assert_eq!(*LAZY.lock().unwrap(), 8);
        assert!(SEEN.lock().unwrap().is_empty());
        assert_eq!(HITS.load(Ordering::Relaxed), 40);
    };
    let read = invoke_with(Vec::new(), vec![Scope::Chain], fetch, body).unwrap();
    assert_eq!(*asked.borrow(), ["LAZY", "SEEN"]);
    assert_eq!(touched(&read), ["LAZY", "SEEN", "HITS"]);
    assert!(read.writes.is_empty());
}

#[test]
fn failures_name_the_variable_and_what_to_do() {
    fn check(fields: Vec<Field>, body: fn(), at: &str, parts: &[&str]) {
        let failure = invoke(fields, body).unwrap_err();
        assert_eq!(
            (failure.kind, failure.at.as_deref()),
            (FailureKind::State, Some(at))
        );
        for part in parts {
            assert!(
                failure.message.contains(part),
                "{part} is not in: {failure}"
            );
        }
    }
    fn use_seen() {
        see("a");
    }
    let ours = format!("{:016x}", fingerprint("Seen"));
    let theirs = format!("{:016x}", fingerprint("Vec<u8>"));
    let wrong = |value| vec![field(Scope::App, "SEEN", Some(value))];
    check(
        wrong(stored(&vec![1_u8], "Vec<u8>")),
        use_seen,
        "SEEN",
        &[
            "state `SEEN`",
            "`Seen`",
            &ours,
            &theirs,
            "expected a map",
            "kept as it is",
        ],
    );
    check(
        wrong(stored(&BTreeMap::from([("a", "many")]), "Seen")),
        use_seen,
        "SEEN",
        &[&ours, "at `a`", "a type of the same name", "expected u32"],
    );
    check(wrong(vec![1, 2]), use_seen, "SEEN", &["without a tag"]);
    check(
        Vec::new(),
        || std::mem::forget(SEEN.lock()),
        "SEEN",
        &["still locked at the end of the call", "guard"],
    );
    check(
        Vec::new(),
        || NAMES.with(|n| std::mem::forget(n.borrow_mut())),
        "NAMES",
        &["still locked at the end of the call"],
    );
    check(
        Vec::new(),
        || drop(SELFISH.lock()),
        "SELFISH",
        &["used by its own initializer"],
    );
    // A leaked guard is of no consequence to the next invocation.
    invoke(Vec::new(), || assert_eq!(see("a"), 1)).unwrap();
}

#[test]
fn a_failed_fetch_ends_the_call_with_that_failure() {
    let reached = Cell::new(false);
    let failure = invoke_with(Vec::new(), Vec::new(), nothing(), || {
        see("a");
        reached.set(true);
    })
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(!reached.get());
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _invocation = Invocation::start(
            Vec::new(),
            Vec::new(),
            Fetch::new(|v| Ok(vec![None; v.len()])),
        );
        see("a");
        let _guard = SEEN.lock();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    invoke(Vec::new(), || assert_eq!(see("a"), 1)).unwrap();
    assert!(SEEN.lock().is_ok());
}

#[test]
fn one_invocation_runs_at_a_time_on_a_thread() {
    let nested = Cell::new(None);
    invoke(Vec::new(), || {
        nested.set(invoke(Vec::new(), || ()).err().map(|f| f.kind));
    })
    .unwrap();
    assert_eq!(nested.get(), Some(FailureKind::Contract));
}
