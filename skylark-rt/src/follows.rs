//! Whether a function takes what its predecessor yields.

use std::marker::PhantomData;

/// A function that may follow one that yields `Output`: it takes the output
/// whole, or an output that is a tuple spread over its arguments.
#[diagnostic::on_unimplemented(
    message = "the successor does not take what this function yields (`{Output}`)",
    label = "does not take `{Output}`",
    note = "a successor takes the output as its one argument, or one argument per element of a tuple"
)]
pub trait Follows<Output, Shape> {}

/// The output is the one argument.
#[derive(Debug)]
pub struct Whole;

/// The elements of the output (none, or two and more) are the arguments.
#[derive(Debug)]
pub struct Spread;

/// Accepts only successors of a function that yields `Output`.
pub fn follows<Output, F, Shape>(_: F)
where
    F: Follows<Output, Shape>,
{
}

impl<F, A, R> Follows<A, Whole> for F where F: Fn(A) -> R {}

/// Of a method with `&self`, what this is of its arguments.
#[derive(Debug)]
pub struct OfShared<S, Shape>(PhantomData<(S, Shape)>);

/// Of a method with `&mut self`, what this is of its arguments.
#[derive(Debug)]
pub struct OfExclusive<S, Shape>(PhantomData<(S, Shape)>);

#[diagnostic::do_not_recommend]
impl<F, S, A, R> Follows<A, OfShared<S, Whole>> for F where F: Fn(&S, A) -> R {}
#[diagnostic::do_not_recommend]
impl<F, S, A, R> Follows<A, OfExclusive<S, Whole>> for F where F: Fn(&mut S, A) -> R {}

macro_rules! spread {
    ($($arg:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<F, R $(, $arg)*> Follows<($($arg,)*), Spread> for F where F: Fn($($arg),*) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R $(, $arg)*> Follows<($($arg,)*), OfShared<S, Spread>> for F where F: Fn(&S, $($arg),*) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R $(, $arg)*> Follows<($($arg,)*), OfExclusive<S, Spread>> for F where F: Fn(&mut S, $($arg),*) -> R {}
    };
}

spread!();
spread!(A B);
spread!(A B C);
spread!(A B C D);
spread!(A B C D E);
spread!(A B C D E G);
spread!(A B C D E G H);
spread!(A B C D E G H I);
spread!(A B C D E G H I J);
spread!(A B C D E G H I J K);
spread!(A B C D E G H I J K L);
spread!(A B C D E G H I J K L M);

/// A function that takes the results of several branches, `Results`: one argument
/// for each, all of them as one tuple, or a `Vec` of them.
#[diagnostic::on_unimplemented(
    message = "the function to join the branches does not take their results",
    label = "does not take as many results as there are branches",
    note = "it takes one argument per branch, or a tuple or a `Vec` of their results"
)]
pub trait Gathers<Results, Shape> {}

/// The results are in a `Vec`.
#[derive(Debug)]
pub struct Listed;

/// Accepts only functions that join so many branches.
pub fn gathers<Results, F, Shape>(_: F)
where
    F: Gathers<Results, Shape>,
{
}

macro_rules! gathers {
    ($same:ident; $($arg:ident)*; $($each:tt)*) => {
        #[diagnostic::do_not_recommend]
        impl<F, R $(, $arg)*> Gathers<($($arg,)*), Spread> for F where F: Fn($($arg),*) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R $(, $arg)*> Gathers<($($arg,)*), OfShared<S, Spread>> for F where F: Fn(&S, $($arg),*) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R $(, $arg)*> Gathers<($($arg,)*), OfExclusive<S, Spread>> for F where F: Fn(&mut S, $($arg),*) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, R $(, $arg)*> Gathers<($($arg,)*), Whole> for F where F: Fn(($($arg,)*)) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, R, $same> Gathers<($($each)*), Listed> for F where F: Fn(Vec<$same>) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R, $same> Gathers<($($each)*), OfShared<S, Listed>> for F where F: Fn(&S, Vec<$same>) -> R {}
        #[diagnostic::do_not_recommend]
        impl<F, S, R, $same> Gathers<($($each)*), OfExclusive<S, Listed>> for F where F: Fn(&mut S, Vec<$same>) -> R {}
    };
}

gathers!(T; A B; T, T,);
gathers!(T; A B C; T, T, T,);
gathers!(T; A B C D; T, T, T, T,);
gathers!(T; A B C D E; T, T, T, T, T,);
gathers!(T; A B C D E G; T, T, T, T, T, T,);
gathers!(T; A B C D E G H; T, T, T, T, T, T, T,);
gathers!(T; A B C D E G H I; T, T, T, T, T, T, T, T,);
gathers!(T; A B C D E G H I J; T, T, T, T, T, T, T, T, T,);
gathers!(T; A B C D E G H I J K; T, T, T, T, T, T, T, T, T, T,);
gathers!(T; A B C D E G H I J K L; T, T, T, T, T, T, T, T, T, T, T,);
gathers!(T; A B C D E G H I J K L M; T, T, T, T, T, T, T, T, T, T, T, T,);
