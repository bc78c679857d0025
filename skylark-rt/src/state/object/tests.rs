//! What of a struct is read and written.

use super::*;
use crate::{
    state::{Collected, Invocation, codec},
    target::Fetch,
};

#[derive(Debug, PartialEq)]
struct Stock {
    apples: u32,
    pears: Vec<String>,
}

macro_rules! field {
    ($name:ident: $ty:ty) => {
        &FieldDef::<Stock, $ty> {
            ident: stringify!($name),
            def: &StateDef {
                name: concat!("Stock-", stringify!($name)),
                scope: Scope::App,
                type_text: stringify!($ty),
                key: None,
                was: &[],
            },
            codec: codec::<$ty>(),
            get: |stock| &stock.$name,
            get_mut: |stock| &mut stock.$name,
        }
    };
}

static STOCK: ObjectDef<Stock> = ObjectDef {
    name: "Stock",
    scope: Scope::App,
    first: || Stock {
        apples: 7,
        pears: Vec::new(),
    },
    fields: &[field!(apples: u32), field!(pears: Vec<String>)],
    built: &[],
};

impl Object for Stock {
    const KEY: Option<&'static str> = None;

    fn def() -> &'static ObjectDef<Self> {
        &STOCK
    }
}

/// Names of what is read and of what is written, in one invocation.
#[track_caller]
fn check(body: impl FnOnce(), touched: &[&str], written: &[&str]) {
    let fetch = Fetch::new(|v| Ok(vec![None; v.len()]));
    let invocation = Invocation::start(Vec::new(), Vec::new(), fetch).unwrap();
    body();
    let Collected {
        touched: found,
        writes,
    } = invocation.collect().unwrap();
    let found: Vec<&str> = found.iter().map(|v| v.name.as_str()).collect();
    let writes: Vec<&str> = writes.iter().map(|f| f.variable.name.as_str()).collect();
    assert_eq!((found.as_slice(), writes.as_slice()), (touched, written));
}

#[test]
fn only_what_is_touched_is_read_and_only_what_changed_is_written() {
    const APPLES: Option<FieldNames> = Some(&["apples"]);
    const ALL: [&str; 2] = ["Stock-apples", "Stock-pears"];
    check(|| {}, &[], &[]);
    check(
        || assert_eq!(shared(APPLES, |s: &Stock| s.apples), 7),
        &["Stock-apples"],
        &[],
    );
    check(
        || exclusive(APPLES, |s: &mut Stock| s.apples += 1),
        &["Stock-apples"],
        &["Stock-apples"],
    );
    check(
        || exclusive(None, |s: &mut Stock| s.apples += 1),
        &ALL,
        &["Stock-apples"],
    );
    // Changed, and back again.
    check(|| exclusive(None, |s: &mut Stock| s.apples *= 1), &ALL, &[]);
    // A name that is no field stands for what cannot be seen.
    check(|| shared(Some(&["deref"]), |_: &Stock| ()), &ALL, &[]);
    // What came later is there beside what was changed before.
    check(
        || {
            exclusive(APPLES, |s: &mut Stock| s.apples = 1);
            exclusive(Some(&["pears"]), |s: &mut Stock| s.pears.push("a".into()));
            assert_eq!(with(|s: &Stock| (s.apples, s.pears.len())), (1, 1));
        },
        &ALL,
        &ALL,
    );
}

#[test]
fn every_invocation_has_its_own() {
    for _ in 0..2 {
        check(
            || {
                with_mut(|s: &mut Stock| s.apples += 1);
                assert_eq!(with(|s: &Stock| s.apples), 8);
            },
            &["Stock-apples", "Stock-pears"],
            &["Stock-apples"],
        );
    }
}
