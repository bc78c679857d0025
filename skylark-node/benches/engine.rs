//! What a pooled call costs beside the bare wasmtime crate's floor.
//!
//! The same module, the same machine, the same run: rounds of each are
//! interleaved, so that what else the machine does falls on all alike. The
//! floor instantiates from its pool, calls the entry once and drops; what this
//! engine adds is all that a node needs (limits, deadline, fiber, request,
//! response).
//!
//! `cargo bench -p skylark-node --bench engine` prints a Markdown table.

use skylark_abi::{
    InvocationId,
    call::{CallRequest, CallResponse, Failure, Outcome, Variable},
    names,
    schema::frame,
    value::Codec,
};
use skylark_node::engine::{CallLimits, Engine, EngineConfig, Module, StateSource};
use std::{
    fmt::Write as _,
    hint::black_box,
    sync::Barrier,
    time::{Duration, Instant},
};
use wasmtime::{Config, InstanceAllocationStrategy, InstancePre, Linker, ModuleExport, Store};

/// Rounds per subject, each of this many calls per thread: about a millisecond,
/// so that few rounds are cut by the scheduler on a busy machine.
const ROUNDS: usize = 600;
const CALLS: u32 = 200;
/// Rounds that warm slots, caches and branch predictors and are not counted.
const WARM_UP: usize = 20;

fn main() {
    let guests = [("no-op", ""), ("FNV-1a of 100 bytes", HASH)];
    println!(
        "| guest | threads | subject | min µs/call | median µs/call | calls/s | median / floor |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, body) in guests {
        let wasm = guest(body);
        for threads in [1, 2] {
            let plain = Floor::new(&wasm, wasmtime::PoolingAllocationConfig::new());
            let mut kept = wasmtime::PoolingAllocationConfig::new();
            kept.linear_memory_keep_resident(1 << 20)
                .table_keep_resident(1 << 20);
            if wasmtime::PoolingAllocationConfig::is_pagemap_scan_available() {
                kept.pagemap_scan(wasmtime::Enabled::Yes);
            }
            let kept = Floor::new(&wasm, kept);
            let ours = Ours::new(&wasm);
            let subjects: [(&str, &(dyn Subject + Sync)); 3] = [
                ("wasmtime, pooling as it comes (the floor)", &plain),
                ("wasmtime, pooling with kept pages", &kept),
                ("Module::call", &ours),
            ];
            let mut times = subjects.map(|_| Vec::new());
            for round in 0..WARM_UP + ROUNDS {
                for ((_, subject), times) in subjects.iter().zip(&mut times) {
                    let time = measure(*subject, threads);
                    if round >= WARM_UP {
                        times.push(time);
                    }
                }
            }
            for times in &mut times {
                times.sort_by(f64::total_cmp);
            }
            let median = |times: &[f64]| times[times.len() / 2];
            let floor = median(&times[0]);
            for ((subject, _), times) in subjects.iter().zip(&times) {
                let (min, median) = (times[0], median(times));
                println!(
                    "| {name} | {threads} | {subject} | {min:.2} | {median:.2} | {:.0} | {:.2} |",
                    f64::from(threads) * 1e6 / median,
                    median / floor
                );
            }
        }
    }
}

/// One round: wall-clock µs per call of one of `threads` threads.
fn measure(subject: &(dyn Subject + Sync), threads: u32) -> f64 {
    let start = Barrier::new(threads as usize);
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    subject.run(CALLS)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("no call fails"))
            .collect()
    });
    let longest = times.iter().max().expect("there are threads");
    longest.as_secs_f64() * 1e6 / f64::from(CALLS)
}

trait Subject {
    /// Makes so many calls one after the other.
    fn run(&self, calls: u32) -> Duration;
}

/// The bare wasmtime crate.
struct Floor {
    engine: wasmtime::Engine,
    pre: InstancePre<()>,
    entry: ModuleExport,
}

impl Floor {
    fn new(wasm: &[u8], pool: wasmtime::PoolingAllocationConfig) -> Self {
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = wasmtime::Engine::new(&config).expect("the pool fits");
        let module = wasmtime::Module::new(&engine, wasm).expect("the guest compiles");
        let mut linker = Linker::new(&engine);
        linker
            .define_unknown_imports_as_traps(&module)
            .expect("imports can be defined");
        Self {
            pre: linker.instantiate_pre(&module).expect("the guest links"),
            entry: module
                .get_export_index("skylark_fn_f")
                .expect("it is exported"),
            engine,
        }
    }
}

impl Subject for Floor {
    fn run(&self, calls: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            let mut store = Store::new(&self.engine, ());
            let instance = self.pre.instantiate(&mut store).expect("it instantiates");
            let entry = instance
                .get_module_export(&mut store, &self.entry)
                .and_then(wasmtime::Extern::into_func)
                .expect("it is a function")
                .typed::<(i32, i32), i64>(&store)
                .expect("of this type");
            black_box(
                entry
                    .call(&mut store, (REQUEST_AT, 100))
                    .expect("it returns"),
            );
        }
        start.elapsed()
    }
}

/// This engine.
struct Ours {
    module: Module,
    request: CallRequest,
}

impl Ours {
    fn new(wasm: &[u8]) -> Self {
        let engine = Engine::new(EngineConfig::default()).expect("the engine starts");
        let wasm = bytes::Bytes::copy_from_slice(wasm);
        Self {
            module: runtime()
                .block_on(engine.load(wasm))
                .expect("the guest loads"),
            request: CallRequest {
                id: InvocationId::root("bench.0192f3c4d5e6"),
                input: vec![b'x'; 100],
                input_codec: Codec::Json,
                output_codec: Codec::Json,
                fields: Vec::new(),
                complete: Vec::new(),
                past: Vec::new(),
                arrived: Vec::new(),
                seen: skylark_abi::journal::Seen::default(),
                keep: Vec::new(),
                kept: false,
            },
        }
    }
}

impl Subject for Ours {
    fn run(&self, calls: u32) -> Duration {
        let limits = CallLimits::default();
        let runtime = runtime();
        let start = Instant::now();
        runtime.block_on(async {
            for _ in 0..calls {
                let response = self
                    .module
                    .call("f", &self.request, &limits, &mut NoState)
                    .await;
                black_box(response.expect("it returns"));
            }
        });
        start.elapsed()
    }
}

struct NoState;

#[async_trait::async_trait]
impl StateSource for NoState {
    async fn fetch(&mut self, _: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the runtime starts")
}

const REQUEST_AT: i32 = 1_100_000;
/// Hashes what follows the request's start and writes it to the stack's page.
const HASH: &str = "(local $i i32) (local $h i64) (local.set $h (i64.const 0xcbf29ce484222325))
    (loop $next
      (local.set $h (i64.mul (i64.const 0x100000001b3) (i64.xor (local.get $h)
        (i64.load8_u (i32.add (local.get $ptr) (local.get $i))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))
    (i64.store (i32.const 1048000) (local.get $h))";

/// A module laid out as rustc lays it out: 1 MiB of stack first, then data,
/// then the heap; with the imports that an annotated app has.
fn guest(body: &str) -> Vec<u8> {
    let escape = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, b| {
            write!(text, "\\{b:02x}").expect("a string takes it");
            text
        })
    };
    let response = skylark_abi::encode(&CallResponse::ended(Outcome::Ok {
        output: b"null".to_vec(),
        codec: Codec::Json,
    }));
    let schema = frame(&format!(
        r#"{{"abi":{},"module":"b","kind":"function","name":"f","ident":"f","args":[],"output":"()"}}"#,
        names::ABI_VERSION
    ));
    let text = format!(
        r#"(module
          (import "skylark_v1" "state_fetch" (func (param i32 i32 i32) (result i64)))
          (import "skylark_v1" "state_take" (func (param i32 i32)))
          (import "skylark_v1" "log" (func (param i32 i32 i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
          (memory (export "memory") 17)
          (table 64 funcref)
          (elem (i32.const 1) $f)
          (global $stack (mut i32) (i32.const 1048576))
          (data (i32.const 1048576) "{data}")
          (func (export "skylark_alloc") (param i32) (result i32) (i32.const {REQUEST_AT}))
          (func $f (export "skylark_fn_f") (param $ptr i32) (param $len i32) (result i64)
            {body} (i64.const {packed}))
          (@custom "{section}" "{schema}"))"#,
        data = escape(&response),
        packed = names::pack(1 << 20, response.len() as u32),
        section = names::SECTION,
        schema = escape(&schema),
    );
    wat::parse_str(text).expect("the guest is well-formed")
}
