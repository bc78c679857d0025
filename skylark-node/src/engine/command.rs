//! Plain WASI commands: programs with `main`.

use super::{
    CallLimits, Engine,
    call::{drive_stateless, new_store},
    failure::{self, Ended},
    host::{Guest, MEMORY},
    inspect::START,
    module::Name,
};
use skylark_abi::call::Failure;
use std::sync::Arc;
use wasmtime::{InstancePre, ModuleExport, Store};
use wasmtime_wasi::I32Exit;

/// A compiled command. A clone is the same command.
#[derive(Clone)]
pub struct Command {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    pre: InstancePre<Guest>,
    name: Name,
    start: ModuleExport,
    memory: ModuleExport,
}

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// Its standard output, whole.
    pub stdout: Vec<u8>,
    /// The last 16 KiB of its standard error.
    pub stderr: String,
    /// What it ended with; 0 if it returned from `main`.
    pub exit_code: i32,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("hash", &self.inner.name.hex)
            .finish_non_exhaustive()
    }
}

impl Command {
    pub(super) fn new(
        engine: Engine,
        code: &wasmtime::Module,
        pre: InstancePre<Guest>,
        name: Name,
    ) -> Option<Self> {
        Some(Self {
            inner: Arc::new(Inner {
                engine,
                pre,
                name,
                start: code.get_export_index(START)?,
                memory: code.get_export_index(MEMORY)?,
            }),
        })
    }

    /// SHA-256 of the module as uploaded, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.inner.name.hex
    }
}

impl Engine {
    /// Runs `command` with these arguments (the program's name comes first by
    /// itself) in an instance of its own, with neither files nor environment.
    ///
    /// # Errors
    /// The [`Failure`] by which it ended: `Trap` (also a panic), `Timeout`,
    /// `Memory`, `TooLarge` (its standard output), `Unavailable` (no instance
    /// came free). An exit code other than 0 is no failure.
    pub async fn run_command(
        &self,
        command: &Command,
        args: &[String],
        limits: &CallLimits,
    ) -> Result<CommandOutput, Failure> {
        let engine = &*self.inner;
        let command = &*command.inner;
        let _place = engine.place().await?;
        let argv = std::iter::once("command".to_owned())
            .chain(args.iter().cloned())
            .collect();
        let guest = Guest::new(
            limits.memory.min(engine.config.max_memory),
            limits.timeout.min(engine.config.max_timeout),
            limits.log_lines,
            None,
        )
        .with_command(argv, limits.output);
        let mut store = new_store(&command.engine.inner.wasmtime, guest);
        let (timeout, deadline) = (store.data().timeout, store.data().deadline);
        let ended = match drive_stateless(run(&mut store, command), deadline).await {
            Some(ended) => ended,
            None => Err(Ended(failure::timeout(timeout)).into()),
        };
        let exit_code = match ended {
            Ok(()) => 0,
            Err(error) => match error.downcast_ref() {
                Some(I32Exit(code)) if store.data().memory_limit.refused.is_none() => *code,
                _ => {
                    return Err(failure::explain(
                        &error,
                        store.data(),
                        None,
                        engine.config.stack,
                    ));
                }
            },
        };
        let (stdout, stderr) = match store.data().voice() {
            Some(voice) => {
                voice.finish();
                (voice.take_collected(), voice.tail())
            }
            None => Default::default(),
        };
        Ok(CommandOutput {
            stdout,
            stderr,
            exit_code,
        })
    }
}

async fn run(store: &mut Store<Guest>, command: &Inner) -> wasmtime::Result<()> {
    let instance = command.pre.instantiate_async(&mut *store).await?;
    store.data_mut().memory = instance
        .get_module_export(&mut *store, &command.memory)
        .and_then(wasmtime::Extern::into_memory);
    let start = instance
        .get_module_export(&mut *store, &command.start)
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| failure::contract("its `_start` is no function"))?;
    start.typed::<(), ()>(&*store)?.call_async(store, ()).await
}
