//! Calls of other functions.

use super::{Wait, arrived};
use crate::{
    bounds::{Input, Passed},
    codec,
};
use skylark_abi::{
    call::{Failure, FailureKind},
    journal::Action,
    value::fingerprint,
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

/// What a function returns; from it, what it yields, by the most special of four
/// traits that fits (autoref specialisation: the fewer `&` rustc must take off,
/// the sooner it looks).
#[derive(Debug)]
pub struct Returns<R>(PhantomData<fn() -> R>);

impl<R> Clone for Returns<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Returns<R> {}

/// What a function yields.
#[derive(Debug)]
pub struct Yielded<T>(PhantomData<fn() -> T>);

/// Of an `async fn` that returns a `Result`.
pub trait FutureResult {
    /// What it yields.
    type Value;

    /// That, as a value.
    fn yielded(self) -> Yielded<Self::Value>;
}

impl<R, T, E> FutureResult for &&&Returns<R>
where
    R: Future<Output = Result<T, E>>,
{
    type Value = T;

    fn yielded(self) -> Yielded<T> {
        Yielded(PhantomData)
    }
}

/// Of another `async fn`.
pub trait FutureValue {
    /// What it yields.
    type Value;

    /// That, as a value.
    fn yielded(self) -> Yielded<Self::Value>;
}

impl<R: Future> FutureValue for &&Returns<R> {
    type Value = R::Output;

    fn yielded(self) -> Yielded<R::Output> {
        Yielded(PhantomData)
    }
}

/// Of a function that returns a `Result`.
pub trait PlainResult {
    /// What it yields.
    type Value;

    /// That, as a value.
    fn yielded(self) -> Yielded<Self::Value>;
}

impl<T, E> PlainResult for &Returns<Result<T, E>> {
    type Value = T;

    fn yielded(self) -> Yielded<T> {
        Yielded(PhantomData)
    }
}

/// Of any other function.
pub trait PlainValue {
    /// What it yields.
    type Value;

    /// That, as a value.
    fn yielded(self) -> Yielded<Self::Value>;
}

impl<T> PlainValue for Returns<T> {
    type Value = T;

    fn yielded(self) -> Yielded<T> {
        Yielded(PhantomData)
    }
}

/// A function that is called with `Arguments`; `Shape` says whether it is a method,
/// whose object the callee has.
#[diagnostic::on_unimplemented(
    message = "the call gives another number of arguments than the function takes",
    label = "takes another number of arguments",
    note = "of a method, leave `self` out: it is where the call goes to"
)]
pub trait Callable<Arguments, Shape> {
    /// What it returns.
    type Output;
}

/// A function without `self`.
#[derive(Debug)]
pub struct Free;

/// A method with `&self`.
#[derive(Debug)]
pub struct Shared<S>(PhantomData<S>);

/// A method with `&mut self`.
#[derive(Debug)]
pub struct Exclusive<S>(PhantomData<S>);

/// What a function takes and returns.
#[derive(Debug)]
pub struct Callee<A, R>(PhantomData<fn(A) -> R>);

/// Arguments, as a tuple.
pub trait Arguments {
    /// As a call entry takes them: nothing, the value, or a tuple.
    ///
    /// # Errors
    /// They do not serialize.
    fn encode(&self) -> Result<Vec<u8>, String>;
}

/// What a function takes, given how many, and what it returns.
pub fn callee<F, A, Shape>(_function: &F) -> Callee<A, F::Output>
where
    F: Callable<A, Shape>,
{
    Callee(PhantomData)
}

/// What a function returns.
pub fn returns<A, R>(_callee: &Callee<A, R>) -> Returns<R> {
    Returns(PhantomData)
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

/// The path of a function as the schema has it, of what rustc calls it. A method
/// may be `<app::Hotel as app::Booking>::reserve`, whose module is not said, or
/// `app::extra::<impl app::Hotel>::reserve`.
fn path(name: &str) -> String {
    let (front, rest) = match name.split_once('<') {
        Some((front, rest)) => (front, rest),
        None => return name.to_owned(),
    };
    let Some((ty, method)) = rest.rsplit_once('>') else {
        return name.to_owned();
    };
    let ty = match ty.strip_prefix("impl ") {
        Some(of) => of.rsplit(" for ").next().unwrap_or(of),
        None => ty.split(" as ").next().unwrap_or(ty),
    };
    let ty = ty.rsplit("::").next().unwrap_or(ty);
    format!("{front}{ty}{method}")
}

macro_rules! callables {
    ($(($($name:ident)*) $arguments:ident => $encoded:expr;)*) => {$(
        impl<Fun, $($name,)* R> Callable<($($name,)*), Free> for Fun
        where
            Fun: Fn($($name),*) -> R,
        {
            type Output = R;
        }

        #[diagnostic::do_not_recommend]
        impl<Fun, S, $($name,)* R> Callable<($($name,)*), Shared<S>> for Fun
        where
            Fun: Fn(&S, $($name),*) -> R,
        {
            type Output = R;
        }

        #[diagnostic::do_not_recommend]
        impl<Fun, S, $($name,)* R> Callable<($($name,)*), Exclusive<S>> for Fun
        where
            Fun: Fn(&mut S, $($name),*) -> R,
        {
            type Output = R;
        }

        impl<$($name: Passed),*> Arguments for ($($name,)*) {
            fn encode(&self) -> Result<Vec<u8>, String> {
                let $arguments = self;
                $encoded
            }
        }
    )*};
}

callables! {
    () all => encode(all);
    (A) all => encode(&all.0);
    (A B) all => encode(all);
    (A B C) all => encode(all);
    (A B C D) all => encode(all);
    (A B C D E) all => encode(all);
    (A B C D E F) all => encode(all);
    (A B C D E F G) all => encode(all);
    (A B C D E F G H) all => encode(all);
    (A B C D E F G H I) all => encode(all);
    (A B C D E F G H I J) all => encode(all);
    (A B C D E F G H I J K) all => encode(all);
    (A B C D E F G H I J K L) all => encode(all);
}

fn encode<T: Passed>(value: &T) -> Result<Vec<u8>, String> {
    codec::to_compact(value, fingerprint(std::any::type_name::<T>()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn methods_have_the_paths_of_the_schema() {
        for (name, wanted) in [
            ("app::f", "app::f"),
            ("app::m::Hotel::reserve", "app::m::Hotel::reserve"),
            ("<app::Hotel as app::Booking>::reserve", "Hotel::reserve"),
            (
                "app::more::<impl app::Hotel>::reserve",
                "app::more::Hotel::reserve",
            ),
            (
                "app::more::<impl app::Booking for app::Hotel>::reserve",
                "app::more::Hotel::reserve",
            ),
        ] {
            assert_eq!(super::path(name), wanted);
        }
    }
}
