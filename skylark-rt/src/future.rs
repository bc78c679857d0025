//! Runs the future of an `async` handler to its end.

use crate::target;
use skylark_abi::call::{Failure, FailureKind};
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

/// Polls `future` until it is ready.
///
/// There is no other task and no event source beside it: a future that is
/// pending without having woken itself would stay so for ever, and ends the
/// call with a failure that says so.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Arc::clone(&woken).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if !woken.0.swap(false, Ordering::Acquire) {
            target::abort(Failure::new(
                FailureKind::Trap,
                "the function awaits something that nothing will ever complete: a Skylark function has \
                 no threads, timers or sockets that could wake it; await only what is ready or wakes itself",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::native::guarded;
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
        assert_eq!(block_on(yielding), "done");
    }

    #[test]
    fn a_future_that_nothing_wakes_is_a_failure() {
        let failure = guarded(|| block_on(future::pending::<()>())).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Trap);
        assert!(failure.message.contains("awaits"), "{failure}");
    }
}
