//! Apps written in WebAssembly's text format that speak the contract.

use bytes::Bytes;
use skylark_abi::{
    call::{CallResponse, Failure, FailureKind, Outcome, Variable},
    names,
    schema::frame,
    shape::Shapes,
    value::{Codec, compact_bytes},
};
use std::fmt::Write;

/// Where a function's ready-made response begins; each has a page of its own.
const RESPONSES_AT: usize = 4096;
/// The name of the state variable that [`Body::Reads`] asks for.
const STATE_AT: usize = 256;

/// What a function of a fixture does.
pub(crate) enum Body {
    /// Returns this JSON.
    Returns(&'static str),
    /// Takes bytes, and yields these.
    Yields(&'static [u8]),
    /// Ends with this failure.
    Fails(FailureKind, &'static str, Option<&'static str>),
    /// Reads the state variable `S`, then returns `null`.
    Reads,
    /// Reads the state variable `S` if its request is longer than 300 bytes.
    ReadsIfLong,
    /// Traps.
    Traps,
    /// Never ends; its time limit is 50 ms.
    Spins,
    /// Never ends, within the node's own time limit.
    SpinsForLong,
    /// Takes memory until it gets no more; its limit is 1 MiB.
    Hogs,
}

/// An app of these functions, and of one state variable `S`.
pub(crate) fn app(functions: &[(&str, Body)]) -> Bytes {
    let state = r#""kind":"state","name":"S","ident":"S","type":"u64","cell":"Mutex""#;
    app_with(functions, &[state], None)
}

/// An app of these functions and states (records without their beginning), and
/// of the shapes of these.
pub(crate) fn app_with(
    functions: &[(&str, Body)],
    states: &[&str],
    shapes: Option<&Shapes>,
) -> Bytes {
    let mut fields = String::from(
        r#"
  (import "skylark_v1" "state_fetch" (func $fetch (param i32 i32 i32) (result i64)))
  (memory (export "memory") 4)
  (func (export "skylark_alloc") (param i32) (result i32) (i32.const 131072))"#,
    );
    let mut line = |text: String| writeln!(fields, "  {text}").expect("a string takes it");
    line(format!("(data (i32.const {STATE_AT}) \"S\")"));
    for state in states {
        line(section(state));
    }
    if let Some(shapes) = shapes {
        line(format!(
            "(@custom \"{}\" \"{}\")",
            names::SHAPES,
            escape(&shapes.write())
        ));
    }
    for (index, (name, body)) in functions.iter().enumerate() {
        let at = RESPONSES_AT + index * 4096;
        let response = skylark_abi::encode(&response(body));
        assert!(
            response.len() <= 4096,
            "the response of `{name}` has a page"
        );
        line(format!("(data (i32.const {at}) \"{}\")", escape(&response)));
        let packed = names::pack(at as u32, response.len() as u32);
        line(format!(
            "(func (export \"{}\") (param i32 i32) (result i64) {} (i64.const {packed}))",
            names::function_export(name),
            instructions(body)
        ));
        let options = match body {
            Body::Spins => r#"{"timeout_ms":50}"#,
            Body::Hogs => r#"{"memory":1048576}"#,
            _ => "{}",
        };
        let (args, output) = match body {
            Body::Yields(_) => (r#"[{"name":"body","type":"skylark::Bytes"}]"#, "Bytes"),
            _ => ("[]", "()"),
        };
        line(section(&format!(
            r#""kind":"function","name":"{name}","ident":"{name}","args":{args},"output":"{output}","options":{options}"#
        )));
    }
    assemble(&format!("(module {fields})"))
}

/// A command that prints `text` and ends with this exit code.
pub(crate) fn command(text: &str, exit_code: i32) -> Bytes {
    assemble(&format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00{len}")
  (data (i32.const 16) "{text}")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $exit (i32.const {exit_code}))))"#,
        len = escape(&(text.len() as u32).to_le_bytes()),
        text = escape(text.as_bytes()),
    ))
}

fn response(body: &Body) -> CallResponse {
    let outcome = match body {
        Body::Returns(json) => Outcome::Ok {
            output: json.as_bytes().to_vec(),
            codec: Codec::Json,
        },
        Body::Yields(bytes) => Outcome::Ok {
            output: compact_bytes(bytes),
            codec: Codec::Compact,
        },
        Body::Fails(kind, message, at) => Outcome::Err(Failure {
            kind: *kind,
            message: (*message).to_owned(),
            at: at.map(str::to_owned),
        }),
        _ => Outcome::Ok {
            output: b"null".to_vec(),
            codec: Codec::Json,
        },
    };
    let touched = match body {
        Body::Reads => vec![Variable {
            scope: skylark_abi::call::Scope::App,
            name: "S".into(),
            ..Variable::default()
        }],
        _ => Vec::new(),
    };
    CallResponse {
        touched,
        ..CallResponse::ended(outcome)
    }
}

fn instructions(body: &Body) -> String {
    match body {
        Body::Returns(_) | Body::Yields(_) | Body::Fails(..) => String::new(),
        Body::Reads => format!("(drop (call $fetch (i32.const 0) (i32.const {STATE_AT}) (i32.const 1)))"),
        Body::ReadsIfLong => format!("(if (i32.gt_u (local.get 1) (i32.const 300)) (then {}))", instructions(&Body::Reads)),
        Body::Traps => "unreachable".into(),
        Body::Spins | Body::SpinsForLong => "(loop $for_ever (br $for_ever))".into(),
        Body::Hogs => "(loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable".into(),
    }
}

fn section(record: &str) -> String {
    let record = format!(
        r#"{{"abi":{},"module":"app",{record}}}"#,
        names::ABI_VERSION
    );
    format!(
        "(@custom \"{}\" \"{}\")",
        names::SECTION,
        escape(&frame(&record))
    )
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "\\{b:02x}").expect("a string takes it");
        text
    })
}

fn assemble(text: &str) -> Bytes {
    match wat::parse_str(text) {
        Ok(wasm) => wasm.into(),
        Err(e) => panic!("the fixture is malformed: {e}\n{text}"),
    }
}
