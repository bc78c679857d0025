//! Whether a function takes what its predecessor yields.

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

macro_rules! spread {
    ($($arg:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<F, R $(, $arg)*> Follows<($($arg,)*), Spread> for F where F: Fn($($arg),*) -> R {}
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
