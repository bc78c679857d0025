//! How calls end: well, by a trap, at a limit, by a broken contract.

use super::fixtures::*;
use skylark_abi::{
    call::{Failure, FailureKind},
    names,
};

#[tokio::test]
async fn a_call_returns_the_functions_response() {
    let engine = engine();
    // Echoes the request's length as the response's output: one digit pair.
    let module = load(&engine, app("$OK")).await;
    assert_eq!(module.schema().functions.len(), 1);
    assert_eq!(module.hash().len(), 64);
    assert_eq!(module.size(), app("$OK").len() as u64);
    assert_eq!(call(&module, "f").await, Ok(response(b"null")));
    let missing = call(&module, "g").await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
    assert_mentions("unknown", &missing.message, &["`g`", "did you mean `f`"]);
}

#[tokio::test]
async fn the_request_arrives_whole_where_the_guest_wants_it() {
    let wanted = skylark_abi::encode(&request());
    // Compares what arrived with what was sent, byte by byte.
    let body = format!(
        r#"(local $i i32)
        (if (i32.ne (local.get $len) (i32.const {len})) (then unreachable))
        (loop $next
          (if (i32.ne
                (i32.load8_u (i32.add (local.get $ptr) (local.get $i)))
                (i32.load8_u (i32.add (i32.const 4096) (local.get $i))))
            (then unreachable))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (i32.const {len}))))
        $OK"#,
        len = wanted.len()
    );
    let data = format!("(data (i32.const 4096) \"{}\")", escape(&wanted));
    let engine = engine();
    let module = load(&engine, app_with(&data, &[("f", "{}", &body)])).await;
    assert_eq!(call(&module, "f").await, Ok(response(b"null")));
    let mut other = request();
    other.input = b"nill".to_vec();
    let failed = module.call("f", &other, &limits(), &mut none()).await;
    assert_eq!(
        failed.unwrap_err().kind,
        FailureKind::Trap,
        "the guest does compare"
    );
}

const PANIC: &str = "\nthread '<unnamed>' panicked at src/lib.rs:12:5:\nindex out of bounds: the len is 3 but the \
                     index is 7\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";

/// What it is, the function's options, further fields of the module, the
/// function's body; the failure's kind and what its message mentions.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    FailureKind,
    &'a [&'a str],
);

#[tokio::test]
async fn a_guests_end_is_its_calls_failure_and_the_next_call_is_unharmed() {
    use FailureKind::*;
    let (panic_data, panic_say) = say(2, PANIC);
    let panic = format!("{panic_say} unreachable");
    let hog = format!("{HOG} unreachable");
    let hog_divides = format!("{HOG} (i64.div_s (i64.const 1) (i64.const 0))");
    let exit = "(call $exit (i32.const 3)) unreachable";
    let spin = "(loop $l (br $l)) unreachable";
    let rows: &[Row<'_>] = &[
        (
            "unreachable",
            "{}",
            "",
            "unreachable",
            Trap,
            &["unreachable"],
        ),
        (
            "division",
            "{}",
            "",
            "(i64.div_s (i64.const 1) (i64.const 0))",
            Trap,
            &["divide by zero"],
        ),
        (
            "a place with a name",
            "{}",
            "(func $app::deep::h0123456789abcdef unreachable)",
            "(call $app::deep::h0123456789abcdef) $OK",
            Trap,
            &["in `app::deep`"],
        ),
        (
            "reads outside",
            "{}",
            "",
            "(i64.load (i32.const -8))",
            Trap,
            &["out of bounds"],
        ),
        (
            "stack",
            "{}",
            "(func $r (call $r))",
            "(call $r) $OK",
            Trap,
            &["`stack` is 512 KiB", "`r`"],
        ),
        (
            "panic",
            "{}",
            &panic_data,
            &panic,
            Trap,
            &["panicked at src/lib.rs:12:5: index out of bounds: the len is 3 but the index is 7"],
        ),
        (
            "panic told by the log",
            "{}",
            "(data (i32.const 4096) \"panicked at a.rs:1:2:\\0aoh\")",
            "(call $log (i32.const 1) (i32.const 4096) (i32.const 24)) unreachable",
            Trap,
            &["panicked at a.rs:1:2: oh"],
        ),
        ("exit", "{}", "", exit, Trap, &["exit(3)"]),
        (
            "loop",
            r#"{"timeout_ms":20}"#,
            "",
            spin,
            Timeout,
            &["`timeout`", "20ms"],
        ),
        (
            "loop in the start",
            r#"{"timeout_ms":20}"#,
            "(func $s (loop $l (br $l))) (start $s)",
            "$OK",
            Timeout,
            &["20ms"],
        ),
        (
            "sleep",
            r#"{"timeout_ms":20}"#,
            "",
            SLEEP,
            Timeout,
            &["`timeout`", "20ms"],
        ),
        (
            "memory",
            "{}",
            "",
            &hog,
            Memory,
            &["`memory` of 1 MiB", "1088 KiB", "`memory = "],
        ),
        (
            "memory, by option",
            r#"{"memory":196608}"#,
            "",
            &hog,
            Memory,
            &["`memory` of 192 KiB", "256 KiB"],
        ),
        (
            "memory, past the node's",
            r#"{"memory":99999999}"#,
            "",
            &hog,
            Memory,
            &["`memory` of 16 MiB"],
        ),
        (
            "memory at the start",
            r#"{"memory":65536}"#,
            "",
            "$OK",
            Memory,
            &["64 KiB", "128 KiB"],
        ),
        (
            "another trap after a refusal",
            "{}",
            "",
            &hog_divides,
            Trap,
            &["divide by zero"],
        ),
        (
            "a response outside",
            "{}",
            "",
            "(i64.const 0x0002000000000001)",
            Contract,
            &["the response", "131072 with 1 bytes"],
        ),
        (
            "a response across the end",
            "{}",
            "",
            "(i64.const 0x0001fff000000020)",
            Contract,
            &["the response"],
        ),
        (
            "a response at the top",
            "{}",
            "",
            "(i64.const 0xffffffff00000fff)",
            Contract,
            &["4294967295"],
        ),
        (
            "no response",
            "{}",
            "",
            "(i64.const 0)",
            Contract,
            &["its response is none"],
        ),
        (
            "a large response",
            "{}",
            "",
            "(i64.const 0x1001)",
            TooLarge,
            &["`max-output`", "4 KiB", "4097 bytes"],
        ),
        (
            "a huge response",
            "{}",
            "",
            "(i64.const 0xffffffff)",
            TooLarge,
            &["`max-output`"],
        ),
        (
            "a log line outside",
            "{}",
            "",
            "(call $log (i32.const 1) (i32.const -1) (i32.const 9)) $OK",
            Contract,
            &["a log line"],
        ),
        (
            "a log from the start",
            "{}",
            "(func $s (call $log (i32.const 1) (i32.const 0) (i32.const 1))) (start $s)",
            "$OK",
            Contract,
            &["start function"],
        ),
        (
            "state of no scope",
            "{}",
            "",
            "(call $fetch (i32.const 7) (i32.const 0) (i32.const 1))",
            Contract,
            &["scope 7"],
        ),
        (
            "state of no name",
            "{}",
            "",
            "(call $fetch (i32.const 0) (i32.const 0) (i32.const 1))",
            Contract,
            &["name is none"],
        ),
        (
            "state's name outside",
            "{}",
            "",
            "(call $fetch (i32.const 0) (i32.const 0) (i32.const -1))",
            Contract,
            &["name is at 0"],
        ),
        (
            "nothing to take",
            "{}",
            "",
            "(call $take (i32.const 0) (i32.const 1)) $OK",
            Contract,
            &["not fetched"],
        ),
    ];
    let engine = engine();
    let good = load(&engine, app("$OK")).await;
    for (what, options, fields, body, kind, mentions) in rows {
        let module = load(
            &engine,
            app_with(fields, &[("f", options, body), ("fine", "{}", "$OK")]),
        )
        .await;
        for _ in 0..2 {
            match call(&module, "f").await {
                Err(failure) => {
                    assert_eq!(failure.kind, *kind, "{what}: {failure}");
                    assert_mentions(what, &failure.message, mentions);
                }
                Ok(response) => panic!("{what}: {response:?}"),
            }
            if !fields.contains("start") {
                assert_eq!(
                    call(&module, "fine").await,
                    Ok(response(b"null")),
                    "after {what}"
                );
            }
            assert_eq!(
                call(&good, "f").await,
                Ok(response(b"null")),
                "after {what}"
            );
        }
    }
    assert_eq!(engine.instances_in_use(), 0);
}

#[tokio::test]
async fn a_guest_that_ends_itself_says_with_what() {
    let wanted = Failure::new(FailureKind::Input, "`width` is missing").at("photo.width");
    let bytes = skylark_abi::encode(&wanted);
    let engine = engine();
    let end = async |packed: i64, body: &str, failure_body: &str| {
        let fields = format!(
            r#"(data (i32.const 4096) "{}")
            (func (export "skylark_failure") (result i64) {failure_body} (i64.const {packed}))"#,
            escape(&bytes)
        );
        let module = load(
            &engine,
            app_with(&fields, &[("f", r#"{"timeout_ms":60}"#, body)]),
        )
        .await;
        call(&module, "f").await.unwrap_err()
    };
    let told = names::pack(4096, bytes.len() as u32);
    assert_eq!(end(told, "unreachable", "").await, wanted);
    let check = async |what: &str, packed: i64, body: &str, failure_body: &str| {
        let failure = end(packed, body, failure_body).await;
        assert_eq!(failure.kind, FailureKind::Trap, "{what}: {failure}");
    };
    check("says nothing", 0, "unreachable", "").await;
    check(
        "is asked for an abort only",
        told,
        "(i64.div_s (i64.const 1) (i64.const 0))",
        "",
    )
    .await;
    check("outside", names::pack(u32::MAX, 9), "unreachable", "").await;
    check("too long", names::pack(0, u32::MAX), "unreachable", "").await;
    check("noise", names::pack(0, 9), "unreachable", "").await;
    check("traps again", told, "unreachable", "unreachable").await;
    check("never tells", told, "unreachable", "(loop $l (br $l))").await;
}

#[tokio::test]
async fn a_bad_place_for_the_request_is_the_modules_fault() {
    let engine = engine();
    for place in ["131071", "-1", "0x7fffffff"] {
        let alloc = format!(
            r#"(func (export "skylark_alloc") (param i32) (result i32) (i32.const {place}))"#
        );
        let schema = section(&record(names::ABI_VERSION, "f", "{}"));
        let function = r#"(func (export "skylark_fn_f") (param i32 i32) (result i64) $OK)"#;
        let module = load(&engine, assemble(&[MEMORY, &alloc, function, &schema])).await;
        let failure = call(&module, "f").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract, "{place}");
        assert_mentions(place, &failure.message, &["place for the request"]);
    }
}

#[tokio::test]
async fn a_guest_that_copes_with_refused_memory_or_talks_too_much_goes_on() {
    let (data, speak) = say(1, "a line\n");
    let chatter = format!(
        "(local $i i32) (loop $l {speak}
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $l (i32.lt_u (local.get $i) (i32.const 100)))) $OK"
    );
    let hog = format!("{HOG} $OK");
    let engine = engine();
    let module = load(
        &engine,
        app_with(&data, &[("hog", "{}", &hog), ("chatter", "{}", &chatter)]),
    )
    .await;
    for function in ["hog", "chatter"] {
        assert_eq!(
            call(&module, function).await,
            Ok(response(b"null")),
            "{function}"
        );
    }
}
