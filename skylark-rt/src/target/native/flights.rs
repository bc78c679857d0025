//! Deliveries under way, each of which takes one step after the other.

use super::{driver::Host, queue::Item};
use std::{
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// What one thread delivers, in the order in which it began.
#[derive(Default)]
pub(super) struct Flights(Vec<Flight>);

struct Flight {
    /// It is a second copy, and so not in the process that may stop.
    is_copy: bool,
    steps: Pin<Box<dyn Future<Output = ControlFlow<()>>>>,
    _under_way: UnderWay,
}

/// A delivery is over when this is dropped, even by a panic.
struct UnderWay(Arc<Host>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.queue.delivered();
    }
}

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Begins another, without a step of it.
    pub(super) fn begin(&mut self, host: &Arc<Host>, item: Item) {
        self.0.push(Flight {
            _under_way: UnderWay(Arc::clone(host)),
            is_copy: item.copy.is_some(),
            steps: Box::pin(Arc::clone(host).deliver(item)),
        });
    }

    /// Has one take a step: the last, if there are not so many. With a process
    /// that stops, all end that are in it.
    pub(super) fn step(&mut self, nth: usize) {
        let nth = nth.min(self.0.len().saturating_sub(1));
        let Some(flight) = self.0.get_mut(nth) else {
            return;
        };
        // Nothing wakes it: whoever has the turn goes on.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(goes_on) = flight.steps.as_mut().poll(&mut context) {
            self.0.remove(nth);
            if goes_on.is_break() {
                self.0.retain(|flight| flight.is_copy);
            }
        }
    }
}
