//! What a function that waits would cost in each of the ways to wait: keeping
//! its instance, saving the pages that it changed, or executing it again with
//! the journal of what it saw (which the node does).
//!
//! `SKYLARK_GUESTS=DIR cargo bench -p skylark-node --bench waiting` prints a
//! Markdown table; DIR holds the modules of `examples/`.

use anyhow::{Context, Result};
use skylark_abi::{
    InvocationId,
    call::{CallRequest, CallResponse, Outcome, Scope},
    journal::{Arrival, Seen, Stretch},
    names,
    value::Codec,
};
use std::{path::PathBuf, time::Instant};
use wasmtime::{
    Caller, Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Memory, Module,
    PoolingAllocationConfig, Store, Val,
};

const PAGE: usize = 4096;
const CALLS: u32 = 2000;

fn main() -> Result<()> {
    let guests = std::env::var_os("SKYLARK_GUESTS")
        .context("SKYLARK_GUESTS must name the directory of the guests")?;
    let guests = PathBuf::from(guests);
    println!(
        "| function | its memory, bytes | pages that it changed, bytes | journal of one wait, bytes | call until it waits, µs | executed again, µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (module, function, input) in [
        ("expenses", "approve", &b"20000"[..]),
        ("bank", "wire", br#"{"from":"ann","to":"bob","cents":1}"#),
        (
            "media",
            "review",
            br#"{"user":"ann","film":"Faust","text":"good","stars":9}"#,
        ),
    ] {
        let wasm = std::fs::read(guests.join(format!("{module}.wasm")))?;
        let guest = Guest::new(&wasm)?;
        let first = request(input, Vec::new(), Vec::new());
        let (response, memory, changed) = guest.call(function, &first)?;
        anyhow::ensure!(response.outcome.is_none(), "{function} does not wait");
        let stretch = Stretch {
            arrived: Vec::new(),
            reads: Vec::new(),
            effects: response.effects.iter().map(|e| e.trace()).collect(),
        };
        let journal = skylark_abi::encode(&stretch).len();
        // What arrives is an error, so that any type that waits takes it.
        let arrived = (0..response.need).map(|position| Arrival {
            position,
            outcome: Outcome::Err(skylark_abi::call::Failure::new(
                skylark_abi::call::FailureKind::Returned,
                "refused",
            )),
            unix_us: 1,
        });
        let again = request(input, vec![stretch], arrived.collect());
        println!(
            "| {module} {function} | {memory} | {changed} | {journal} | {:.1} | {:.1} |",
            guest.time(function, &first)?,
            guest.time(function, &again)?,
        );
    }
    Ok(())
}

fn request(input: &[u8], past: Vec<Stretch>, arrived: Vec<Arrival>) -> Vec<u8> {
    skylark_abi::encode(&CallRequest {
        id: InvocationId::root("bench.0192f3c4d5e6"),
        input: input.to_vec(),
        input_codec: Codec::Json,
        output_codec: Codec::Json,
        fields: Vec::new(),
        complete: vec![Scope::Chain, Scope::App],
        past,
        arrived,
        seen: Seen::default(),
        keep: Vec::new(),
        kept: false,
    })
}

/// A module in the bare wasmtime crate, with host functions that do nothing.
struct Guest {
    engine: Engine,
    pre: InstancePre<()>,
}

impl Guest {
    fn new(wasm: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(1 << 20);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ty = import.ty().unwrap_func().clone();
            let kinds: Vec<_> = ty.results().collect();
            let nothing = move |_: Caller<'_, ()>, _: &[Val], results: &mut [Val]| {
                for (result, kind) in results.iter_mut().zip(&kinds) {
                    *result = Val::default_for_ty(kind).unwrap_or(Val::I32(0));
                }
                Ok(())
            };
            linker.func_new(import.module(), import.name(), ty, nothing)?;
        }
        let pre = linker.instantiate_pre(&module)?;
        Ok(Self { engine, pre })
    }

    fn instance(&self) -> Result<(Store<()>, wasmtime::Instance, Memory)> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.pre.instantiate(&mut store)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .context("no memory")?;
        if let Ok(start) = instance.get_typed_func::<(), ()>(&mut store, names::INITIALIZE) {
            start.call(&mut store, ())?;
        }
        Ok((store, instance, memory))
    }

    /// Calls a function; what it answers, its memory, and how much of that it
    /// changed.
    fn call(&self, function: &str, request: &[u8]) -> Result<(CallResponse, usize, usize)> {
        let (mut store, instance, memory) = self.instance()?;
        let before = memory.data(&store).to_vec();
        let len = i32::try_from(request.len())?;
        let alloc = instance.get_typed_func::<i32, i32>(&mut store, names::ALLOC)?;
        let ptr = alloc.call(&mut store, len)?;
        memory.write(&mut store, usize::try_from(ptr)?, request)?;
        let export = names::function_export(function);
        let entry = instance.get_typed_func::<(i32, i32), i64>(&mut store, &export)?;
        let (ptr, len) = names::unpack(entry.call(&mut store, (ptr, len))?);
        let after = memory.data(&store);
        let changed = after.chunks(PAGE).enumerate().filter(|(n, page)| {
            let at = n * PAGE;
            let old = before.get(at..at + page.len());
            old.map_or(page.iter().any(|b| *b != 0), |old| old != *page)
        });
        let changed = changed.count() * PAGE;
        let bytes = &after[ptr as usize..][..len as usize];
        let response = skylark_abi::decode(bytes).map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok((response, after.len(), changed))
    }

    /// Microseconds of one call in an instance of its own, the median of many.
    fn time(&self, function: &str, request: &[u8]) -> Result<f64> {
        let mut times = Vec::with_capacity(CALLS as usize);
        for _ in 0..CALLS {
            let started = Instant::now();
            let (mut store, instance, memory) = self.instance()?;
            let len = i32::try_from(request.len())?;
            let alloc = instance.get_typed_func::<i32, i32>(&mut store, names::ALLOC)?;
            let ptr = alloc.call(&mut store, len)?;
            memory.write(&mut store, usize::try_from(ptr)?, request)?;
            let export = names::function_export(function);
            let entry = instance.get_typed_func::<(i32, i32), i64>(&mut store, &export)?;
            entry.call(&mut store, (ptr, len))?;
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}
