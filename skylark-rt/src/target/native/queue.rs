//! Messages on their way, and a clock that moves only when nothing else does.

use super::{driver::lock, store::micros};
use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

/// When a runtime's clock begins: 2026-01-01, in microseconds since the Unix
/// epoch.
const BEGINNING: u64 = 1_767_225_600_000_000;

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Deliver this, then [`Queue::delivered`].
    Deliver(Item),
    /// Nothing is on its way.
    Idle,
    /// What was asked for has come true.
    Enough,
}

/// A message on its way: an entry of the store's outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) entry: String,
    /// What it says, if it is a second copy: the first may be acknowledged.
    pub(super) copy: Option<Vec<u8>>,
}

/// One runtime's messages. What it forgets, the store's outbox still has.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    moved: Condvar,
}

#[derive(Debug)]
struct Inner {
    now_us: u64,
    /// Entries by when they are due, and in which order they came.
    due: BTreeMap<(u64, u64), Item>,
    pushed: u64,
    /// How many are being delivered, by any thread.
    under_way: usize,
}

/// When it is due, its number if it is on its way, and what it is.
type Due = (u64, Option<u64>, Item);

impl Inner {
    /// What is due first: on its way, or `claimed` in the store's outbox.
    fn soonest(&self, claimed: Option<(u64, String)>) -> Option<Due> {
        let first = self.due.first_key_value();
        let first = first.map(|((due, number), item)| (*due, Some(*number), item.clone()));
        let claim = claimed.map(|(due, entry)| (due, None, Item { entry, copy: None }));
        match (first, claim) {
            (Some(first), Some(claim)) if claim.0 < first.0 => Some(claim),
            (first, claim) => first.or(claim),
        }
    }

    fn take(&mut self, due: u64, number: Option<u64>, item: Item) -> Item {
        self.now_us = self.now_us.max(due);
        if let Some(number) = number {
            self.due.remove(&(due, number));
        }
        self.under_way += 1;
        item
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                now_us: BEGINNING,
                due: BTreeMap::new(),
                pushed: 0,
                under_way: 0,
            }),
            moved: Condvar::new(),
        }
    }
}

impl Queue {
    /// Microseconds since the Unix epoch.
    pub(super) fn now(&self) -> u64 {
        lock(&self.inner).now_us
    }

    /// Puts the clock forward.
    pub(super) fn pass(&self, time: Duration) {
        let mut inner = lock(&self.inner);
        inner.now_us = inner.now_us.saturating_add(micros(time));
    }

    /// Sends an entry on its way.
    pub(super) fn push(&self, entry: String, after: Duration) {
        self.push_item(Item { entry, copy: None }, after);
    }

    /// Sends an item on its way.
    pub(super) fn push_item(&self, item: Item, after: Duration) {
        let mut inner = lock(&self.inner);
        let due = inner.now_us.saturating_add(micros(after));
        let number = inner.pushed;
        inner.pushed += 1;
        inner.due.insert((due, number), item);
        self.moved.notify_all();
    }

    /// Forgets everything but second copies, which are not in this process.
    pub(super) fn clear(&self) {
        lock(&self.inner).due.retain(|_, item| item.copy.is_some());
    }

    /// What is to be delivered next; waits while another thread delivers
    /// something that may lead to more. When nothing is due, the clock jumps to
    /// what is due first: on its way, or `claimed` in the store's outbox.
    pub(super) fn next(
        &self,
        claimed: impl Fn() -> Option<(u64, String)>,
        enough: impl Fn() -> bool,
    ) -> Next {
        let mut inner = lock(&self.inner);
        loop {
            if enough() {
                return Next::Enough;
            }
            let soonest = inner.soonest(claimed());
            let due = soonest.as_ref().map(|s| s.0);
            if due.is_some_and(|due| due <= inner.now_us) || inner.under_way == 0 {
                let Some((due, number, item)) = soonest else {
                    return Next::Idle;
                };
                return Next::Deliver(inner.take(due, number, item));
            }
            inner = self
                .moved
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is due now, if anything is: as [`Queue::next`], but it does not wait
    /// and moves no clock. To be followed by [`Queue::delivered`].
    pub(super) fn due(&self, claimed: impl Fn() -> Option<(u64, String)>) -> Option<Item> {
        let mut inner = lock(&self.inner);
        let (due, number, item) = inner.soonest(claimed())?;
        (due <= inner.now_us).then(|| inner.take(due, number, item))
    }

    /// After [`Next::Deliver`].
    pub(super) fn delivered(&self) {
        lock(&self.inner).under_way -= 1;
        self.moved.notify_all();
    }
}
