//! The app in its own process: what `cargo test` runs.
//!
//! [`Runtime`] runs functions and chains as a node does, by the same protocol,
//! with a store in memory.

mod driver;
mod faults;
mod flights;
mod queue;
pub(crate) mod registry;
mod runtime;
mod store;

pub use faults::{Fault, Faults, Point};
pub use runtime::{Run, Runtime};
pub use skylark_abi::{journal::HttpRequest, run::TaskReport};

use crate::{call::Kept, log::Level};
use skylark_abi::call::{CallResponse, Failure, FailureKind, Variable};
use std::{
    any::Any,
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    rc::Rc,
};

/// Stored values, in the order asked for.
type Values = Vec<Option<Vec<u8>>>;
type Read = dyn Fn(&[Variable]) -> Result<Values, Failure>;

/// Reads state that a request did not carry, from the runtime that made it.
#[derive(Clone)]
pub(crate) struct Fetch(Rc<Read>);

impl Fetch {
    /// By what reads several in one step.
    pub(crate) fn new(read: impl Fn(&[Variable]) -> Result<Values, Failure> + 'static) -> Self {
        Self(Rc::new(read))
    }

    /// The stored value; `None` if the variable was never written.
    pub(crate) fn fetch(&self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        let values = (self.0)(std::slice::from_ref(variable))?;
        Ok(values.into_iter().next().flatten())
    }

    /// The stored values of several.
    pub(crate) fn fetch_all(&self, variables: &[Variable]) -> Result<Values, Failure> {
        (self.0)(variables)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch")
    }
}

thread_local! {
    /// Whether [`guarded`] is below on the stack.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Ends the running call with `failure`. Outside of a call (a handler called
/// by a test as the plain function that it is) this is an ordinary panic.
#[cold]
pub(crate) fn abort(failure: Failure) -> ! {
    if GUARDED.get() {
        // The failure is the call's result: no panic message is due.
        resume_unwind(Box::new(failure));
    }
    panic_any(failure.to_string())
}

/// Ends the stretch where its code cannot be left by returning.
#[cfg(feature = "thrift")]
pub(crate) fn suspend(response: CallResponse) -> ! {
    resume_unwind(Box::new(response))
}

/// The clock of a test's process is the machine's.
pub(crate) fn resumed(_unix_us: u64) {}

/// Prints one line; test harnesses show it where a test failed.
pub(crate) fn log(level: Level, line: &str) {
    eprintln!("[{level:?}] {line}");
}

/// Runs `guest` as an instance runs: a panic is that call's failure.
pub(crate) fn guarded<T>(guest: impl FnOnce() -> T) -> Result<T, Failure> {
    caught(guest).map_err(failure)
}

/// Makes one call of a guest, which may end its stretch by `suspend`, and then keeps
/// nothing.
pub(crate) fn called(
    guest: impl FnOnce() -> (CallResponse, Option<Kept>),
) -> Result<(CallResponse, Option<Kept>), Failure> {
    caught(guest).or_else(|payload| match payload.downcast::<CallResponse>() {
        Ok(waits) => Ok((*waits, None)),
        Err(payload) => Err(failure(payload)),
    })
}

type Payload = Box<dyn Any + Send>;

fn caught<T>(guest: impl FnOnce() -> T) -> Result<T, Payload> {
    let outer = GUARDED.replace(true);
    // What a panic leaves half done belongs to the invocation, which is over.
    let result = catch_unwind(AssertUnwindSafe(guest));
    GUARDED.set(outer);
    result
}

fn failure(payload: Payload) -> Failure {
    match payload.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(payload) => Failure::new(
            FailureKind::Trap,
            format!("panicked: {}", panic_message(payload.as_ref())),
        ),
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)")
}
