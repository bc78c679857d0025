//! Runs the future of an `async` handler from wait to wait.

use crate::{
    journal::{self, Turn},
    state::{self, Collected},
    target,
};
use skylark_abi::call::Failure;
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
};

/// Whether the future asked to be polled again.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// What came of a future.
#[derive(Debug)]
pub(crate) enum Driven<T> {
    /// It is over.
    Ended(T),
    /// It waits for so many arrivals; until then, this is what became of the
    /// shared state.
    Waits(Collected, u32),
}

/// Polls `future` until it is over or waits for something that is yet to come.
/// What it waited for before arrives as it did then, stretch by stretch.
///
/// There is no other task and no event source beside it: a future that is
/// pending without having woken itself, and waits for nothing of ours, would
/// stay so for ever, and ends the call with a failure that says so.
pub(crate) fn drive<F: Future>(future: F) -> Driven<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Driven::Ended(output);
        }
        if woken.0.swap(false, Ordering::Acquire) {
            continue;
        }
        match cut() {
            Ok(None) => woken.0.store(false, Ordering::Release),
            Ok(Some((collected, need))) => return Driven::Waits(collected, need),
            Err(failure) => target::abort(failure),
        }
    }
}

/// Waits for `future` deep in code that is not `async`. If what it waits for is yet
/// to come, the stretch ends here: the execution is left as a whole, and when the
/// answer is there, another one comes by here again and gets it.
#[cfg(feature = "thrift")]
pub(crate) fn block<F: Future>(what: &str, future: F) -> F::Output {
    let may = journal::check_wait(what).and_then(|()| state::check_wait(what));
    if let Err(failure) = may {
        target::abort(failure);
    }
    match drive(future) {
        Driven::Ended(output) => output,
        Driven::Waits(collected, need) => target::suspend(crate::call::waits(collected, need)),
    }
}

/// Ends a stretch; what to report if it is the last so far.
fn cut() -> Result<Option<(Collected, u32)>, Failure> {
    // What is replayed was reported when it was first executed.
    let replayed = journal::replays();
    let turn = journal::turn()?;
    let collected = state::cut(replayed)?;
    match turn {
        Turn::On(reads) => {
            state::resume(reads);
            Ok(None)
        }
        Turn::Waits(need) => Ok(Some((collected, need))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::native::guarded;
    use skylark_abi::call::FailureKind;
    use std::future;

    #[test]
    fn futures_that_wake_themselves_are_finished() {
        let mut left = 3;
        let yielding = future::poll_fn(move |context| {
            if left == 0 {
                return Poll::Ready("done");
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        });
        assert!(matches!(drive(yielding), Driven::Ended("done")));
    }

    #[test]
    fn a_future_that_nothing_wakes_is_a_failure() {
        let failure = guarded(|| drive(future::pending::<()>())).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Trap);
        assert!(failure.message.contains("awaits"), "{failure}");
    }
}
