//! Who is let in: a bound on what is in flight, and none at all at the end.

use crate::node::NodeError;
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::Notify;

/// When a refused caller may try again.
const RETRY: Duration = Duration::from_secs(1);

/// Counts what is in flight and refuses what is too much. Nothing waits here:
/// a queue would only make everybody late.
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    in_flight: AtomicUsize,
    draining: AtomicBool,
    idle: Notify,
}

/// One admitted request; it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Admitted<'a>(&'a Admission);

impl Admission {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            idle: Notify::new(),
        }
    }

    /// Lets one in, or says why not.
    pub(super) fn admit(&self) -> Result<Admitted<'_>, NodeError> {
        // Counted first and checked after, so that `drained` cannot miss one
        // that came in between.
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        let admitted = Admitted(self);
        if self.draining.load(Ordering::SeqCst) {
            return Err(NodeError::Draining);
        }
        if before >= self.limit {
            return Err(NodeError::Overloaded {
                limit: self.limit,
                retry_after: RETRY,
            });
        }
        Ok(admitted)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Lets nobody in any more.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Waits until all have left.
    pub(super) async fn drained(&self) {
        loop {
            let left = self.idle.notified();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.0.is_draining() {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_more_than_the_limit_is_refused_and_leaving_makes_room() {
        let admission = Admission::new(2);
        let first = admission.admit().unwrap();
        let _second = admission.admit().unwrap();
        assert!(matches!(
            admission.admit(),
            Err(NodeError::Overloaded { limit: 2, .. })
        ));
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[tokio::test]
    async fn draining_refuses_all_and_ends_when_the_last_has_left() {
        let admission = Admission::new(2);
        let last = admission.admit().unwrap();
        admission.drain();
        assert!(matches!(admission.admit(), Err(NodeError::Draining)));
        let mut drained = std::pin::pin!(admission.drained());
        assert!(futures::poll!(drained.as_mut()).is_pending());
        drop(last);
        drained.await;
    }
}
