//! Arguments in, outcomes out.

use super::*;
use serde::{Deserialize, Serialize};
use skylark_abi::{
    call::{Field, Scope, Variable},
    id::InvocationId,
};
use std::fmt;

#[derive(Debug, Serialize, Deserialize)]
struct Photo {
    width: u32,
}

static NONE: FunctionDef = FunctionDef {
    name: "none",
    args: &[],
    output: "u8",
    next: &[],
    flow: Flow::Straight,
};
static ONE: FunctionDef = FunctionDef {
    name: "one",
    args: &[("photo", "Photo")],
    output: "u32",
    next: &["super::two"],
    flow: Flow::Straight,
};
static TWO: FunctionDef = FunctionDef {
    name: "two",
    args: &[("photo", "Photo"), ("scale", "u32")],
    output: "u32",
    next: &[],
    flow: Flow::Straight,
};

fn none(call: &Call<'_>) -> Result<Reply, Failure> {
    call.ok(7_u8)
}

fn one(call: &Call<'_>) -> Result<Reply, Failure> {
    let photo: Photo = call.arg(0)?;
    call.ok(photo.width)
}

fn two(call: &Call<'_>) -> Result<Reply, Failure> {
    let (photo, scale): (Photo, u32) = (call.arg(0)?, call.arg(1)?);
    call.ok(photo.width * scale)
}

fn request(input: Vec<u8>, input_codec: Codec) -> CallRequest {
    CallRequest {
        id: InvocationId::root("run"),
        input,
        input_codec,
        output_codec: Codec::Json,
        fields: Vec::new(),
        complete: vec![Scope::App, Scope::Chain],
        past: Vec::new(),
        arrived: Vec::new(),
        seen: Default::default(),
        keep: Vec::new(),
        kept: false,
    }
}

fn answer(def: &'static FunctionDef, body: Body, request: CallRequest) -> CallResponse {
    run(
        def,
        body,
        request,
        Fetch::new(|v| Ok(vec![None; v.len()])),
        None,
    )
    .0
}

fn json(def: &'static FunctionDef, body: Body, input: &str) -> Outcome {
    answer(def, body, request(input.into(), Codec::Json))
        .outcome
        .unwrap()
}

#[test]
fn inputs_that_fit() {
    fn check(def: &'static FunctionDef, body: Body, input: &str, wanted: &str) {
        match json(def, body, input) {
            Outcome::Ok {
                output,
                codec: Codec::Json,
            } => assert_eq!(String::from_utf8(output).unwrap(), wanted, "{input}"),
            other => panic!("{input}: {other:?}"),
        }
    }
    for nothing in ["", " \n", "null", "[]", " [ ] ", "{}"] {
        check(&NONE, none, nothing, "7");
    }
    check(&TWO, two, r#"{"photo":{"width":3},"scale":2}"#, "6");
    check(&TWO, two, r#"{"scale":2,"photo":{"width":3}}"#, "6");
    check(&TWO, two, r#"{"\u0073cale":2,"photo":{"width":3}}"#, "6");
    check(&TWO, two, r#" [ {"width":3}, 2 ] "#, "6");
}

#[test]
fn inputs_that_do_not_fit_say_where_and_why() {
    fn check(def: &'static FunctionDef, body: Body, input: &str, at: Option<&str>, why: &str) {
        match json(def, body, input) {
            Outcome::Err(failure) => {
                assert_eq!(failure.kind, FailureKind::Input, "{input}");
                assert_eq!(failure.at.as_deref(), at, "{input}");
                assert_eq!(failure.message, why, "{input}");
            }
            Outcome::Ok { .. } => panic!("{input} was taken"),
        }
    }
    check(
        &NONE,
        none,
        "1",
        None,
        "`none`: it takes no arguments: send nothing, `null` or `[]`",
    );
    check(
        &ONE,
        one,
        r#"{"width":"wide"}"#,
        Some("width"),
        "argument `photo` of `one` is no `Photo`: invalid type: string \"wide\", expected u32 at `width`",
    );
    check(
        &ONE,
        one,
        "3",
        None,
        "argument `photo` of `one` is no `Photo`: invalid type: integer `3`, expected struct Photo",
    );
    check(
        &ONE,
        one,
        "",
        None,
        "argument `photo` of `one` is no `Photo`: the JSON ends too early: \
         EOF while parsing a value at line 1 column 0",
    );
    check(
        &TWO,
        two,
        r#"{"photo":{},"scale":2}"#,
        Some("photo.width"),
        "argument `photo` of `two` is no `Photo`: missing field `width` at `width`",
    );
    check(
        &TWO,
        two,
        r#"[{"width":1},-1]"#,
        Some("scale"),
        "argument `scale` of `two` is no `u32`: invalid value: integer `-1`, expected u32",
    );
    check(
        &TWO,
        two,
        r#"{"phto":{"width":1},"scale":2}"#,
        Some("phto"),
        "`two`: it has no argument `phto`; did you mean `photo`? (it takes `photo: Photo`, `scale: u32`)",
    );
    check(
        &TWO,
        two,
        r#"{"scale":2}"#,
        Some("photo"),
        "`two`: argument `photo: Photo` is missing",
    );
    check(
        &TWO,
        two,
        r#"{"scale":2,"scale":3,"photo":{"width":1}}"#,
        Some("scale"),
        "`two`: argument `scale` is given twice",
    );
    check(
        &TWO,
        two,
        "[2]",
        None,
        "`two`: it takes 2 arguments (`photo: Photo`, `scale: u32`), not 1",
    );
    check(
        &TWO,
        two,
        "2",
        None,
        "`two`: send a JSON object with its arguments by name, or an array of them in order: \
         `photo: Photo`, `scale: u32`",
    );
    check(
        &TWO,
        two,
        r#"{"scale":2"#,
        None,
        "`two`: the JSON ends too early: EOF while parsing an object at line 1 column 10",
    );
}

#[test]
fn a_predecessors_output_is_taken_whole_or_spread() {
    fn check<T: Serialize>(def: &'static FunctionDef, body: Body, output: T) -> Option<Failure> {
        let input = codec::to_compact(&output, 5).unwrap();
        match answer(def, body, request(input, Codec::Compact))
            .outcome
            .unwrap()
        {
            Outcome::Ok { .. } => None,
            Outcome::Err(failure) => Some(failure),
        }
    }
    assert_eq!(check(&NONE, none, ()), None);
    assert_eq!(check(&ONE, one, Photo { width: 1 }), None);
    assert_eq!(check(&TWO, two, (Photo { width: 1 }, 2)), None);

    let place = |failure: Option<Failure>| failure.and_then(|f| f.at);
    assert_eq!(
        place(check(&TWO, two, (Photo { width: 1 }, "2"))).as_deref(),
        Some("scale")
    );
    let other = check(&ONE, one, ["wide"]).unwrap();
    assert!(other.message.contains("0000000000000005"), "{other}");
    assert!(check(&TWO, two, (Photo { width: 1 }, 2, 3)).is_some());
    assert!(check(&TWO, two, "word").is_some());
    assert!(check(&NONE, none, 1).is_some());

    let untagged = answer(&ONE, one, request(vec![0; 3], Codec::Compact));
    assert!(matches!(untagged.outcome, Some(Outcome::Err(f)) if f.kind == FailureKind::Input));
}

#[test]
fn what_goes_to_a_successor_is_compact_and_names_it() {
    let response = answer(&ONE, one, request(br#"{"width":3}"#.into(), Codec::Json));
    let Some(Outcome::Ok {
        output,
        codec: Codec::Compact,
    }) = response.outcome
    else {
        panic!("{response:?}");
    };
    let tagged = skylark_abi::value::untag(&output).unwrap();
    assert_eq!(tagged.fingerprint, fingerprint("u32"));
    assert_eq!(codec::from_payload::<u32>(tagged.payload), Ok(3));
    let next: Vec<_> = response.next.into_iter().map(|s| s.function).collect();
    assert_eq!(next, ["super::two"]);
}

#[test]
fn an_err_is_a_failure_with_its_causes_and_keeps_its_writes() {
    use crate::state::{State, StateDef, codec};
    use std::sync::{Mutex, atomic::AtomicU8, atomic::Ordering};

    static COUNT: State<AtomicU8> = State::new(
        AtomicU8::new(0),
        || AtomicU8::new(0),
        codec::<u8>(),
        &StateDef {
            name: "COUNT",
            scope: Scope::App,
            type_text: "u8",
            key: None,
            was: &[],
        },
    );
    static LEAKED: State<Mutex<u8>> = State::new(
        Mutex::new(0),
        || Mutex::new(0),
        codec::<u8>(),
        &StateDef {
            name: "LEAKED",
            scope: Scope::App,
            type_text: "u8",
            key: None,
            was: &[],
        },
    );

    /// Shows its cause in the alternate form, as `anyhow`'s errors do.
    struct Full;

    impl fmt::Display for Full {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("full")?;
            match f.alternate() {
                true => f.write_str(": no seats left"),
                false => Ok(()),
            }
        }
    }

    let failing: Body = |call| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        call.result::<u32, _>(Err(Full))
    };
    let response = answer(&ONE, failing, request(b"{}".into(), Codec::Json));
    let wanted = Failure::new(FailureKind::Returned, "full: no seats left");
    assert_eq!(response.outcome, Some(Outcome::Err(wanted)));
    assert!(response.next.is_empty());
    let written: Vec<&Variable> = response
        .writes
        .iter()
        .map(|Field { variable, .. }| variable)
        .collect();
    assert_eq!(written, [&response.touched[0]]);

    let leaking: Body = |call| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        std::mem::forget(LEAKED.lock());
        call.ok(1)
    };
    let response = answer(&NONE, leaking, request(Vec::new(), Codec::Json));
    assert!(matches!(response.outcome, Some(Outcome::Err(f)) if f.at.as_deref() == Some("LEAKED")));
    assert!(response.writes.is_empty() && response.touched.is_empty());
}

#[test]
fn a_result_that_does_not_serialize_is_a_failure() {
    let odd: Body = |call| call.ok(std::collections::BTreeMap::from([((1, 2), 3)]));
    let Outcome::Err(failure) = json(&NONE, odd, "") else {
        panic!("a map with tuples for keys is no JSON");
    };
    assert_eq!(failure.kind, FailureKind::Contract);
    assert_eq!(
        failure.message,
        "the result of `none` (`u8`) cannot be written as JSON: key must be a string"
    );
}
