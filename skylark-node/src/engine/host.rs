//! What a guest may call: the host functions of [`skylark_abi::names`] and
//! WASI preview 1.

use super::senses::Senses;
use super::{
    capture::{Source, Stream, Voice},
    failure::{self, Ended, contract},
    limits::MemoryLimit,
};
use skylark_abi::{
    call::{Field, Scope, Variable},
    names,
};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};
use wasmtime::{Caller, Linker, Memory, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtxBuilder, p1::WasiP1Ctx};

/// Name of the exported linear memory.
pub(super) const MEMORY: &str = "memory";
/// Import module of WASI preview 1.
pub(super) const WASI: &str = "wasi_snapshot_preview1";
/// Longest log line that is read from a guest, in bytes.
const MAX_LOG: usize = 64 * 1024;
/// Most random bytes in one request; more would hold a worker thread too long.
const MAX_RANDOM: u64 = 1024 * 1024;

/// One call's data on the host's side.
///
/// What not every call needs is made when it is first needed: the voice at the
/// first word, WASI at its first function.
pub(super) struct Guest {
    pub(super) memory_limit: MemoryLimit,
    /// When the call must be over.
    pub(super) deadline: Instant,
    /// How long it was given, for the message.
    pub(super) timeout: Duration,
    /// Set once the instance is there.
    pub(super) memory: Option<Memory>,
    /// Its clock and randomness; the machine's for a command.
    pub(super) senses: Senses,
    desk: Option<Arc<Desk>>,
    fetched: Option<Vec<u8>>,
    voice: Option<Arc<Voice>>,
    log_lines: u32,
    wasi: Option<Box<WasiP1Ctx>>,
    /// A command's arguments and limit on standard output.
    command: Option<(Vec<String>, usize)>,
}

impl Guest {
    pub(super) fn new(
        memory: u64,
        timeout: Duration,
        log_lines: u32,
        desk: Option<Arc<Desk>>,
    ) -> Self {
        Self {
            memory_limit: MemoryLimit::new(memory),
            deadline: Instant::now() + timeout,
            timeout,
            memory: None,
            senses: Senses::of_the_machine(),
            desk,
            fetched: None,
            voice: None,
            log_lines,
            wasi: None,
            command: None,
        }
    }

    /// Another call begins, with these limits; the instance stays.
    pub(super) fn begin(&mut self, memory: u64, timeout: Duration, log_lines: u32) {
        self.memory_limit = MemoryLimit::new(memory);
        self.deadline = Instant::now() + timeout;
        self.timeout = timeout;
        self.fetched = None;
        // Their voice is the last call's.
        self.voice = None;
        self.wasi = None;
        self.log_lines = log_lines;
    }

    /// No guest at all: to look at the host functions.
    pub(super) fn nobody() -> Self {
        Self::new(0, Duration::ZERO, 0, None)
    }

    /// Makes this guest a command with arguments, whose standard output is
    /// collected up to a limit in bytes.
    pub(super) fn with_command(mut self, args: Vec<String>, output: usize) -> Self {
        self.command = Some((args, output));
        self
    }

    /// What the guest has said, if anything.
    pub(super) fn voice(&self) -> Option<&Arc<Voice>> {
        self.voice.as_ref()
    }

    fn speak(&mut self) -> &Arc<Voice> {
        let collect = self.command.as_ref().map(|(_, limit)| *limit);
        self.voice
            .get_or_insert_with(|| Voice::new(self.log_lines, collect))
    }

    /// WASI with no files, environment or sockets.
    fn wasi(&mut self) -> &mut WasiP1Ctx {
        let voice = Arc::clone(self.speak());
        self.wasi.get_or_insert_with(|| {
            let stream = |source| Stream {
                voice: Arc::clone(&voice),
                source,
            };
            let mut builder = WasiCtxBuilder::new();
            builder
                .stdout(stream(Source::Stdout))
                .stderr(stream(Source::Stderr))
                .max_random_size(MAX_RANDOM)
                .allow_tcp(false)
                .allow_udp(false);
            if let Some((args, _)) = &self.command {
                builder.args(args);
            }
            Box::new(builder.build_p1())
        })
    }
}

/// Where a guest asks for state and the driver of the call answers.
///
/// Both are polled by the same task, the guest within the driver, so no waker
/// is needed: after an answer the driver polls the guest.
#[derive(Debug, Default)]
pub(super) struct Desk(Mutex<Slip>);

#[derive(Debug, Default)]
enum Slip {
    #[default]
    Empty,
    Asked(Vec<Variable>),
    Answered(Vec<Option<Vec<u8>>>),
}

impl Desk {
    fn slip(&self) -> MutexGuard<'_, Slip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, variables: Vec<Variable>) -> Vec<Option<Vec<u8>>> {
        *self.slip() = Slip::Asked(variables);
        poll_fn(|_| {
            let mut slip = self.slip();
            match std::mem::take(&mut *slip) {
                Slip::Answered(values) => Poll::Ready(values),
                other => {
                    *slip = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// What the guest waits for, taken.
    pub(super) fn asked(&self) -> Option<Vec<Variable>> {
        let mut slip = self.slip();
        match std::mem::take(&mut *slip) {
            Slip::Asked(variables) => Some(variables),
            other => {
                *slip = other;
                None
            }
        }
    }

    /// Answers what was asked; the guest must be polled afterwards.
    pub(super) fn answer(&self, values: Vec<Option<Vec<u8>>>) {
        *self.slip() = Slip::Answered(values);
    }
}

/// Defines everything that a guest may import.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker
        .func_wrap_async(
            names::IMPORT_MODULE,
            names::STATE_FETCH,
            |mut caller: Caller<'_, Guest>, (scope, name, len): (i32, i32, i32)| {
                Box::new(async move { state_fetch(&mut caller, scope, name, len).await })
            },
        )?
        .func_wrap_async(
            names::IMPORT_MODULE,
            names::STATE_FETCH_KEY,
            |mut caller: Caller<'_, Guest>, (name, len, key, key_len): (i32, i32, i32, i32)| {
                Box::new(async move { state_fetch_key(&mut caller, name, len, key, key_len).await })
            },
        )?
        .func_wrap_async(
            names::IMPORT_MODULE,
            names::STATE_FETCH_PARTS,
            |mut caller: Caller<'_, Guest>, (list, len): (i32, i32)| {
                Box::new(async move { state_fetch_parts(&mut caller, list, len).await })
            },
        )?
        .func_wrap(names::IMPORT_MODULE, names::RESUMED, resumed)?
        .func_wrap(names::IMPORT_MODULE, names::STATE_TAKE, state_take)?
        .func_wrap(names::IMPORT_MODULE, names::LOG, log)?;
    wasmtime_wasi::p1::add_to_linker_async(linker, Guest::wasi)?;
    linker.allow_shadowing(true);
    linker
        .func_wrap(WASI, "clock_time_get", clock_time_get)?
        .func_wrap(WASI, "random_get", random_get)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// `clock_time_get` of WASI: see [`Senses`].
fn clock_time_get(
    mut caller: Caller<'_, Guest>,
    _clock: i32,
    _precision: i64,
    dst: i32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = memory(&mut caller, "clock_time_get")?;
    let now = guest.senses.now_ns();
    slice_mut(memory, dst, 8, "the place for the time")?.copy_from_slice(&now.to_le_bytes());
    Ok(0)
}

/// `random_get` of WASI: see [`Senses`].
fn random_get(mut caller: Caller<'_, Guest>, dst: i32, len: i32) -> wasmtime::Result<i32> {
    if u64::from(len as u32) > MAX_RANDOM {
        return Err(contract(format_args!(
            "it asks for {} random bytes at once, more than {MAX_RANDOM}",
            len as u32
        )));
    }
    let (memory, guest) = memory(&mut caller, "random_get")?;
    let dst = slice_mut(memory, dst, len, "the place for random bytes")?;
    guest.senses.random(dst)?;
    Ok(0)
}

/// The guest goes on after a wait: its clock goes on from there.
fn resumed(mut caller: Caller<'_, Guest>, unix_us: i64) {
    let unix_us = u64::try_from(unix_us).unwrap_or(0);
    caller.data_mut().senses.go_on_at(unix_us);
}

async fn state_fetch(
    caller: &mut Caller<'_, Guest>,
    scope: i32,
    name: i32,
    len: i32,
) -> wasmtime::Result<i64> {
    let scope = Scope::from_wire(scope)
        .ok_or_else(|| contract(format_args!("`{}` of scope {scope}", names::STATE_FETCH)))?;
    let name = variable_name(caller, name, len)?;
    let variable = Variable {
        scope,
        name,
        ..Variable::default()
    };
    fetch(caller, variable).await
}

async fn state_fetch_key(
    caller: &mut Caller<'_, Guest>,
    name: i32,
    len: i32,
    key: i32,
    key_len: i32,
) -> wasmtime::Result<i64> {
    let name = variable_name(caller, name, len)?;
    let (memory, _) = memory(caller, names::STATE_FETCH_KEY)?;
    let key = slice(memory, key, key_len, "a state's key")?;
    let key = std::str::from_utf8(key)
        .ok()
        .filter(|key| key.len() <= names::MAX_KEY)
        .ok_or_else(|| contract("a state's key is none"))?
        .to_owned();
    let variable = Variable {
        scope: Scope::Key,
        name,
        key,
        ..Variable::default()
    };
    fetch(caller, variable).await
}

/// Several variables or parts of them, as one list.
async fn state_fetch_parts(
    caller: &mut Caller<'_, Guest>,
    list: i32,
    len: i32,
) -> wasmtime::Result<i64> {
    let (memory, _) = memory(caller, names::STATE_FETCH_PARTS)?;
    let list = slice(memory, list, len, "a list of states")?;
    let variables = skylark_abi::decode::<Vec<Variable>>(list)
        .map_err(|e| contract(format_args!("a list of states is none: {e}")))?;
    let is_valid = |v: &Variable| {
        names::is_valid_name(&v.name)
            && v.key.len() <= names::MAX_KEY
            && v.at.len() <= 3 * names::MAX_KEY
    };
    if !variables.iter().all(is_valid) {
        return Err(contract("a list of states names one that cannot be"));
    }
    let values = ask(caller, variables.clone()).await?;
    let fields = variables.into_iter().zip(values);
    let fields: Vec<Field> = fields
        .map(|(variable, value)| Field { variable, value })
        .collect();
    let fields = skylark_abi::encode(&fields);
    let announced = i64::try_from(fields.len()).unwrap_or(i64::MAX);
    caller.data_mut().fetched = Some(fields);
    Ok(announced)
}

fn variable_name(caller: &mut Caller<'_, Guest>, name: i32, len: i32) -> wasmtime::Result<String> {
    let (memory, _) = memory(caller, names::STATE_FETCH)?;
    let name = slice(memory, name, len, "a state variable's name")?;
    std::str::from_utf8(name)
        .ok()
        .filter(|name| names::is_valid_name(name))
        .map(str::to_owned)
        .ok_or_else(|| contract("a state variable's name is none"))
}

/// The values of variables, in their order.
async fn ask(
    caller: &mut Caller<'_, Guest>,
    variables: Vec<Variable>,
) -> wasmtime::Result<Vec<Option<Vec<u8>>>> {
    let desk = caller
        .data()
        .desk
        .clone()
        .ok_or_else(|| contract("a command asks for state"))?;
    Ok(desk.ask(variables).await)
}

async fn fetch(caller: &mut Caller<'_, Guest>, variable: Variable) -> wasmtime::Result<i64> {
    let values = ask(caller, vec![variable]).await?;
    let value = values.into_iter().next().flatten();
    let announced = match &value {
        Some(value) => i64::try_from(value.len()).unwrap_or(i64::MAX),
        None => names::ABSENT,
    };
    caller.data_mut().fetched = value;
    Ok(announced)
}

fn state_take(mut caller: Caller<'_, Guest>, dst: i32, len: i32) -> wasmtime::Result<()> {
    let (memory, guest) = memory(&mut caller, names::STATE_TAKE)?;
    let value = guest
        .fetched
        .take()
        .ok_or_else(|| contract("a state is taken that was not fetched"))?;
    if value.len() != len as u32 as usize {
        return Err(contract(format_args!(
            "a state of {} bytes is taken as {}",
            value.len(),
            len as u32
        )));
    }
    slice_mut(memory, dst, len, "the place for a state")?.copy_from_slice(&value);
    Ok(())
}

fn log(mut caller: Caller<'_, Guest>, level: i32, text: i32, len: i32) -> wasmtime::Result<()> {
    let voice = Arc::clone(caller.data_mut().speak());
    let (memory, _) = memory(&mut caller, names::LOG)?;
    let text = slice(memory, text, len, "a log line")?;
    voice.log(level, &text[..text.len().min(MAX_LOG)]);
    Ok(())
}

/// What happens when the epoch clock ticks while the guest runs.
pub(super) fn at_tick(cx: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = cx.data();
    if Instant::now() >= guest.deadline {
        return Err(Ended(failure::timeout(guest.timeout)).into());
    }
    // tokio's own yield lets its I/O driver run too, which waking oneself
    // does not.
    Ok(UpdateDeadline::YieldCustom(
        1,
        Box::pin(tokio::task::yield_now()),
    ))
}

/// The guest's memory and its data.
fn memory<'a>(
    caller: &'a mut Caller<'_, Guest>,
    what: &str,
) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    let memory = caller
        .data()
        .memory
        .ok_or_else(|| contract(format_args!("`{what}` is called from the start function")))?;
    Ok(memory.data_and_store_mut(caller))
}

/// The range at `ptr` of `len` bytes, both unsigned numbers of a guest's.
pub(super) fn slice<'a>(
    memory: &'a [u8],
    ptr: i32,
    len: i32,
    what: &str,
) -> wasmtime::Result<&'a [u8]> {
    let size = memory.len();
    range(ptr, len)
        .and_then(|range| memory.get(range))
        .ok_or_else(|| out_of_memory(ptr, len, size, what))
}

/// [`slice`] to write to.
pub(super) fn slice_mut<'a>(
    memory: &'a mut [u8],
    ptr: i32,
    len: i32,
    what: &str,
) -> wasmtime::Result<&'a mut [u8]> {
    let size = memory.len();
    range(ptr, len)
        .and_then(|range| memory.get_mut(range))
        .ok_or_else(|| out_of_memory(ptr, len, size, what))
}

fn range(ptr: i32, len: i32) -> Option<std::ops::Range<usize>> {
    let start = ptr as u32 as usize;
    Some(start..start.checked_add(len as u32 as usize)?)
}

fn out_of_memory(ptr: i32, len: i32, size: usize, what: &str) -> wasmtime::Error {
    contract(format_args!(
        "{what} is at {} with {} bytes, outside of its memory of {size}",
        ptr as u32, len as u32
    ))
}
