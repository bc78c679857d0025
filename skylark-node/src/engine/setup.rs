//! The engine: wasmtime configured, the pool, the clock, the compiled modules
//! on disk.

use super::{
    Command, EngineConfig, EngineError, LoadError, Module,
    cache::Cache,
    failure,
    host::{self, Guest},
    inspect::{self, Bounds, Offer},
    module::Name,
    ticker,
};
use bytes::Bytes;
use skylark_abi::call::Failure;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, Linker, OptLevel, PoolingAllocationConfig, Store,
};

/// Address space of each instance's memory: with all of a 32-bit guest's reach
/// reserved, compiled code needs no bounds checks.
const RESERVATION: u64 = 1 << 32;
/// Stack that host functions may use beyond the guest's, in bytes.
const HOST_STACK: usize = 1 << 20;
/// Entries of a guest's table of functions; it counts against no other limit.
const MAX_TABLE_ELEMENTS: usize = 1 << 16;
/// Longest time limit: a deadline that far off is still a time that the
/// system's clock can tell.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Frames that a trap's trace looks at; the message names the innermost.
const TRACE_FRAMES: usize = 16;
/// Memory kept mapped per idle slot where the kernel cannot tell which pages
/// were written, so that all of it is copied at each reset, in bytes.
const KEEP_BLINDLY: usize = 64 * 1024;
/// Table kept mapped per idle slot, in bytes. One page is wiped outright, which
/// is cheaper than asking the kernel; tables of up to 512 functions fit.
const KEEP_TABLE: usize = 4096;

/// Loads modules and runs their functions. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) config: EngineConfig,
    linker: Linker<Guest>,
    offer: Offer,
    cache: Option<Cache>,
    /// One compilation at a time: each uses all cores already.
    compiling: Mutex<()>,
    instances: Semaphore,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.inner.config)
            .field("instances_in_use", &self.instances_in_use())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Sets up the pool, the host functions, the clock and the folder of
    /// compiled modules.
    ///
    /// # Errors
    /// [`EngineError`], each naming the option that mends it.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        check(&config)?;
        let pool = |why: wasmtime::Error| EngineError::Pool {
            instances: config.pool_instances,
            why,
        };
        let wasmtime = wasmtime::Engine::new(&configure(&config)).map_err(pool)?;
        let mut linker = Linker::new(&wasmtime);
        host::link(&mut linker).map_err(pool)?;
        let offer = offer(&wasmtime, &linker);
        let cache = config
            .cache_dir
            .as_deref()
            .map(|dir| {
                Cache::open(
                    dir,
                    &wasmtime.precompile_compatibility_hash(),
                    config.max_cache,
                )
            })
            .transpose()?;
        ticker::start(&wasmtime, config.epoch_tick)?;
        Ok(Self {
            inner: Arc::new(Inner {
                instances: Semaphore::new(config.pool_instances as usize),
                compiling: Mutex::new(()),
                wasmtime,
                config,
                linker,
                offer,
                cache,
            }),
        })
    }

    /// Checks an app's module, reads its schema and compiles it, or takes the
    /// compiled form kept on disk. Done off the async threads.
    ///
    /// # Errors
    /// [`LoadError`]: what is wrong with the module, and what to do.
    pub async fn load(&self, wasm: Bytes) -> Result<Module, LoadError> {
        self.off_thread(move |engine| {
            let inner = &engine.inner;
            let app = inspect::app(&wasm, inner.bounds(), &inner.offer)?;
            let name = Name::of(&wasm);
            let (code, pre) = inner.link(&wasm, &name)?;
            Module::new(engine.clone(), &code, pre, app, name).ok_or_else(vanished)
        })
        .await
    }

    /// Checks and compiles a plain WASI command (a program with `main`, built
    /// for wasm32-wasip1), like [`Engine::load`].
    ///
    /// # Errors
    /// [`LoadError`]: what is wrong with the module, and what to do.
    pub async fn load_command(&self, wasm: Bytes) -> Result<Command, LoadError> {
        self.off_thread(move |engine| {
            let inner = &engine.inner;
            inspect::command(&wasm, inner.bounds(), &inner.offer)?;
            let name = Name::of(&wasm);
            let (code, pre) = inner.link(&wasm, &name)?;
            Command::new(engine.clone(), &code, pre, name).ok_or_else(vanished)
        })
        .await
    }

    /// Instances in use now, at most `pool_instances`.
    pub fn instances_in_use(&self) -> u32 {
        let free = u32::try_from(self.inner.instances.available_permits()).unwrap_or(u32::MAX);
        self.inner.config.pool_instances.saturating_sub(free)
    }

    /// The options it was made with.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, LoadError> + Send + 'static,
    ) -> Result<T, LoadError> {
        let engine = self.clone();
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(done) => done,
            // A fault of the compiler's is this module's, not the node's.
            Err(e) if e.is_panic() => Err(LoadError::Compile(wasmtime::Error::msg(
                "the compiler failed on it; please report it with the module",
            ))),
            Err(_) => Err(LoadError::Stopping),
        }
    }
}

impl Inner {
    fn bounds(&self) -> Bounds {
        Bounds {
            module: self.config.max_module,
            memory: self.config.max_memory,
        }
    }

    fn link(
        &self,
        wasm: &[u8],
        name: &Name,
    ) -> Result<(wasmtime::Module, wasmtime::InstancePre<Guest>), LoadError> {
        let code = self.compile(wasm, name)?;
        let pre = self
            .linker
            .instantiate_pre(&code)
            .map_err(LoadError::Link)?;
        Ok((code, pre))
    }

    fn compile(&self, wasm: &[u8], name: &Name) -> Result<wasmtime::Module, LoadError> {
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        let _turn = self
            .compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Another may have compiled the same module while this one waited.
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        let code =
            wasmtime::Module::from_binary(&self.wasmtime, wasm).map_err(LoadError::Compile)?;
        if let Some(cache) = &self.cache {
            match code.serialize() {
                Ok(bytes) => cache.put(&name.sha256, &bytes),
                Err(error) => {
                    tracing::warn!(module = name.hex, %error, "a compiled module cannot be kept on disk")
                }
            }
        }
        Ok(code)
    }

    fn kept(&self, name: &Name) -> Option<wasmtime::Module> {
        let cache = self.cache.as_ref()?;
        let bytes = cache.get(&name.sha256)?;
        // SAFETY: `deserialize` needs bytes that `serialize` made. These carry
        // a keyed hash over their name and contents that only a holder of the
        // folder's secret can make, and this engine, the only holder, hashes
        // nothing but the output of `serialize`. They were read whole before
        // the check and are not shared, so they cannot change after it.
        let code = unsafe { wasmtime::Module::deserialize(&self.wasmtime, bytes) };
        code.inspect_err(|error| {
            tracing::warn!(module = name.hex, %error, "a compiled module on disk does not fit this node; it is made anew");
            cache.discard(&name.sha256);
        })
        .ok()
    }

    /// A place for one instance, at once or after waiting a while.
    pub(super) async fn place(&self) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(place) = self.instances.try_acquire() {
            return Ok(place);
        }
        let wait = self.config.pool_wait;
        match tokio::time::timeout(wait, self.instances.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // The semaphore is never closed: both are want of a place.
            Ok(Err(_)) | Err(_) => Err(failure::pool_exhausted(self.config.pool_instances, wait)),
        }
    }
}

/// Exports were checked before compiling, so this tells of a fault of ours.
fn vanished() -> LoadError {
    LoadError::Link(wasmtime::Error::msg(
        "an export is missing from the compiled module",
    ))
}

fn check(config: &EngineConfig) -> Result<(), EngineError> {
    let fault = |option, why: &str| {
        Err(EngineError::Option {
            option,
            why: why.to_owned(),
        })
    };
    if config.pool_instances == 0 {
        return fault(
            "instances",
            "it is 0, so no call could ever run; give at least 1",
        );
    }
    if config.epoch_tick.is_zero() {
        return fault("epoch-tick", "it is 0; give at least 1 ms");
    }
    if config.max_memory > RESERVATION {
        return fault(
            "max-memory",
            "it is more than a 32-bit guest can address; give at most 4 GiB",
        );
    }
    if config.stack < 64 * 1024 || config.stack > 64 << 20 {
        return fault("stack", "give between 64 KiB and 64 MiB");
    }
    if config.max_timeout > LONGEST {
        return fault("max-timeout", "give at most 365 days");
    }
    Ok(())
}

fn configure(config: &EngineConfig) -> Config {
    // Where the kernel can tell which pages were written, exactly those are
    // copied back at reset, with no change of the address space: no page
    // faults in the next call, and no lock that threads would queue for.
    let tells = PoolingAllocationConfig::is_pagemap_scan_available();
    let keep = if tells {
        config.keep_resident
    } else {
        config.keep_resident.min(KEEP_BLINDLY)
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(config.pool_instances)
        .total_memories(config.pool_instances)
        .total_tables(config.pool_instances)
        .total_stacks(config.pool_instances)
        .max_memory_size(usize::try_from(config.max_memory).unwrap_or(usize::MAX))
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(KEEP_TABLE)
        .pagemap_scan(if tells { Enabled::Yes } else { Enabled::No });
    let mut wasmtime = Config::new();
    wasmtime
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(RESERVATION)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(config.stack)
        .async_stack_size(config.stack + HOST_STACK)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(TRACE_FRAMES))
        // What rustc makes for wasm32-wasip1 and the same on every processor;
        // no second memory, no 64-bit one, no threads, no components.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .relaxed_simd_deterministic(true);
    wasmtime
}

fn offer(engine: &wasmtime::Engine, linker: &Linker<Guest>) -> Offer {
    let mut store = Store::new(engine, Guest::nobody());
    linker
        .iter(&mut store)
        .map(|(module, name, _)| (module.to_owned(), name.to_owned()))
        .collect()
}
