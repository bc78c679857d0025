//! What earlier builds stored, read by this one.

use super::*;
use crate::state::{
    Collected, Invocation, KeyText, List, Map, Shared, State, StateCodec, StateDef, codec,
    collection_of,
};
use crate::target::Fetch;
use serde::Serialize;
use skylark_abi::{
    call::{Failure, FailureKind, Field, Scope, Variable},
    keys::Part,
    protocol::end_key,
    value::{fingerprint, header_after, untag},
};
use std::sync::Mutex;

/// Once a number of cents; then that with a currency; now also who owes it.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
struct Debt {
    cents: u64,
    currency: String,
    by: String,
}

type Priced = (u64, String);

fn priced(cents: u64) -> Priced {
    (cents, "EUR".into())
}

fn owed((cents, currency): Priced) -> Result<Debt, &'static str> {
    match cents {
        0 => Err("nobody owes nothing"),
        cents => Ok(Debt {
            cents,
            currency,
            by: "?".into(),
        }),
    }
}

fn nothing() -> Mutex<Debt> {
    Mutex::new(Debt {
        cents: 0,
        currency: String::new(),
        by: String::new(),
    })
}

const DEBT_CODEC: StateCodec<Debt> = codec::<Debt>().migrating(&[
    |stored| {
        older(stored)
            .and_then(|old| migrated(priced, old))
            .and_then(|old| migrated(owed, old))
    },
    |stored| older(stored).and_then(|old| migrated(owed, old)),
]);

static DEBT: State<Mutex<Debt>> = State::new(
    Mutex::new(Debt {
        cents: 0,
        currency: String::new(),
        by: String::new(),
    }),
    nothing,
    DEBT_CODEC,
    &StateDef {
        name: "DEBT",
        scope: Scope::App,
        type_text: "Debt",
        key: None,
        was: &["OWED", "PRICE"],
    },
);

fn stored<T: Serialize>(value: &T, generation: u8) -> Vec<u8> {
    crate::codec::to_stored(value, header_after(fingerprint("Debt"), generation)).unwrap()
}

fn field(name: &str, value: Vec<u8>) -> Field {
    let variable = Variable {
        scope: Scope::App,
        name: name.into(),
        key: String::new(),
        part: None,
        at: String::new(),
    };
    Field {
        variable,
        value: Some(value),
    }
}

/// Runs `body` as an invocation over this store, which has no more.
fn invoke(fields: Vec<Field>, body: impl FnOnce()) -> Result<Collected, Failure> {
    let fetch = Fetch::new(|v| {
        Err(Failure::new(
            FailureKind::Unavailable,
            format!("asked for {}", v[0].name),
        ))
    });
    crate::target::native::guarded(|| {
        let invocation = Invocation::start(fields, vec![Scope::App, Scope::Chain], fetch)?;
        body();
        invocation.collect()
    })?
}

fn debt(cents: u64, currency: &str, by: &str) -> Debt {
    Debt {
        cents,
        currency: currency.into(),
        by: by.into(),
    }
}

#[test]
fn what_earlier_builds_stored_is_migrated_on_read_and_written_with_the_next_write() {
    for (what, name, value, wanted) in [
        (
            "now",
            "DEBT",
            stored(&debt(7, "USD", "ann"), 2),
            debt(7, "USD", "ann"),
        ),
        (
            "one build ago",
            "DEBT",
            stored(&(7_u64, "USD"), 1),
            debt(7, "USD", "?"),
        ),
        (
            "two builds ago",
            "DEBT",
            stored(&7_u64, 0),
            debt(7, "EUR", "?"),
        ),
        (
            "renamed",
            "OWED",
            stored(&(7_u64, "USD"), 1),
            debt(7, "USD", "?"),
        ),
        (
            "renamed twice",
            "PRICE",
            stored(&7_u64, 0),
            debt(7, "EUR", "?"),
        ),
    ] {
        let carried = || vec![field(name, value.clone())];
        let read = invoke(carried(), || {
            assert_eq!(*DEBT.lock().unwrap(), wanted, "{what}")
        });
        let read = read.unwrap();
        assert_eq!(read.writes, [], "{what}: who only reads writes nothing");

        let changed = invoke(carried(), || DEBT.lock().unwrap().by = "bob".into()).unwrap();
        let write = &changed.writes[0];
        assert_eq!(write.variable.name, "DEBT", "{what}");
        let tagged = untag(write.value.as_ref().unwrap()).unwrap();
        assert_eq!(tagged.generation, 2, "{what}");
        let after: Debt = crate::codec::from_payload(tagged.payload).unwrap();
        assert_eq!(after.by, "bob", "{what}");
        // A value that was found under an earlier name moves.
        let left: Vec<(&str, bool)> = changed.writes[1..]
            .iter()
            .map(|w| (w.variable.name.as_str(), w.value.is_some()))
            .collect();
        let moved = [(name, false)];
        assert_eq!(
            left,
            if name == "DEBT" { &[][..] } else { &moved[..] },
            "{what}"
        );
        // What was looked under is checked with the rest.
        let touched: Vec<&str> = changed.touched.iter().map(|v| v.name.as_str()).collect();
        let all = ["DEBT", "OWED", "PRICE"];
        let looked = all.iter().position(|n| *n == name).unwrap();
        assert_eq!(touched, all[..=looked], "{what}");
    }
}

#[test]
fn what_cannot_be_migrated_is_kept_and_named_with_both_schemas() {
    for (what, value, wanted) in [
        (
            "refused by a migration",
            stored(&(0_u64, "EUR"), 1),
            "after 1 of its 2 migrations (schema X) to its type `Debt` (schema X): nobody owes nothing",
        ),
        (
            "no value of the older type",
            stored(&"seven", 0),
            "after 0 of its 2 migrations (schema X) to its type `Debt` (schema X): invalid type: string",
        ),
        (
            "of a later build",
            stored(&7_u64, 3),
            "was written by a later build, after 3 migrations (schema X), and this build knows 2",
        ),
    ] {
        let read = || drop(DEBT.lock());
        let failure = invoke(vec![field("DEBT", value)], read).unwrap_err();
        let schema = format!("{:016x}", fingerprint("Debt"));
        let message = failure.message.replace(&schema, "X");
        assert!(message.contains(wanted), "{what}: {message}");
        assert_eq!(failure.kind, FailureKind::State, "{what}");
        assert_eq!(failure.at.as_deref(), Some("DEBT"), "{what}");
        assert!(message.contains("kept as it is"), "{what}: {message}");
    }
}

/// A collection's definition.
const fn def(name: &'static str) -> StateDef {
    StateDef {
        name,
        scope: Scope::App,
        type_text: "Debt",
        key: None,
        was: &[],
    }
}

static BY_NAME: Shared<Map<String, Debt>> =
    Shared::new(Map::new(), &def("BY_NAME"), &collection_of(&DEBT_CODEC));
static IN_ORDER: Shared<List<Debt>> =
    Shared::new(List::new(), &def("IN_ORDER"), &collection_of(&DEBT_CODEC));

#[test]
fn each_value_of_a_collection_is_migrated_by_itself() {
    let entry = |name: &str, at: &str, value: Vec<u8>| {
        let mut field = field(name, value);
        field.variable.part = Some(Part::Entry);
        field.variable.at = at.to_owned();
        field
    };
    let carried = || {
        let of_map = [
            ("ann", stored(&debt(7, "USD", "ann"), 2)),
            ("bob", stored(&(8_u64, "USD"), 1)),
            ("cat", stored(&9_u64, 0)),
            ("dan", stored(&(0_u64, "USD"), 1)),
        ];
        let of_map = of_map.map(|(name, value)| {
            let key = KeyText::of(name);
            entry("BY_NAME", key.as_str(), value)
        });
        let of_list = [(5_u64, 0)].map(|(cents, generation)| {
            let key = end_key(0);
            entry("IN_ORDER", &key, stored(&cents, generation))
        });
        of_map.into_iter().chain(of_list).collect::<Vec<_>>()
    };
    let read = invoke(carried(), || {
        assert_eq!(BY_NAME.get("ann"), Some(debt(7, "USD", "ann")));
        assert_eq!(BY_NAME.get("bob"), Some(debt(8, "USD", "?")));
        BY_NAME.update("cat", |found| assert_eq!(*found, Some(debt(9, "EUR", "?"))));
        assert_eq!(IN_ORDER.get(0), Some(debt(5, "EUR", "?")));
    });
    assert_eq!(
        read.unwrap().writes,
        [],
        "who changes nothing writes nothing"
    );

    let changed = invoke(carried(), || {
        BY_NAME.update("cat", |found| found.as_mut().unwrap().by = "eve".into());
    });
    let writes = changed.unwrap().writes;
    assert_eq!(writes.len(), 1, "the other entries stay as they are");
    let tagged = untag(writes[0].value.as_ref().unwrap()).unwrap();
    assert_eq!(tagged.generation, 2);
    let after: Debt = crate::codec::from_payload(tagged.payload).unwrap();
    assert_eq!(after, debt(9, "EUR", "eve"));

    let failure = invoke(carried(), || drop(BY_NAME.get("dan"))).unwrap_err();
    assert!(failure.message.contains("nobody owes nothing"), "{failure}");
    assert_eq!(failure.at.as_deref(), Some("BY_NAME"));
}
