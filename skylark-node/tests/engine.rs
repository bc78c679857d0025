//! The engine against modules of every kind: good, broken, greedy and rude.

use bytes::Bytes;
use skylark_abi::{
    InvocationId,
    call::{
        CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope, Successor, Variable,
    },
    names,
    schema::frame,
    value::Codec,
};
use skylark_node::engine::{
    CallLimits, CommandOutput, Engine, EngineConfig, LoadError, Module, StateSource,
};
use std::{fmt::Write as _, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};
use tokio::sync::Notify;

// ---------------------------------------------------------------- fixtures

/// Where the ready-made response is in a fixture's memory.
const RESPONSE_AT: u32 = 1024;

fn response(output: &[u8]) -> CallResponse {
    CallResponse {
        outcome: Outcome::Ok {
            output: output.to_vec(),
            codec: Codec::Json,
        },
        touched: Vec::new(),
        writes: Vec::<Field>::new(),
        next: Vec::<Successor>::new(),
    }
}

fn request() -> CallRequest {
    CallRequest {
        id: InvocationId::root("app.run"),
        input: b"null".to_vec(),
        input_codec: Codec::Json,
        output_codec: Codec::Json,
        fields: Vec::new(),
        complete: Vec::new(),
    }
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "\\{b:02x}").expect("a string takes it");
        text
    })
}

fn record(abi: u32, name: &str, options: &str) -> Vec<u8> {
    frame(&format!(
        r#"{{"abi":{abi},"module":"app","kind":"function","name":"{name}","ident":"{name}","args":[],"output":"()","options":{options}}}"#
    ))
}

fn section(frames: &[u8]) -> String {
    format!("(@custom \"{}\" \"{}\")", names::SECTION, escape(frames))
}

/// Where an imported function's declaration goes; fixtures that import more
/// put it first.
const IMPORTS: &str = r#"
  (import "skylark_v1" "state_fetch" (func $fetch (param i32 i32 i32) (result i64)))
  (import "skylark_v1" "state_take" (func $take (param i32 i32)))
  (import "skylark_v1" "log" (func $log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))"#;
const ALLOC: &str = r#"(func (export "skylark_alloc") (param i32) (result i32) (i32.const 32768))"#;
const MEMORY: &str = r#"(memory (export "memory") 2)"#;

/// A module of these parts; `$OK` in them becomes the packed response `null`.
fn assemble(parts: &[&str]) -> Bytes {
    let bytes = skylark_abi::encode(&response(b"null"));
    let ok = names::pack(RESPONSE_AT, bytes.len() as u32);
    let data = format!("(data (i32.const {RESPONSE_AT}) \"{}\")", escape(&bytes));
    let text = format!("(module {} {data})", parts.join("\n"));
    let text = text.replace("$OK", &format!("(i64.const {ok})"));
    match wat::parse_str(&text) {
        Ok(wasm) => wasm.into(),
        Err(e) => panic!("the fixture is malformed: {e}\n{text}"),
    }
}

/// An app of functions `(name, options, body)` and further module fields.
fn app_with(fields: &str, functions: &[(&str, &str, &str)]) -> Bytes {
    let mut parts = vec![IMPORTS.to_owned(), MEMORY.to_owned(), ALLOC.to_owned()];
    for (name, options, body) in functions {
        let export = names::function_export(name);
        parts.push(format!(
            "(func (export \"{export}\") (param $ptr i32) (param $len i32) (result i64) {body})"
        ));
        parts.push(section(&record(names::ABI_VERSION, name, options)));
    }
    parts.push(fields.to_owned());
    assemble(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// An app of one function `f`.
fn app(body: &str) -> Bytes {
    app_with("", &[("f", "{}", body)])
}

fn small() -> EngineConfig {
    EngineConfig {
        pool_instances: 8,
        max_memory: 16 << 20,
        epoch_tick: Duration::from_millis(1),
        ..EngineConfig::default()
    }
}

fn engine() -> Engine {
    Engine::new(small()).expect("the engine starts")
}

fn limits() -> CallLimits {
    CallLimits {
        memory: 1 << 20,
        timeout: Duration::from_secs(60),
        output: 4096,
        log_lines: 10,
    }
}

/// State that is one value for all, or a failure, or never comes.
enum States {
    Value(Option<Vec<u8>>),
    Fails(Failure),
    Never { asked: Arc<Notify> },
}

#[async_trait::async_trait]
impl StateSource for States {
    async fn fetch(&mut self, _variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Fails(failure) => Err(failure.clone()),
            Self::Never { asked } => {
                asked.notify_one();
                std::future::pending().await
            }
        }
    }
}

fn none() -> States {
    States::Value(None)
}

async fn load(engine: &Engine, wasm: Bytes) -> Module {
    match engine.load(wasm).await {
        Ok(module) => module,
        Err(e) => panic!("the fixture is refused: {e}"),
    }
}

async fn call(module: &Module, function: &str) -> Result<CallResponse, Failure> {
    module
        .call(function, &request(), &limits(), &mut none())
        .await
}

fn assert_mentions(what: &str, text: &str, mentions: &[&str]) {
    for mention in mentions {
        assert!(text.contains(mention), "{what}: no `{mention}` in: {text}");
    }
}

// ---------------------------------------------------------------- loading

#[tokio::test]
async fn what_is_no_app_is_refused_with_the_reason_and_the_cure() {
    let engine = engine();
    let check = async |what: &str, wasm: Bytes, mentions: &[&str]| match engine.load(wasm).await {
        Ok(module) => panic!("{what}: loaded {module:?}"),
        Err(e) => assert_mentions(what, &e.to_string(), mentions),
    };
    let text = |t: &'static str| Bytes::from_static(t.as_bytes());
    check("empty", Bytes::new(), &["empty", "cargo skylark build"]).await;
    check("text", text("fn main() {}"), &["a text", "wasm32-wasip1"]).await;
    check("text in another script", text("ф"), &["a text"]).await;
    check(
        "wat",
        text("(module)"),
        &["WebAssembly text", "wasm-tools parse"],
    )
    .await;
    check("elf", text("\x7fELF\x02\x01\x01"), &["ELF"]).await;
    check("archive", text("!<arch>\n"), &["static library", "cdylib"]).await;
    check("gzip", Bytes::from_static(&[0x1f, 0x8b, 8, 0]), &["unpack"]).await;
    check("noise", Bytes::from_static(&[0xff; 9]), &["unknown"]).await;
    let component = wat::parse_str("(component)").unwrap();
    check("component", component.into(), &["a component", "wasip2"]).await;
    let whole = app("$OK");
    check(
        "cut",
        whole.slice(..whole.len() / 2),
        &["malformed at byte", "whole"],
    )
    .await;

    let schema = section(&record(names::ABI_VERSION, "f", "{}"));
    let function = r#"(func (export "skylark_fn_f") (param i32 i32) (result i64) $OK)"#;
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "no schema",
            &[MEMORY, ALLOC, function],
            &["no `skylark.schema` section", "annotate"],
        ),
        (
            "another version",
            &[MEMORY, ALLOC, function, &section(&record(99, "f", "{}"))],
            &["version 99", "version 1", "update the node"],
        ),
        (
            "broken schema",
            &[
                MEMORY,
                ALLOC,
                function,
                "(@custom \"skylark.schema\" \"\\09\\00\\00\\00{\")",
            ],
            &["malformed", "9 bytes"],
        ),
        (
            "a name that is none",
            &[
                MEMORY,
                ALLOC,
                &section(&record(names::ABI_VERSION, "a/b", "{}")),
            ],
            &["`a/b`", "no valid name"],
        ),
        (
            "no function",
            &[MEMORY, ALLOC, &schema],
            &["`skylark_fn_f`", "there is none", "skylark-rt"],
        ),
        (
            "another signature",
            &[
                MEMORY,
                ALLOC,
                &schema,
                r#"(func (export "skylark_fn_f") (param i32))"#,
            ],
            &["`skylark_fn_f`", "(i32, i32) -> i64", "(i32) -> ()"],
        ),
        (
            "a global in its place",
            &[
                MEMORY,
                ALLOC,
                &schema,
                r#"(global (export "skylark_fn_f") i32 (i32.const 1))"#,
            ],
            &["`skylark_fn_f`", "a global"],
        ),
        (
            "no allocator",
            &[MEMORY, function, &schema],
            &["`skylark_alloc`", "there is none"],
        ),
        (
            "no memory",
            &["(memory 2)", ALLOC, function, &schema],
            &["`memory`", "there is none"],
        ),
        (
            "a start of another kind",
            &[
                MEMORY,
                ALLOC,
                function,
                &schema,
                r#"(func (export "_initialize") (param i32))"#,
            ],
            &["`_initialize`", "() -> ()"],
        ),
        (
            "too much memory",
            &[
                r#"(memory (export "memory") 257)"#,
                ALLOC,
                function,
                &schema,
            ],
            &["`max-memory`", "16842752", "16777216"],
        ),
        (
            "threads",
            &[
                r#"(memory (export "memory") 2 2 shared)"#,
                ALLOC,
                function,
                &schema,
            ],
            &["cannot be compiled", "threads"],
        ),
        (
            "two memories",
            &[MEMORY, "(memory 1)", ALLOC, function, &schema],
            &["cannot be compiled", "multi"],
        ),
        (
            "another type of import",
            &[
                r#"(import "skylark_v1" "log" (func))"#,
                MEMORY,
                ALLOC,
                function,
                &schema,
            ],
            &["imports do not fit", "log"],
        ),
    ];
    for (what, parts, mentions) in rows {
        check(what, assemble(parts), mentions).await;
    }
}

#[tokio::test]
async fn an_unknown_import_is_named_with_a_hint_at_where_it_comes_from() {
    let engine = engine();
    let check = async |module: &str, name: &str, mention: &str| {
        let import = format!("(import \"{module}\" \"{name}\" (func))");
        let schema = section(&record(names::ABI_VERSION, "f", "{}"));
        let function = r#"(func (export "skylark_fn_f") (param i32 i32) (result i64) $OK)"#;
        let wasm = assemble(&[&import, MEMORY, ALLOC, function, &schema]);
        match engine.load(wasm).await {
            Err(e @ LoadError::UnknownImport { .. }) => {
                assert_mentions(module, &e.to_string(), &[module, name, mention]);
            }
            other => panic!("{module}.{name}: {other:?}"),
        }
    };
    check("wasi_snapshot_preview1", "sock_open", "built for WasmEdge").await;
    check("wasi_snapshot_preview1", "nothing", "no such function").await;
    check("wasi_unstable", "fd_write", "preview 0").await;
    check("env", "malloc", "linker did not find").await;
    check("skylark_v1", "teleport", "no such host function").await;
    check("skylark_v9", "log", "another version").await;
    check("__wbindgen_placeholder__", "x", "browser").await;
    check("wasi:cli/environment@0.2.0", "get", "wasip2").await;
    check("mine", "f", "leave out").await;
}

#[tokio::test]
async fn a_module_larger_than_the_limit_is_refused_before_all_else() {
    let engine = Engine::new(EngineConfig {
        max_module: 10,
        ..small()
    })
    .expect("the engine starts");
    match engine.load(Bytes::from_static(&[0; 11])).await {
        Err(
            e @ LoadError::TooLarge {
                size: 11,
                limit: 10,
            },
        ) => {
            assert_mentions("too large", &e.to_string(), &["`max-module`"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_that_make_no_sense_are_named() {
    let check = |option: &str, config: EngineConfig| match Engine::new(config) {
        Ok(_) => panic!("{option}: accepted"),
        Err(e) => assert_mentions(option, &e.to_string(), &[option]),
    };
    let d = small;
    check(
        "`instances`",
        EngineConfig {
            pool_instances: 0,
            ..d()
        },
    );
    check(
        "`epoch-tick`",
        EngineConfig {
            epoch_tick: Duration::ZERO,
            ..d()
        },
    );
    check(
        "`max-memory`",
        EngineConfig {
            max_memory: 5 << 30,
            ..d()
        },
    );
    check("`stack`", EngineConfig { stack: 1, ..d() });
    check(
        "`max-timeout`",
        EngineConfig {
            max_timeout: Duration::MAX,
            ..d()
        },
    );
    check(
        "/dev/null/x",
        EngineConfig {
            cache_dir: Some("/dev/null/x".into()),
            ..d()
        },
    );
}

#[tokio::test]
async fn a_compiled_module_on_disk_is_used_and_a_damaged_one_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |dir: &Path| {
        let mut found: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "cwasm"))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    // A recompiled module is a new file, so its inode tells.
    let load_and_call = async || {
        let engine = Engine::new(EngineConfig {
            cache_dir: Some(dir.path().to_owned()),
            ..small()
        })
        .expect("the engine starts");
        let module = load(&engine, app("$OK")).await;
        assert_eq!(call(&module, "f").await, Ok(response(b"null")));
        std::fs::metadata(entry(dir.path())).unwrap().ino()
    };
    let first = load_and_call().await;
    assert_eq!(load_and_call().await, first, "used as it was");
    let path = entry(dir.path());
    let keep_inode = std::fs::File::open(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    assert_ne!(load_and_call().await, first, "made anew");
    drop(keep_inode);
}

// ---------------------------------------------------------------- calling

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

/// Writes the text at 4096 to a file descriptor.
fn say(fd: i32, text: &str) -> (String, String) {
    let data = format!("(data (i32.const 4096) \"{}\")", escape(text.as_bytes()));
    let body = format!(
        "(i32.store (i32.const 2048) (i32.const 4096)) (i32.store (i32.const 2052) (i32.const {}))
         (drop (call $fd_write (i32.const {fd}) (i32.const 2048) (i32.const 1) (i32.const 2056)))",
        text.len()
    );
    (data, body)
}

/// A subscription at 2048 to a clock, in an hour.
const SLEEP: &str = "(i32.store (i32.const 2064) (i32.const 1)) (i64.store (i32.const 2072) (i64.const 3600000000000))
    (drop (call $poll (i32.const 2048) (i32.const 2200) (i32.const 1) (i32.const 2300))) $OK";
const HOG: &str = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) ";

#[tokio::test]
async fn a_guests_end_is_its_calls_failure_and_the_next_call_is_unharmed() {
    use FailureKind::*;
    let (panic_data, panic_say) = say(2, PANIC);
    let panic = format!("{panic_say} unreachable");
    let hog = format!("{HOG} unreachable");
    let hog_divides = format!("{HOG} (i64.div_s (i64.const 1) (i64.const 0))");
    let exit = "(call $exit (i32.const 3)) unreachable";
    let spin = "(loop $l (br $l)) unreachable";
    let rows: &[(&str, &str, &str, &str, FailureKind, &[&str])] = &[
        // what, function's options, further fields, body, kind, mentions
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

// ---------------------------------------------------------------- state

/// Fetches `x` and answers with the eight bytes that it holds, or with
/// `absent..` if there are none.
fn reader() -> Bytes {
    let bytes = skylark_abi::encode(&response(b"absent.."));
    let at = bytes.windows(8).position(|w| w == b"absent..").unwrap() as u32;
    let body = format!(
        r#"(if (i64.ne (call $fetch (i32.const 1) (i32.const 4096) (i32.const 1)) (i64.const -1))
             (then (call $take (i32.const {place}) (i32.const 8))))
           (i64.const {packed})"#,
        place = 8192 + at,
        packed = names::pack(8192, bytes.len() as u32),
    );
    let data = format!(
        "(data (i32.const 4096) \"x\") (data (i32.const 8192) \"{}\")",
        escape(&bytes)
    );
    app_with(
        &data,
        &[
            ("f", r#"{"timeout_ms":60000}"#, &body),
            ("slow", r#"{"timeout_ms":20}"#, &body),
        ],
    )
}

#[tokio::test]
async fn state_is_fetched_when_asked_for_and_its_failure_is_the_calls() {
    let engine = engine();
    let module = load(&engine, reader()).await;
    let run = async |function: &str, mut state: States| {
        module
            .call(function, &request(), &limits(), &mut state)
            .await
    };
    assert_eq!(run("f", none()).await, Ok(response(b"absent..")));
    let eight = States::Value(Some(b"12345678".to_vec()));
    assert_eq!(run("f", eight).await, Ok(response(b"12345678")));
    let nine = run("f", States::Value(Some(vec![0; 9]))).await.unwrap_err();
    assert_eq!(nine.kind, FailureKind::Contract);
    assert_mentions("nine bytes", &nine.message, &["9 bytes", "taken as 8"]);
    let failure = Failure::new(FailureKind::Conflict, "it kept changing").at("x");
    assert_eq!(run("f", States::Fails(failure.clone())).await, Err(failure));
    let never = States::Never {
        asked: Arc::default(),
    };
    let late = run("slow", never).await.unwrap_err();
    assert_eq!(late.kind, FailureKind::Timeout, "waiting counts");
    assert_eq!(engine.instances_in_use(), 0);
}

#[tokio::test]
async fn the_source_is_asked_for_the_very_variable() {
    struct Asked(Vec<Variable>);
    #[async_trait::async_trait]
    impl StateSource for Asked {
        async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
            // Not at once, so that the guest is truly suspended.
            tokio::task::yield_now().await;
            self.0.push(variable.clone());
            Ok(None)
        }
    }
    let engine = engine();
    let module = load(&engine, reader()).await;
    let mut asked = Asked(Vec::new());
    let response = module.call("f", &request(), &limits(), &mut asked).await;
    assert!(response.is_ok(), "{response:?}");
    let x = Variable {
        scope: Scope::Chain,
        name: "x".into(),
    };
    assert_eq!(asked.0, [x]);
}

// ---------------------------------------------------------------- isolation

/// `scribble` writes over memory, a global and the table; `check` traps unless
/// all are as the module declares them; `both` does one after the other.
fn scribbler(mark: u8) -> Bytes {
    let fields = format!(
        r#"(global $g (mut i64) (i64.const 42))
        (table $t 8 funcref)
        (elem (i32.const 1) $one)
        (func $one (result i32) (i32.const 1))
        (func $two (result i32) (i32.const 2))
        (elem declare func $two)
        (type $int (func (result i32)))
        (data (i32.const 70000) "\{mark:02x}\{mark:02x}\{mark:02x}\{mark:02x}")
        (func $scribble
          (global.set $g (i64.const 7))
          (table.set $t (i32.const 1) (ref.func $two))
          (table.set $t (i32.const 5) (ref.func $two))
          (drop (memory.grow (i32.const 3)))
          (memory.fill (i32.const 0) (i32.const 0xee) (i32.const {RESPONSE_AT}))
          (memory.fill (i32.const 65536) (i32.const 0xee) (i32.const 262144)))
        (func $check (local $i i32)
          (if (i64.ne (global.get $g) (i64.const 42)) (then unreachable))
          (if (i32.ne (call_indirect $t (type $int) (i32.const 1)) (i32.const 1)) (then unreachable))
          (if (i32.eqz (ref.is_null (table.get $t (i32.const 5)))) (then unreachable))
          (if (i32.ne (memory.size) (i32.const 2)) (then unreachable))
          (if (i32.ne (i32.load8_u (i32.const 70001)) (i32.const {mark})) (then unreachable))
          (local.set $i (i32.const 65536))
          (loop $next
            (if (i64.ne (i64.load (local.get $i)) (i64.const 0))
              (then (if (i32.ne (local.get $i) (i32.const 70000)) (then unreachable))))
            (local.set $i (i32.add (local.get $i) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 131072))))
          (local.set $i (i32.const 0))
          (loop $next
            (if (i64.ne (i64.load (local.get $i)) (i64.const 0)) (then unreachable))
            (local.set $i (i32.add (local.get $i) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const {RESPONSE_AT})))))"#
    );
    let end = |how: &str| format!("(call $scribble) {how}");
    app_with(
        &fields,
        &[
            ("check", "{}", "(call $check) $OK"),
            ("both", "{}", "(call $scribble) (call $check) $OK"),
            ("scribble", "{}", &end("$OK")),
            ("trap", "{}", &end("unreachable")),
            ("hog", "{}", &end(&format!("{HOG} unreachable"))),
            (
                "late",
                r#"{"timeout_ms":3}"#,
                &end("(loop $l (br $l)) unreachable"),
            ),
        ],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_sees_what_another_wrote() {
    let engine = engine();
    let modules = [
        load(&engine, scribbler(1)).await,
        load(&engine, scribbler(2)).await,
    ];
    for module in &modules {
        let found = call(module, "both").await.unwrap_err();
        assert_eq!(
            found.kind,
            FailureKind::Trap,
            "the check finds what was scribbled"
        );
        assert_eq!(call(module, "check").await, Ok(response(b"null")));
    }
    let ends: [(&str, Result<(), FailureKind>); 5] = [
        ("check", Ok(())),
        ("scribble", Ok(())),
        ("trap", Err(FailureKind::Trap)),
        ("hog", Err(FailureKind::Memory)),
        ("late", Err(FailureKind::Timeout)),
    ];
    // More tasks than slots, so that every slot passes from module to module
    // and from end to end; every second call checks.
    let tasks: Vec<_> = (0..16_usize)
        .map(|task| {
            let modules = modules.clone();
            tokio::spawn(async move {
                for round in 0..60 {
                    let (function, expected) = ends[(task + round) % ends.len()];
                    let module = &modules[(task + round / 3) % 2];
                    let ended = call(module, function).await.map(drop).map_err(|f| f.kind);
                    assert_eq!(ended, expected, "{function}");
                    let module = &modules[(task + round) % 2];
                    assert_eq!(
                        call(module, "check").await,
                        Ok(response(b"null")),
                        "after {function}"
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no check fails");
    }
    assert_eq!(engine.instances_in_use(), 0);
}

// ---------------------------------------------------------------- sharing

#[tokio::test]
async fn a_looping_guest_lets_others_run_on_its_thread() {
    let engine = engine();
    let module = load(
        &engine,
        app_with(
            "",
            &[
                ("spin", "{}", "(loop $l (br $l)) unreachable"),
                ("f", "{}", "$OK"),
            ],
        ),
    )
    .await;
    let spinning = module.clone();
    let spin = tokio::spawn(async move { call(&spinning, "spin").await });
    // One thread: these run only because the guest yields.
    while engine.instances_in_use() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(call(&module, "f").await, Ok(response(b"null")));
    assert!(!spin.is_finished());
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
    assert_eq!(
        engine.instances_in_use(),
        0,
        "an abandoned call gives its instance back"
    );
}

#[tokio::test]
async fn calls_beyond_the_pool_wait_for_an_instance() {
    let engine = Engine::new(EngineConfig {
        pool_instances: 2,
        pool_wait: Duration::from_secs(60),
        ..small()
    })
    .expect("the engine starts");
    let module = load(&engine, app("$OK")).await;
    let calls = (0..50).map(|_| call(&module, "f"));
    for ended in futures::future::join_all(calls).await {
        assert_eq!(ended, Ok(response(b"null")));
    }
}

#[tokio::test]
async fn a_call_that_finds_no_instance_in_time_names_the_limit() {
    let engine = Engine::new(EngineConfig {
        pool_instances: 1,
        pool_wait: Duration::from_millis(1),
        ..small()
    })
    .expect("the engine starts");
    let module = load(&engine, reader()).await;
    let asked = Arc::new(Notify::new());
    let holder = tokio::spawn({
        let (module, asked) = (module.clone(), Arc::clone(&asked));
        async move {
            let mut state = States::Never { asked };
            module.call("f", &request(), &limits(), &mut state).await
        }
    });
    asked.notified().await;
    let refused = call(&module, "f").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert_mentions(
        "refused",
        &refused.message,
        &["all 1 instances", "`instances`", "`instance-wait`"],
    );
    holder.abort();
    let _ = holder.await;
    assert_eq!(call(&module, "f").await, Ok(response(b"absent..")));
}

// ---------------------------------------------------------------- commands

/// A command of this body; its arguments are read to 8192 by `$args`, which
/// gives their length with the zero bytes between them.
fn command(body: &str) -> Bytes {
    let (data, _) = say(1, "hello\n");
    assemble(&[
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))"#,
        MEMORY,
        &data,
        r#"(func $write (param $fd i32) (param $at i32) (param $len i32)
          (i32.store (i32.const 2048) (local.get $at)) (i32.store (i32.const 2052) (local.get $len))
          (drop (call $fd_write (local.get $fd) (i32.const 2048) (i32.const 1) (i32.const 2056))))
        (func $args (result i32)
          (drop (call $sizes (i32.const 3000) (i32.const 3004)))
          (drop (call $get (i32.const 3008) (i32.const 8192)))
          (i32.load (i32.const 3004)))"#,
        &format!("(func (export \"_start\") {body})"),
    ])
}

#[tokio::test]
async fn a_plain_command_gets_its_arguments_and_its_output_is_returned() {
    let engine = engine();
    let run = async |body: &str, args: &[&str]| {
        let command = match engine.load_command(command(body)).await {
            Ok(command) => command,
            Err(e) => panic!("the fixture is refused: {e}"),
        };
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        engine.run_command(&command, &args, &limits()).await
    };
    let output = |stdout: &str, stderr: &str, exit_code| {
        Ok(CommandOutput {
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.to_owned(),
            exit_code,
        })
    };
    let hello = "(call $write (i32.const 1) (i32.const 4096) (i32.const 6))";
    let complain = "(call $write (i32.const 2) (i32.const 4096) (i32.const 6))";
    assert_eq!(run("", &[]).await, output("", "", 0));
    assert_eq!(
        run(&format!("{hello}{hello}"), &[]).await,
        output("hello\nhello\n", "", 0)
    );
    let echo = "(call $write (i32.const 1) (i32.const 8192) (call $args))";
    assert_eq!(
        run(echo, &["a b", "é"]).await,
        output("command\0a b\0é\0", "", 0)
    );
    let exits = format!("{hello}{complain}(call $exit (i32.const 3))");
    assert_eq!(run(&exits, &[]).await, output("hello\n", "hello\n", 3));
    let closed = "(drop (call $env (i32.const 3000) (i32.const 3004)))
        (if (i32.load (i32.const 3000)) (then unreachable))
        (if (i32.eqz (call $prestat (i32.const 3) (i32.const 3000))) (then unreachable))";
    assert_eq!(
        run(closed, &[]).await,
        output("", "", 0),
        "no environment, no folder"
    );

    let check = async |what: &str, body: &str, kind: FailureKind, mentions: &[&str]| {
        let failure = run(body, &[]).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{what}: {failure}");
        assert_mentions(what, &failure.message, mentions);
    };
    let gush = format!("(loop $l {hello} (br $l))");
    check(
        "too much",
        &gush,
        FailureKind::TooLarge,
        &["`max-output`", "4 KiB"],
    )
    .await;
    check("trap", "unreachable", FailureKind::Trap, &["unreachable"]).await;
    let hog = format!("{HOG} (call $exit (i32.const 1))");
    check("hog", &hog, FailureKind::Memory, &["`memory`"]).await;
}

#[tokio::test]
async fn what_is_no_plain_command_is_refused() {
    let engine = engine();
    let check =
        async |what: &str, wasm: Bytes, mentions: &[&str]| match engine.load_command(wasm).await {
            Ok(command) => panic!("{what}: loaded {command:?}"),
            Err(e) => assert_mentions(what, &e.to_string(), mentions),
        };
    check("an app", app("$OK"), &["`_start`", "PUT /f/{app}"]).await;
    let stateful = assemble(&[
        r#"(import "skylark_v1" "log" (func (param i32 i32 i32)))"#,
        MEMORY,
        r#"(func (export "_start"))"#,
    ]);
    check(
        "wants host functions",
        stateful,
        &["skylark_v1", "PUT /f/{app}"],
    )
    .await;
}
