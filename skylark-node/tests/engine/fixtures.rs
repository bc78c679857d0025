//! Modules made for the tests, and what calls them.

use bytes::Bytes;
use skylark_abi::{
    InvocationId,
    call::{CallRequest, CallResponse, Failure, Outcome, Variable},
    journal::Seen,
    names,
    schema::frame,
    value::Codec,
};
use skylark_node::engine::{CallLimits, Engine, EngineConfig, Module, StateSource};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Where the ready-made response is in a fixture's memory.
pub(crate) const RESPONSE_AT: u32 = 1024;

pub(crate) fn response(output: &[u8]) -> CallResponse {
    CallResponse::ended(Outcome::Ok {
        output: output.to_vec(),
        codec: Codec::Json,
    })
}

pub(crate) fn request() -> CallRequest {
    CallRequest {
        id: InvocationId::root("app.run"),
        input: b"null".to_vec(),
        input_codec: Codec::Json,
        output_codec: Codec::Json,
        fields: Vec::new(),
        complete: Vec::new(),
        past: Vec::new(),
        arrived: Vec::new(),
        seen: Seen::default(),
        keep: Vec::new(),
        kept: false,
    }
}

pub(crate) fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "\\{b:02x}").expect("a string takes it");
        text
    })
}

pub(crate) fn record(abi: u32, name: &str, options: &str) -> Vec<u8> {
    frame(&format!(
        r#"{{"abi":{abi},"module":"app","kind":"function","name":"{name}","ident":"{name}","args":[],"output":"()","options":{options}}}"#
    ))
}

pub(crate) fn section(frames: &[u8]) -> String {
    format!("(@custom \"{}\" \"{}\")", names::SECTION, escape(frames))
}

/// Where an imported function's declaration goes; fixtures that import more
/// put it first.
pub(crate) const IMPORTS: &str = r#"
  (import "skylark_v1" "state_fetch" (func $fetch (param i32 i32 i32) (result i64)))
  (import "skylark_v1" "state_take" (func $take (param i32 i32)))
  (import "skylark_v1" "log" (func $log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))"#;
pub(crate) const ALLOC: &str =
    r#"(func (export "skylark_alloc") (param i32) (result i32) (i32.const 32768))"#;
pub(crate) const MEMORY: &str = r#"(memory (export "memory") 2)"#;

/// A module of these parts; `$OK` in them becomes the packed response `null`.
pub(crate) fn assemble(parts: &[&str]) -> Bytes {
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
pub(crate) fn app_with(fields: &str, functions: &[(&str, &str, &str)]) -> Bytes {
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
pub(crate) fn app(body: &str) -> Bytes {
    app_with("", &[("f", "{}", body)])
}

pub(crate) fn small() -> EngineConfig {
    EngineConfig {
        pool_instances: 8,
        max_memory: 16 << 20,
        epoch_tick: Duration::from_millis(1),
        ..EngineConfig::default()
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(small()).expect("the engine starts")
}

pub(crate) fn limits() -> CallLimits {
    CallLimits {
        memory: 1 << 20,
        timeout: Duration::from_secs(60),
        output: 4096,
        log_lines: 10,
    }
}

/// State that is one value for all, or a failure, or never comes.
pub(crate) enum States {
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

pub(crate) fn none() -> States {
    States::Value(None)
}

pub(crate) async fn load(engine: &Engine, wasm: Bytes) -> Module {
    match engine.load(wasm).await {
        Ok(module) => module,
        Err(e) => panic!("the fixture is refused: {e}"),
    }
}

pub(crate) async fn call(module: &Module, function: &str) -> Result<CallResponse, Failure> {
    module
        .call(function, &request(), &limits(), &mut none())
        .await
}

pub(crate) fn assert_mentions(what: &str, text: &str, mentions: &[&str]) {
    for mention in mentions {
        assert!(text.contains(mention), "{what}: no `{mention}` in: {text}");
    }
}

/// Writes the text at 4096 to a file descriptor.
pub(crate) fn say(fd: i32, text: &str) -> (String, String) {
    let data = format!("(data (i32.const 4096) \"{}\")", escape(text.as_bytes()));
    let body = format!(
        "(i32.store (i32.const 2048) (i32.const 4096)) (i32.store (i32.const 2052) (i32.const {}))
         (drop (call $fd_write (i32.const {fd}) (i32.const 2048) (i32.const 1) (i32.const 2056)))",
        text.len()
    );
    (data, body)
}

/// A subscription at 2048 to a clock, in an hour.
pub(crate) const SLEEP: &str = "(i32.store (i32.const 2064) (i32.const 1)) (i64.store (i32.const 2072) (i64.const 3600000000000))
    (drop (call $poll (i32.const 2048) (i32.const 2200) (i32.const 1) (i32.const 2300))) $OK";
pub(crate) const HOG: &str =
    "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) ";

/// Fetches `x` and answers with the eight bytes that it holds, or with
/// `absent..` if there are none.
pub(crate) fn reader() -> Bytes {
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
