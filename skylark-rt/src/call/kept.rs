//! A value that stays in the instance as it is, for the next call there: the input
//! of a successor that is fused with its predecessor.

use std::any::Any;

/// A value for the next call, as one argument or as several.
#[derive(Debug)]
pub(crate) struct Kept {
    value: Box<dyn Any>,
    elements: Option<TakeApart>,
}

/// Makes the elements of a tuple of it.
type TakeApart = fn(Box<dyn Any>) -> Vec<Option<Box<dyn Any>>>;

impl Kept {
    /// As one argument.
    pub(crate) fn new<T: 'static>(value: T) -> Self {
        Self::of(Box::new(value))
    }

    /// The same of what is boxed already.
    pub(crate) fn of(value: Box<dyn Any>) -> Self {
        Self {
            value,
            elements: None,
        }
    }

    /// As one argument, or as one for each element of the tuple.
    pub(crate) fn elements<T: Elements>(value: T) -> Self {
        Self {
            value: Box::new(value),
            elements: Some(|value| {
                value
                    .downcast::<T>()
                    .map_or_else(|_| Vec::new(), |v| v.boxed())
            }),
        }
    }

    /// The values of so many arguments; too few if it is not made of as many.
    pub(crate) fn arguments(self, count: usize) -> Vec<Option<Box<dyn Any>>> {
        match (count, self.elements) {
            (0 | 1, _) => vec![Some(self.value)],
            (_, Some(elements)) => elements(self.value),
            (_, None) => Vec::new(),
        }
    }
}

/// A tuple that a function yields, whose elements its successor may take as several
/// arguments.
pub trait Elements: 'static {
    /// Its elements, each for an argument.
    fn boxed(self) -> Vec<Option<Box<dyn Any>>>;
}

macro_rules! elements {
    ($($($name:ident)+;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: 'static),+> Elements for ($($name,)+) {
            fn boxed(self) -> Vec<Option<Box<dyn Any>>> {
                #[allow(non_snake_case)]
                let ($($name,)+) = self;
                vec![$(Some(Box::new($name) as Box<dyn Any>)),+]
            }
        }
    )*};
}

elements! {
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}
