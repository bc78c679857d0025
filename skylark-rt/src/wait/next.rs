//! Which successor comes.

use crate::{bounds::Output, codec};
use skylark_abi::value::fingerprint;
use std::{any::Any, marker::PhantomData};

/// The result of a function that chooses its successor: one input for each of
/// `next = […]`, of which one is given.
///
/// ```
/// use skylark::{Next, native::Runtime, prelude::*};
///
/// #[skylark::chain(next = [alarm, clear])]
/// fn decide(celsius: f64) -> Next<(f64, String)> {
///     if celsius > 60.0 {
///         Next::first(celsius) // what `alarm` takes
///     } else {
///         Next::second("all is well".to_owned()) // what `clear` takes
///     }
/// }
///
/// #[skylark::function]
/// fn alarm(celsius: f64) -> String {
///     format!("{celsius} degrees!")
/// }
///
/// #[skylark::function]
/// fn clear(why: String) -> String {
///     why
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// assert_eq!(runtime.run::<String>("decide", &71.5)?, "71.5 degrees!");
/// assert_eq!(runtime.run::<String>("decide", &20.0)?, "all is well");
/// # Ok(())
/// # }
/// ```
#[must_use = "a choice takes effect when it is returned"]
pub struct Next<T> {
    choice: usize,
    input: Box<dyn Chosen>,
    inputs: PhantomData<fn() -> T>,
}

/// What goes to a successor: encoded, unless it stays in the instance.
pub(crate) trait Chosen {
    fn encode(&self) -> Result<Vec<u8>, String>;

    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<V: Output + 'static> Chosen for V {
    fn encode(&self) -> Result<Vec<u8>, String> {
        codec::to_compact(self, fingerprint(std::any::type_name::<V>()))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl<T> std::fmt::Debug for Next<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next")
            .field("choice", &self.choice)
            .finish_non_exhaustive()
    }
}

/// Compares the choice, and what goes to it as it is encoded.
impl<T> PartialEq for Next<T> {
    fn eq(&self, other: &Self) -> bool {
        self.choice == other.choice && self.input.encode() == other.input.encode()
    }
}

impl<T> Next<T> {
    fn choose<V: Output + 'static>(choice: usize, value: V) -> Self {
        Self {
            choice,
            input: Box::new(value),
            inputs: PhantomData,
        }
    }

    /// Which successor it is, counted from 0.
    pub fn choice(&self) -> usize {
        self.choice
    }

    /// The choice, and what goes to it.
    pub(crate) fn into_parts(self) -> (usize, Box<dyn Chosen>) {
        (self.choice, self.input)
    }

    /// The first successor, with this input.
    pub fn first(input: T::Input) -> Self
    where
        T: First,
    {
        Self::choose(0, input)
    }

    /// The second successor, with this input.
    pub fn second(input: T::Input) -> Self
    where
        T: Second,
    {
        Self::choose(1, input)
    }

    /// The third successor, with this input.
    pub fn third(input: T::Input) -> Self
    where
        T: Third,
    {
        Self::choose(2, input)
    }

    /// The fourth successor, with this input.
    pub fn fourth(input: T::Input) -> Self
    where
        T: Fourth,
    {
        Self::choose(3, input)
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $trait:ident: $(($($name:ident)+) -> $input:ident),+;)*) => {$(
        $(#[$doc])*
        #[diagnostic::on_unimplemented(
            message = "`Next<{Self}>` has no such successor",
            note = "`Next<(A, B)>` chooses between two; write `Next<(A,)>` for one"
        )]
        pub trait $trait {
            /// What it takes.
            type Input: Output + 'static;
        }

        $(impl<$($name),+> $trait for ($($name,)+) where $input: Output + 'static {
            type Input = $input;
        })+
    )*};
}

choices! {
    /// Inputs of successors, the first among them.
    First: (A) -> A, (A B) -> A, (A B C) -> A, (A B C D) -> A;
    /// Inputs of two successors or more.
    Second: (A B) -> B, (A B C) -> B, (A B C D) -> B;
    /// Inputs of three successors or more.
    Third: (A B C) -> C, (A B C D) -> C;
    /// Inputs of four successors.
    Fourth: (A B C D) -> D;
}
