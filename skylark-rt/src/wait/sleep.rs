//! Time that passes.

use super::Wait;
use crate::target;
use skylark_abi::{call::Outcome, journal::Action};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// A delay, made by [`sleep`].
#[derive(Debug)]
#[must_use = "a delay begins when it is awaited, or by `.start()`"]
pub struct Sleep(Wait);

/// Waits that long. Meanwhile the function holds no instance, and its node may
/// stop and start again.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
/// use std::time::Duration;
///
/// #[skylark::function]
/// async fn remind(what: String) -> String {
///     skylark::sleep(Duration::from_secs(24 * 3600)).await;
///     format!("remember to {what}")
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new(); // whose clock jumps to what is due next
/// let text: String = runtime.run("remind", &"feed the lark")?;
/// assert_eq!(text, "remember to feed the lark");
/// # Ok(())
/// # }
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let mut wait = Wait::new("a delay", Action::Sleep);
    wait.after(duration);
    Sleep(wait)
}

impl Sleep {
    /// Begins now, to be awaited later.
    pub fn start(mut self) -> Self {
        self.0.start();
        self
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll(context).map(|outcome| match outcome {
            Outcome::Ok { .. } => (),
            Outcome::Err(failure) => target::abort(failure),
        })
    }
}
