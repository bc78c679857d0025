//! Events from outside.

use super::{Wait, arrived};
use crate::{bounds::Input, journal};
use skylark_abi::{call::Failure, journal::Action, keys};
use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

/// An event that a run waits for, made by [`promise`].
#[must_use = "a promise is waited for when it is awaited, or by `.start()`"]
pub struct Promise<T> {
    wait: Wait,
    name: String,
    value: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.wait.fmt(f)
    }
}

/// Waits for an event from outside: `POST /promises/{id}` with a JSON value, or
/// `Runtime::complete` in a test. Its name is unique in the run; whoever names
/// it again waits for the same.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
///
/// #[skylark::function]
/// async fn approve(amount: u32) -> Result<bool, Failure> {
///     if amount < 100 {
///         return Ok(true);
///     }
///     let decision = skylark::promise::<bool>("decision");
///     println!("decide at /promises/{}", decision.id());
///     decision.await
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// let run = runtime.start("approve", &500)?;
/// runtime.drive();
/// assert_eq!(runtime.result::<bool>(&run), None); // still waiting
/// runtime.complete("decision", &true)?;
/// runtime.drive();
/// assert_eq!(runtime.result::<bool>(&run), Some(Ok(true)));
/// # Ok(())
/// # }
/// ```
pub fn promise<T>(name: impl Into<String>) -> Promise<T> {
    let name = name.into();
    let action = Action::Promise { name: name.clone() };
    Promise {
        wait: Wait::new("a promise", action),
        name,
        value: PhantomData,
    }
}

impl<T> Promise<T> {
    /// What it is completed by: the run and the name. In a handler called as a
    /// plain function there is no run.
    pub fn id(&self) -> String {
        keys::promise_id(&journal::run_id().unwrap_or_default(), &self.name)
    }

    /// Begins to wait now, to be awaited later.
    pub fn start(mut self) -> Self {
        self.wait.start();
        self
    }
}

impl<T: Input> Future for Promise<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.wait
            .poll(context)
            .map(|outcome| arrived("the promise", outcome))
    }
}
