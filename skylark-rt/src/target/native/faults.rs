//! The seam at which a simulation goes wrong on purpose.

use skylark_abi::{
    id::InvocationId,
    protocol::{Begin, Commit},
    run::Message,
};
use std::time::Duration;

/// A place where a process may stop, or the world may be slow. Whatever a
/// [`super::Runtime`] does to its store, to messages and to servers outside goes
/// through one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Point<'a> {
    /// The store answers a begin, or a plain read where it has no id.
    Begin(&'a Begin),
    /// The store carries out a commit.
    Commit(&'a Commit),
    /// A function is executed.
    Run(&'a InvocationId),
    /// A message is delivered: before it is looked at, after all that it causes
    /// has been committed.
    Deliver(&'a str, &'a Message),
    /// A server outside is asked.
    Ask(&'a str),
    /// The store forgets a delivered message.
    Acknowledge(&'a str),
    /// The store notes the end of a run.
    Complete(&'a str),
}

/// What happens at a [`Point`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// What should.
    #[default]
    None,
    /// The process stops there, and another goes on with what the store has:
    /// nothing else is left. Messages that it had are delivered again when its
    /// claim on them has passed.
    Crash,
    /// Before [`Point::Deliver`]: the message comes this much later. Elsewhere
    /// the clock is put forward, as by a store that is slow.
    Delay(Duration),
    /// Before [`Point::Deliver`]: the message comes now, and this much later
    /// again, but not a third time. Elsewhere nothing happens.
    Twice(Duration),
}

/// Decides what goes wrong. It is asked by one thread at a time, in an order
/// that depends on nothing but its own answers and what the functions do, so
/// that one which draws from a seeded generator makes the same schedule for the
/// same seed.
pub trait Faults: Send + Sync {
    /// What happens just before this.
    fn before(&self, _point: &Point<'_>) -> Fault {
        Fault::None
    }

    /// What happens just after this.
    fn after(&self, _point: &Point<'_>) -> Fault {
        Fault::None
    }

    /// Which of so many deliveries takes its next step: what it does until the
    /// store is asked again, a function is executed, or its message is
    /// acknowledged. Their number itself is for another delivery, if any is due;
    /// the last is then the newest.
    ///
    /// Each is carried out to its end before the next begins, unless this says
    /// otherwise.
    fn turn(&self, _under_way: usize) -> usize {
        0
    }
}

/// Nothing goes wrong.
#[derive(Debug)]
pub(super) struct Calm;

impl Faults for Calm {}
