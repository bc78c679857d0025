//! Several at once.

use super::{Call, Promise, Sleep, http::Request};
use crate::journal;
use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

/// A future of a join, or what it came to.
pub struct Branch<F: Future> {
    future: Option<Pin<Box<F>>>,
    output: Option<F::Output>,
}

impl<F: Future> std::fmt::Debug for Branch<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Branch")
    }
}

impl<F: Future> Unpin for Branch<F> {}

/// A branch of this future.
pub fn branch<F: IntoFuture>(future: F) -> Branch<F::IntoFuture> {
    Branch {
        future: Some(Box::pin(future.into_future())),
        output: None,
    }
}

/// Whether a future is nothing but a wait: then nothing of the function runs
/// when it ends. It is told by its type's name; not to know one costs an
/// execution, and nothing else.
fn only_waits<F>() -> bool {
    fn bare<T>() -> &'static str {
        let name = std::any::type_name::<T>();
        name.split('<').next().unwrap_or(name)
    }
    let waits = [
        bare::<Call<()>>(),
        bare::<Promise<()>>(),
        bare::<Sleep>(),
        bare::<Request>(),
    ];
    waits.contains(&bare::<F>())
}

impl<F: Future> Branch<F> {
    /// Whether it is over.
    fn poll(&mut self, join: u32, context: &mut Context<'_>) -> bool {
        if let Some(future) = &mut self.future {
            let join = only_waits::<F>().then_some(join);
            match journal::branch(join, || future.as_mut().poll(context)) {
                Poll::Pending => return false,
                Poll::Ready(output) => {
                    self.output = Some(output);
                    self.future = None;
                }
            }
        }
        true
    }
}

/// All of several futures.
#[derive(Debug)]
#[must_use = "nothing happens before it is awaited"]
pub struct Join<B> {
    branches: B,
    number: Option<u32>,
}

/// All of these branches.
pub fn join<B>(branches: B) -> Join<B> {
    Join {
        branches,
        number: None,
    }
}

impl<B> Join<B> {
    fn number(&mut self) -> u32 {
        *self.number.get_or_insert_with(journal::new_join)
    }
}

/// All of any number of futures of one type.
pub type JoinAll<F> = Join<Vec<Branch<F>>>;

/// Awaits all futures, at once; the results are in their order.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
///
/// #[skylark::function]
/// fn square(x: u32) -> u32 {
///     x * x
/// }
///
/// #[skylark::function]
/// async fn sum(numbers: Vec<u32>) -> Result<u32, Failure> {
///     let calls = numbers.into_iter().map(|n| skylark::call!(square(n)));
///     skylark::join_all(calls).await.into_iter().sum()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// assert_eq!(Runtime::new().run::<u32>("sum", &[1, 2, 3])?, 14);
/// # Ok(())
/// # }
/// ```
pub fn join_all<I>(futures: I) -> JoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    join(futures.into_iter().map(branch).collect())
}

impl<F: Future> Future for Join<Vec<Branch<F>>> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let number = self.number();
        let mut over = true;
        for branch in &mut self.branches {
            over &= branch.poll(number, context);
        }
        if !over {
            return Poll::Pending;
        }
        let outputs = self.branches.iter_mut().map(|b| b.output.take());
        match outputs.collect::<Option<Vec<_>>>() {
            Some(outputs) => Poll::Ready(outputs),
            // It was polled past its end.
            None => Poll::Pending,
        }
    }
}

macro_rules! joins {
    ($(($($name:ident $field:tt)+))*) => {$(
        impl<$($name: Future),+> Future for Join<($(Branch<$name>,)+)> {
            type Output = ($($name::Output,)+);

            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                let number = self.number();
                let mut over = true;
                $(over &= self.branches.$field.poll(number, context);)+
                if !over {
                    return Poll::Pending;
                }
                match ($(self.branches.$field.output.take(),)+) {
                    #[allow(non_snake_case)]
                    ($(Some($name),)+) => Poll::Ready(($($name,)+)),
                    _ => Poll::Pending,
                }
            }
        }
    )*};
}

joins! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
}

/// Awaits several futures at once, twelve at most; the results are a tuple in
/// their order. ([`join_all`](crate::join_all) takes any number of one type.)
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
///
/// #[skylark::function]
/// fn hotel(city: String) -> Result<u32, String> {
///     Ok(city.len() as u32 * 10)
/// }
///
/// #[skylark::function]
/// async fn flight(city: String) -> u32 {
///     city.len() as u32 * 50
/// }
///
/// #[skylark::function]
/// async fn travel(city: String) -> Result<u32, Failure> {
///     let hotel = skylark::call!(hotel(city.clone()));
///     let flight = skylark::call!(flight(city));
///     let (hotel, flight) = skylark::join!(hotel, flight).await;
///     Ok(hotel? + flight?)
/// }
///
/// # fn main() -> Result<(), Failure> {
/// assert_eq!(Runtime::new().run::<u32>("travel", &"Oslo")?, 240);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! join {
    ($($future:expr),+ $(,)?) => {
        $crate::__private::join(($($crate::__private::branch($future),)+))
    };
}
