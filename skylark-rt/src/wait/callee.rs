//! What is called: what it takes and yields, and what the schema calls it.

use crate::{bounds::Passed, codec};
use skylark_abi::value::fingerprint;
use std::{future::Future, marker::PhantomData};

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

/// The path of a function as the schema has it, of what rustc calls it. A method
/// may be `<app::Hotel as app::Booking>::reserve`, whose module is not said, or
/// `app::extra::<impl app::Hotel>::reserve`.
pub(super) fn path(name: &str) -> String {
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

/// The arguments of a call.
pub(super) fn encode<T: Passed>(value: &T) -> Result<Vec<u8>, String> {
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
