//! The steps of an exactly-once invocation, without I/O (design: Beldi, OSDI
//! 2020, for the guarantee; here one atomic commit instead of a log entry per
//! operation).
//!
//! A driver (node, native test runtime, a guest over sockets) feeds a [`Task`]
//! and carries out the [`Step`]s it answers with:
//!
//! ```text
//! start ─► Begin ─► begun ─► Run ─► ran ─► Commit ─► committed ─► Done
//!   │                 │       ▲ │   │ ▲                  │
//!   │                 │       │ │   └─┘ go on            │
//!   └── stateless ────┼───────┘ └─ nothing to commit ────┼─────► Done
//!                     ├─ recorded, or still waiting ─────┼─────► Done
//!                     └─◄────────── conflict ◄───────────┘
//! ```
//!
//! Where the successor of what has run is elected to this very node, `ran` may
//! answer with *go on*: it runs in the same instance, and what both did is one
//! commit (fusion; see `task/fuse.rs`).
//!
//! A function that waits ends its stretch with a commit too: what it started goes
//! to the outbox, and a [`Suspension`](crate::journal::Suspension) into the run's
//! bundle. Each answer begins the invocation anew, with that bundle read in the
//! same round trip.

mod collection;
mod outgoing;
mod promise;
mod task;

pub use collection::{Entries, added, end_key, fits, number, whole};
pub use outgoing::refused;
pub use promise::{Completed, Promise};
pub use task::{Apart, Done, Miss, Outgoing, Plan, Started, Task, shared_field};

use crate::{
    call::{CallRequest, CallResponse, Outcome},
    id::InvocationId,
    keys::Bundle,
    run::{Message, RunRecord, RunStatus},
};
use minicbor::{Decode, Encode};
use std::{collections::BTreeMap, time::Duration};

/// Takes a lease on an invocation and reads what it is known to need, in one
/// atomic round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The app.
    pub app: String,
    /// Take a lease and look for a recorded outcome under this id; `None` for
    /// a plain snapshot read.
    pub id: Option<InvocationId>,
    /// The node that asks.
    pub owner: String,
    /// How long the lease lasts.
    pub lease: Duration,
    /// What to read.
    pub reads: Vec<BundleField>,
    /// Whatever comes of it is committed, with all that was read checked: the
    /// store may answer with what a commit under way will have written.
    pub ahead: bool,
}

/// A variable in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct BundleField {
    /// The bundle.
    #[n(0)]
    pub bundle: Bundle,
    /// The variable.
    #[n(1)]
    pub name: String,
}

impl BundleField {
    /// The name of the variable that it is, or a part of.
    pub fn variable(&self) -> &str {
        match &self.bundle {
            Bundle::Part(collection, _) => &collection.name,
            Bundle::App | Bundle::Chain(_) | Bundle::Key(_) => &self.name,
        }
    }
}

/// A variable as read: its version is 0 and its value `None` if it was never
/// written, or is over ([`Commit::ttl`]).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Versioned {
    /// Which one.
    #[n(0)]
    pub field: BundleField,
    /// Grows with every write: by one, if the variable lasts.
    #[n(1)]
    pub version: u64,
    /// Tagged bytes.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub value: Option<Vec<u8>>,
}

/// What begin answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Run: the lease (epoch 0 without an id) and what was read, in the order
    /// asked for.
    Leased {
        /// Number of this lease on the invocation; an older one cannot commit.
        epoch: u64,
        /// The snapshot.
        fields: Vec<Versioned>,
        /// The record of its run, if it is the run's first task and there is one.
        run: Option<Vec<u8>>,
    },
    /// It has been done; run nothing.
    Recorded(Outcome),
    /// The same of the first task of a run, whose record tells what became of it.
    Over {
        /// An encoded [`RunRecord`](crate::run::RunRecord).
        run: Vec<u8>,
    },
    /// Another node's lease has this long to go.
    Busy {
        /// Until then.
        remaining: Duration,
    },
}

/// Makes an invocation's effects visible, all or none, in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The app.
    pub app: String,
    /// Check the epoch, and record the outcome, under this id.
    pub id: Option<InvocationId>,
    /// The lease that [`Begun::Leased`] gave.
    pub epoch: u64,
    /// Versions that must still hold: everything read, and all written but parts of
    /// collections.
    pub checks: Vec<(BundleField, u64)>,
    /// Changed variables only; `None` deletes. In this order: what is appended or
    /// added ([`crate::keys::Part`]) is so to what those before have left.
    pub writes: Vec<(BundleField, Option<Vec<u8>>)>,
    /// Which of the variables written, by name, do not last, and how long they do: see
    /// [`Commit::ttl`].
    pub lasts: BTreeMap<String, Duration>,
    /// What to remember under `id`; without one, the lease is given back. That
    /// a run's first task is over may be said by its run's record instead.
    pub outcome: Option<Outcome>,
    /// What to start, by entry id.
    pub outbox: Vec<OutboxEntry>,
    /// Outbox entries that this commit makes needless: what it was started by.
    pub acks: Vec<String>,
    /// A begin to be answered in the same step, after everything else.
    pub then: Option<Box<Begin>>,
    /// The run's record to keep, if this ends a durable run at its origin.
    pub run: Option<RunWrite>,
    /// How long the outcome is kept.
    pub retention: Duration,
    /// How long the bundle of a run is kept after this write to it.
    pub keep: Duration,
}

impl Commit {
    /// One that does nothing yet, and needs no lease.
    pub fn new(app: impl Into<String>, bounds: &Bounds) -> Self {
        Self {
            app: app.into(),
            id: None,
            epoch: 0,
            checks: Vec::new(),
            writes: Vec::new(),
            lasts: BTreeMap::new(),
            outcome: None,
            outbox: Vec::new(),
            acks: Vec::new(),
            then: None,
            run: None,
            retention: bounds.retention,
            keep: bounds.max_wait,
        }
    }

    /// How long what is written to this field lasts, by the store's clock. After that it
    /// is read as one that was never written, with version 0.
    pub fn ttl(&self, field: &BundleField) -> Option<Duration> {
        match field.bundle {
            // Named by tasks, and kept for `keep`.
            Bundle::Chain(_) => None,
            _ => self.lasts.get(field.variable()).copied(),
        }
    }
}

/// The version that a write makes of a variable that does not last. Once it is over, all
/// that was known of it is forgotten, and yet no version may come again while somebody
/// holds it as read: so it is not before the store's clock, in microseconds, which it
/// takes many writes in one of them to overtake.
pub fn expiring_version(before: u64, now_us: u64) -> u64 {
    before.saturating_add(1).max(now_us)
}

/// The record of a run, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunWrite {
    /// The run.
    pub chain_id: String,
    /// An encoded [`RunRecord`](crate::run::RunRecord).
    pub record: Vec<u8>,
    /// Its place on the list of runs that failed.
    pub listed: Listed,
    /// Whether the run's first task is over, so that its begin answers
    /// [`Begun::Over`].
    pub first_is_over: bool,
    /// How long the record is kept.
    pub lasts: Duration,
}

/// What becomes of a run's place on the list of runs that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Nothing.
    Same,
    /// It failed.
    Enter,
    /// It is tried again.
    Leave,
}

impl OutboxEntry {
    /// A message that is not due before `after`.
    pub fn new(id: &str, message: &Message, after: Duration, bounds: &Bounds) -> Self {
        Self {
            id: id.to_owned(),
            payload: crate::encode(message),
            claim: bounds.claim_of(after),
        }
    }
}

/// A message to be delivered until acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Unique in the app: the id of what it starts.
    pub id: String,
    /// Encoded [`Message`].
    pub payload: Vec<u8>,
    /// Nobody but the committing node delivers it before this long has passed.
    pub claim: Duration,
}

/// What commit answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All of it is visible.
    Done {
        /// The answer to [`Commit::then`].
        begun: Option<Begun>,
    },
    /// Nothing is: this variable has changed since it was read.
    Conflict(BundleField),
    /// Nothing is: a variable of this name was written that is no collection, so that
    /// its part cannot be.
    Unfit(BundleField),
    /// Nothing is: another lease was given, or the outcome is recorded.
    Fenced,
}

/// Bounds that the protocol keeps; every one is an option of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// How long a lease lasts.
    pub lease: Duration,
    /// How long records are kept.
    pub retention: Duration,
    /// How long the committing node alone delivers.
    pub claim: Duration,
    /// Re-runs for version conflicts before the invocation fails.
    pub max_conflicts: u32,
    /// How long an invocation may wait for something.
    pub max_wait: Duration,
    /// What one invocation may start: calls, delays, promises, recorded values,
    /// branches.
    pub max_effects: u32,
    /// Tasks on one path of a run.
    pub max_depth: usize,
    /// Bytes of state that one invocation may write.
    pub max_state: usize,
    /// Entries of collections that one invocation may scan.
    pub max_scan: usize,
    /// Tasks that are executed in one instance, with one commit; 1 fuses none.
    pub max_fused: u32,
}

impl Bounds {
    /// How long the record of a run is kept that has ended, or has not: it must
    /// not be forgotten while something of the run may still wait.
    pub fn keeps(&self, run: &RunRecord) -> Duration {
        match run.status {
            RunStatus::Running => self.max_wait.max(self.retention),
            RunStatus::Succeeded(_) | RunStatus::Failed(_) => self.retention,
        }
    }

    /// How long nobody but the committing node delivers a message that is not
    /// due before `after`. What is due only after [`Bounds::claim`] is left to
    /// whoever looks for it then, so that waiting long needs no memory.
    pub fn claim_of(&self, after: Duration) -> Duration {
        if after > self.claim {
            after
        } else {
            after + self.claim
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            retention: Duration::from_secs(24 * 3600),
            claim: Duration::from_secs(5),
            max_conflicts: 100,
            max_wait: Duration::from_secs(30 * 24 * 3600),
            max_effects: 1000,
            max_depth: 64,
            max_state: 16 << 20,
            max_scan: 1000,
            max_fused: 8,
        }
    }
}

/// What the driver shall do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask the store, then [`Task::begun`].
    Begin(Begin),
    /// Call the guest; while it runs, answer its fetches by [`Task::miss`]. Then
    /// elect a node for each of [`Task::starts`], then [`Task::ran`].
    Run(Box<CallRequest>),
    /// The same, for a task that is fused with the one before it: in the instance
    /// that answered last. A driver that has it no more says so by
    /// [`Task::apart`].
    GoOn(Box<CallRequest>),
    /// As after a call of the guest that answered this.
    Ran(Box<CallResponse>),
    /// Ask the store, then [`Task::committed`].
    Commit(Box<Commit>),
    /// Another attempt holds the lease; wait this long and start again.
    Wait(Duration),
    /// It is over; nothing of this task remains to be done but delivery.
    Done(Box<Done>),
}

/// The variable that a function finds under its own name in the app's bundle.
pub fn app_field(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.to_owned(),
    }
}

/// Where an invocation that waits is kept.
pub fn suspension_field(id: &InvocationId) -> BundleField {
    BundleField {
        bundle: Bundle::Chain(id.chain_id.clone()),
        name: id.task_id.clone(),
    }
}
