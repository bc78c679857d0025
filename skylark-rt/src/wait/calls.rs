//! Calls of other functions.

use super::{
    Wait, arrived,
    callee::{Arguments, Callee, Yielded, encode, path},
};
use crate::bounds::{Input, Passed};
use skylark_abi::{
    call::{Failure, FailureKind},
    journal::Action,
};
use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// A call of another function of the app, made by [`call!`](crate::call!).
///
/// Nothing happens before it is awaited, or told to by [`Call::start`] or
/// [`Call::send`]. It has taken effect, exactly once, when what the calling
/// function does up to its next wait has; and then it is not undone.
#[must_use = "a call begins when it is awaited, or by `.start()` or `.send()`"]
pub struct Call<T> {
    wait: Wait,
    /// Its arguments do not serialize.
    broken: Option<Failure>,
    yields: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.wait.fmt(f)
    }
}

impl<T> Call<T> {
    /// Begins this much later.
    pub fn after(mut self, delay: Duration) -> Self {
        self.wait.after(delay);
        self
    }

    /// Begins now, to be awaited later.
    pub fn start(mut self) -> Self {
        if self.broken.is_none() {
            self.wait.start();
        }
        self
    }

    /// Begins, and nobody waits for it: it becomes a run of its own, whose
    /// failure is not the caller's.
    ///
    /// # Errors
    /// Its arguments cannot be encoded.
    pub fn send(mut self) -> Result<(), Failure> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        if let Some(Action::Call { answer, .. }) = self.wait.action() {
            *answer = false;
        }
        self.wait.start();
        Ok(())
    }

    /// The same call, of a function with successors: what comes of it is what
    /// the last of them yields.
    pub fn yields<U>(mut self) -> Call<U> {
        let wait = std::mem::replace(
            &mut self.wait,
            Wait {
                what: "a call",
                effect: None,
                position: None,
            },
        );
        Call {
            wait,
            broken: self.broken.take(),
            yields: PhantomData,
        }
    }
}

impl<T: Input> Future for Call<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(broken) = self.broken.take() {
            return Poll::Ready(Err(broken));
        }
        self.wait
            .poll(context)
            .map(|outcome| arrived("the call", outcome))
    }
}

/// Calls the function with this path (`app::module::function`, or as much of its
/// end as is unique); [`call!`](crate::call!) is the same, checked by rustc.
/// Several arguments are a tuple, none are `()`.
pub fn call<T>(function: &str, arguments: &impl Passed) -> Call<T> {
    new(function, encode(arguments))
}

fn new<T>(function: &str, input: Result<Vec<u8>, String>) -> Call<T> {
    // `fn r#match` is `match` in the schema.
    let function = function.replace("r#", "");
    let (input, broken) = match input {
        Ok(input) => (input, None),
        Err(why) => {
            let text = format!("the arguments of `{function}` cannot be encoded: {why}");
            (Vec::new(), Some(Failure::new(FailureKind::Contract, text)))
        }
    };
    let action = Action::Call {
        function,
        input,
        answer: true,
    };
    Call {
        wait: Wait::new("a call", action),
        broken,
        yields: PhantomData,
    }
}

/// Calls another function of the app.
///
/// ```text
/// skylark::call!(path::to::function(argument, …))
/// ```
///
/// The function may be a method of a service, `Hotel::reserve(guest)`: its `self` is
/// where the call goes to. rustc checks the function and the types of its arguments. The [`Call`] that it
/// makes is awaited for `Result<T, Failure>`, where `T` is what the function yields:
/// of `T`, of `Result<T, E>`, and of either from an `async fn`. (Where the function
/// has successors, the call yields what the last of them does: say so with
/// [`Call::yields`].)
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
/// use std::time::Duration;
///
/// #[skylark::function]
/// fn price(item: String, count: u32) -> Result<u32, String> {
///     match item.as_str() {
///         "tea" => Ok(3 * count),
///         other => Err(format!("there is no {other}")),
///     }
/// }
///
/// #[skylark::function]
/// fn log(line: String) {
///     println!("{line}");
/// }
///
/// #[skylark::function]
/// async fn order(item: String) -> Result<u32, Failure> {
///     // Two at once.
///     let one = skylark::call!(price(item.clone(), 1)).start();
///     let ten = skylark::call!(price(item.clone(), 10)).await?;
///     // One that nobody waits for, in an hour.
///     skylark::call!(log(item)).after(Duration::from_secs(3600)).send()?;
///     Ok(one.await? + ten)
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// assert_eq!(runtime.run::<u32>("order", &"tea")?, 33);
/// let failure = runtime.run::<u32>("order", &"coffee").unwrap_err();
/// assert_eq!(failure.message, "there is no coffee");
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! call {
    (:: $($segment:ident)::+ ( $($argument:expr),* $(,)? )) => {
        $crate::__skylark_call!([:: $($segment)::+] $($argument),*)
    };
    ($($segment:ident)::+ ( $($argument:expr),* $(,)? )) => {
        $crate::__skylark_call!([$($segment)::+] $($argument),*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __skylark_call {
    ([$($path:tt)+] $($argument:expr),*) => {{
        #[allow(unused_imports)]
        use $crate::__private::{FutureResult as _, FutureValue as _, PlainResult as _, PlainValue as _};
        let callee = $crate::__private::callee::<_, ($($crate::__skylark_hole!($argument),)*), _>(&$($path)+);
        let returns = $crate::__private::returns(&callee);
        $crate::__private::called(
            $crate::__private::type_name_of_val(&$($path)+),
            callee,
            ($($argument,)*),
            (&&&returns).yielded(),
        )
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __skylark_hole {
    ($argument:expr) => {
        _
    };
}

/// The call that [`call!`](crate::call!) makes.
pub fn called<A, R, T>(
    name: &str,
    _callee: Callee<A, R>,
    arguments: A,
    _yields: Yielded<T>,
) -> Call<T>
where
    A: Arguments,
{
    new(&path(name), arguments.encode())
}
