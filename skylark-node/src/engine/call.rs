//! One call of a function.

use super::{
    CallLimits, Module,
    failure::{self, Ended, bytes, contract},
    host::{Desk, Guest, at_tick, slice, slice_mut},
    module::{Function, Inner},
    senses::Senses,
};
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Variable},
    names,
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::{
    sync::SemaphorePermit,
    time::{Sleep, sleep_until, timeout_at},
};
use wasmtime::{Instance, Memory, ModuleExport, Store, Trap, TypedFunc, WasmParams, WasmResults};

/// Longest failure that a guest may tell, in bytes.
const MAX_FAILURE: u32 = 64 * 1024;

/// Where a call gets state that its request did not carry.
#[async_trait::async_trait]
pub trait StateSource: Send {
    /// The value of `variable` as stored; `None` if it was never written.
    ///
    /// # Errors
    /// A failure that ends the call: [`Module::call`] returns that very one.
    async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure>;

    /// The values of several, in their order; where it can, in one step.
    ///
    /// # Errors
    /// As of [`StateSource::fetch`].
    async fn fetch_all(&mut self, variables: &[Variable]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let mut values = Vec::with_capacity(variables.len());
        for variable in variables {
            values.push(self.fetch(variable).await?);
        }
        Ok(values)
    }
}

impl Module {
    /// Runs `function` in an instance of its own.
    ///
    /// The guest's code runs on the caller's task and yields at every tick of
    /// the epoch clock. Dropping the future ends the guest.
    ///
    /// It runs on a fiber, always: the fiber adds a tenth to what a pooled call
    /// that does nothing costs (`benches/engine.rs`), less than guessing which calls
    /// could do without and running those again that could not.
    ///
    /// # Errors
    /// The [`Failure`] by which the call ended, its message naming the limit and the
    /// option where there is one: `NotFound` (no such function), `Trap` (also a
    /// panic or an exit), `Timeout`, `Memory`, `TooLarge` (the response),
    /// `Contract` (the module's fault), `Unavailable` (no instance came free);
    /// and whatever `state` fails with. What the function itself returns as an
    /// error is no failure here: it is in the response's outcome.
    pub async fn call(
        &self,
        function: &str,
        request: &CallRequest,
        limits: &CallLimits,
        state: &mut dyn StateSource,
    ) -> Result<CallResponse, Failure> {
        let function = self.inner.function(function)?;
        let mut live = self.open().await?;
        live.run(function, request, limits, state).await
    }

    /// An instance for one call, and for those that may follow it there.
    ///
    /// # Errors
    /// No instance came free.
    pub async fn open(&self) -> Result<Live<'_>, Failure> {
        let module = &*self.inner;
        let engine = &*module.engine.inner;
        let place = engine.place().await?;
        let desk = module.stateful.then(Arc::<Desk>::default);
        let guest = Guest::new(0, Duration::ZERO, 0, desk.clone());
        Ok(Live {
            store: new_store(&engine.wasmtime, guest),
            _place: place,
            module,
            desk,
            entered: None,
        })
    }
}

/// An instance that takes one call after the other: functions that are fused with
/// the one before them. Each has its own limits, clock and randomness; what is in
/// the instance's memory is there for all of them.
pub struct Live<'a> {
    // Dropped before its place is given back.
    store: Store<Guest>,
    _place: SemaphorePermit<'a>,
    module: &'a Inner,
    desk: Option<Arc<Desk>>,
    /// Since the first call.
    entered: Option<(Instance, Memory)>,
}

impl std::fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live<'_> {
    /// Runs `function` here, as [`Module::call`] does. After a failure the instance
    /// is of no more use.
    ///
    /// # Errors
    /// As of [`Module::call`].
    pub async fn call(
        &mut self,
        function: &str,
        request: &CallRequest,
        limits: &CallLimits,
        state: &mut dyn StateSource,
    ) -> Result<CallResponse, Failure> {
        let function = self.module.function(function)?;
        self.run(function, request, limits, state).await
    }

    async fn run(
        &mut self,
        function: &Function,
        request: &CallRequest,
        limits: &CallLimits,
        state: &mut dyn StateSource,
    ) -> Result<CallResponse, Failure> {
        let engine = &*self.module.engine.inner;
        let config = &engine.config;
        let memory = function.memory.unwrap_or(limits.memory);
        let timeout = function.timeout.unwrap_or(limits.timeout);
        let timeout = timeout.min(config.max_timeout);
        let guest = self.store.data_mut();
        guest.begin(memory.min(config.max_memory), timeout, limits.log_lines);
        guest.senses = Senses::recorded(request.seen);
        let deadline = guest.deadline;
        let request = encoded(request);
        self.store.set_epoch_deadline(1);
        let run = run(
            &mut self.store,
            self.module,
            &mut self.entered,
            function,
            &request,
            limits.output,
        );
        let ended = match drive(run, self.desk.as_deref(), state, deadline).await {
            Some(ended) => ended,
            None => Err(Ended(failure::timeout(timeout)).into()),
        };
        if let Some(voice) = self.store.data().voice() {
            voice.finish();
        }
        let schema = Some(self.module.schema());
        ended.map_err(|error| failure::explain(&error, self.store.data(), schema, config.stack))
    }
}

/// The request as the guest takes it, as a rule written without growing.
fn encoded(request: &CallRequest) -> Vec<u8> {
    const REST: usize = 128;
    let fields = request.fields.iter();
    let state: usize = fields
        .map(|f| f.variable.name.len() + f.value.as_ref().map_or(0, Vec::len) + 16)
        .sum();
    let room = Vec::with_capacity(request.input.len() + state + REST);
    skylark_abi::encode_in(room, request)
}

/// A store whose limits hold and whose guest yields at each tick.
///
/// The closures hold nothing, so that boxing them allocates nothing.
pub(super) fn new_store(engine: &wasmtime::Engine, guest: Guest) -> Store<Guest> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.memory_limit);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    store
}

async fn run(
    store: &mut Store<Guest>,
    module: &Inner,
    entered: &mut Option<(Instance, Memory)>,
    function: &Function,
    request: &[u8],
    limit: usize,
) -> wasmtime::Result<CallResponse> {
    // Taken, so that one that does not end well is not entered again.
    let (instance, memory) = match entered.take() {
        Some(entered) => entered,
        None => enter(store, module).await?,
    };
    let len = i32::try_from(request.len()).map_err(|_| {
        Ended(Failure::new(
            FailureKind::TooLarge,
            "the request is larger than 2 GiB",
        ))
    })?;
    let alloc = typed::<i32, i32>(store, &instance, &module.alloc)?;
    let ptr = alloc.call_async(&mut *store, len).await?;
    slice_mut(
        memory.data_mut(&mut *store),
        ptr,
        len,
        "the place for the request",
    )?
    .copy_from_slice(request);
    let entry = typed::<(i32, i32), i64>(store, &instance, &function.entry)?;
    let packed = match entry.call_async(&mut *store, (ptr, len)).await {
        Ok(packed) => packed,
        Err(error) => {
            if error.downcast_ref() != Some(&Trap::UnreachableCodeReached) {
                return Err(error);
            }
            if let Some(failure) = told_failure(store, module, &instance, memory).await {
                return Err(Ended(failure).into());
            }
            match told(store, &instance, module.suspended.as_ref()).await {
                Some(packed) => packed,
                None => return Err(error),
            }
        }
    };
    let (ptr, len) = names::unpack(packed);
    if len as usize > limit {
        return Err(Ended(Failure::new(
            FailureKind::TooLarge,
            format!(
                "its response has {}, past its limit `max-output` of {}; return less, or raise `max-output` on the node",
                bytes(u64::from(len)),
                bytes(limit as u64)
            ),
        ))
        .into());
    }
    let response = slice(memory.data(&*store), ptr as i32, len as i32, "the response")?;
    let response = skylark_abi::decode(response)
        .map_err(|e| contract(format_args!("its response is none: {e}")))?;
    *entered = Some((instance, memory));
    Ok(response)
}

/// Makes an instance, and constructs what it needs.
async fn enter(store: &mut Store<Guest>, module: &Inner) -> wasmtime::Result<(Instance, Memory)> {
    let instance = module.pre.instantiate_async(&mut *store).await?;
    let memory = instance
        .get_module_export(&mut *store, &module.memory)
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| contract("its memory is none"))?;
    store.data_mut().memory = Some(memory);
    if let Some(export) = &module.initialize {
        let initialize = typed::<(), ()>(store, &instance, export)?;
        initialize.call_async(&mut *store, ()).await?;
    }
    Ok((instance, memory))
}

/// The failure with which the guest ended itself, if it says so.
async fn told_failure(
    store: &mut Store<Guest>,
    module: &Inner,
    instance: &Instance,
    memory: Memory,
) -> Option<Failure> {
    let packed = told(store, instance, module.failure.as_ref()).await?;
    let (ptr, len) = names::unpack(packed);
    if len > MAX_FAILURE {
        return None;
    }
    let failure = slice(memory.data(&*store), ptr as i32, len as i32, "the failure").ok()?;
    skylark_abi::decode(failure).ok()
}

/// What the guest says by this export of why it has trapped. Asking is bounded by
/// the call's deadline, and an answer that makes no sense is none: the trap is the
/// failure then.
async fn told(
    store: &mut Store<Guest>,
    instance: &Instance,
    export: Option<&ModuleExport>,
) -> Option<i64> {
    let tell = typed::<(), i64>(store, instance, export?).ok()?;
    let packed = tell.call_async(&mut *store, ()).await.ok()?;
    (names::unpack(packed).1 != 0).then_some(packed)
}

fn typed<P: WasmParams, R: WasmResults>(
    store: &mut Store<Guest>,
    instance: &Instance,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<P, R>> {
    instance
        .get_module_export(&mut *store, export)
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| contract("an export is no function"))?
        .typed(&*store)
}

/// Drives a guest, answering what it asks, until it ends or `deadline` passes,
/// which gives `None`.
///
/// Epochs bound the guest while it runs; the timer bounds it while it waits,
/// so it is made only once the guest does.
async fn drive<T>(
    guest: impl Future<Output = wasmtime::Result<T>>,
    desk: Option<&Desk>,
    state: &mut dyn StateSource,
    deadline: Instant,
) -> Option<wasmtime::Result<T>> {
    enum Step<T> {
        Ended(T),
        Asked(Vec<Variable>),
        Late,
    }
    let mut guest = pin!(guest);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    loop {
        let step = poll_fn(|cx| {
            if let Poll::Ready(ended) = guest.as_mut().poll(cx) {
                return Poll::Ready(Step::Ended(ended));
            }
            if let Some(variables) = desk.and_then(Desk::asked) {
                return Poll::Ready(Step::Asked(variables));
            }
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
            timer.as_mut().poll(cx).map(|()| Step::Late)
        })
        .await;
        match (step, desk) {
            (Step::Ended(ended), _) => return Some(ended),
            (Step::Late, _) | (Step::Asked(_), None) => return None,
            (Step::Asked(variables), Some(desk)) => {
                match timeout_at(deadline.into(), state.fetch_all(&variables)).await {
                    Ok(Ok(values)) => desk.answer(values),
                    Ok(Err(failure)) => return Some(Err(Ended(failure).into())),
                    Err(_) => return None,
                }
            }
        }
    }
}

/// [`drive`] for a guest that has no state.
pub(super) async fn drive_stateless<T>(
    guest: impl Future<Output = wasmtime::Result<T>>,
    deadline: Instant,
) -> Option<wasmtime::Result<T>> {
    drive(guest, None, &mut NoState, deadline).await
}

struct NoState;

#[async_trait::async_trait]
impl StateSource for NoState {
    async fn fetch(&mut self, _variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }
}
