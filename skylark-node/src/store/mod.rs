//! Where state, invocation records and outboxes are kept.
//!
//! One trait, [`Store`], with three implementations that pass one conformance
//! suite (`tests/stores.rs`): [`memory`] for tests, [`embedded`] on this
//! machine's disk, [`redis`] for nodes that share their state. A begin and a
//! commit are one atomic round trip each, whatever they touch.

mod clock;
pub mod embedded;
mod error;
mod kept_run;
pub mod memory;
mod options;
pub mod redis;
mod target;

pub use error::StoreError;
pub use options::{StoreOptions, SyncPolicy};

use async_trait::async_trait;
use skylark_abi::{
    call::{Failure, FailureKind, Outcome},
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, RunWrite, Versioned},
};
use std::{sync::Arc, time::Duration};

/// Held by who is about to write a variable, so that others wait.
pub type Lane = tokio::sync::OwnedMutexGuard<()>;

/// A key-value store with the atomic steps that exactly-once needs.
///
/// Every method may fail with [`StoreError::Unavailable`]; after that it is
/// unknown whether a write took effect, and a new [`Store::begin`] of the
/// invocation tells. Leases, claims and retention go by the store's clock.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// What and where it is, for people: `redis at 127.0.0.1:6379`. Never a
    /// secret.
    fn describe(&self) -> String;

    /// Whether it can serve now, and is fit to.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unfit`].
    async fn check(&self) -> Result<(), StoreError>;

    /// Takes a lease (if the invocation has an id) and reads a snapshot, in one
    /// atomic step.
    ///
    /// - A recorded outcome is returned, and nothing is read; so is the record of
    ///   a run whose first task this is, if it says that it is over.
    /// - A live lease of another owner makes it [`Begun::Busy`]. An owner may
    ///   take its own lease anew: it restarts after a crash.
    /// - Otherwise the invocation gets a new epoch, larger than any before it.
    ///   Epochs are not reused, even after the record has expired.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if the snapshot exceeds
    /// [`StoreOptions::max_read`]; no lease is taken then.
    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError>;

    /// Makes all effects of an invocation visible, or none.
    ///
    /// - With an id: the epoch must be the record's and no outcome recorded,
    ///   else [`Committed::Fenced`].
    /// - Every checked version must hold, else [`Committed::Conflict`] with the
    ///   first that does not.
    /// - Each write takes its variable's version one up. A deleted variable
    ///   keeps its version, so that a reader of an old value still conflicts;
    ///   in a run's bundle it leaves nothing.
    /// - What is written with a [`Commit::ttl`] is over that long after: from then on
    ///   its version is 0 and its value none, to reads and to checks. Its version is
    ///   [`expiring_version`](skylark_abi::protocol::expiring_version), but for an
    ///   entry, which has that of its collection. A write without one ends this.
    /// - Without an outcome the lease is given back, and its epoch is spent.
    /// - `then` is begun after all that, in the same step.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if a value exceeds [`StoreOptions::max_value`];
    /// nothing is written then.
    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError>;

    /// The same, and lets go of `lanes` as soon as a begin that is
    /// [`ahead`](Begin::ahead) sees what it writes: those that wait for them need
    /// not wait until it is durable.
    ///
    /// # Errors
    /// As [`Store::commit`].
    async fn commit_in(&self, lanes: Vec<Lane>, commit: &Commit) -> Result<Committed, StoreError> {
        let committed = self.commit(commit).await;
        drop(lanes);
        committed
    }

    /// Accepts an asynchronous run: its record and its first outbox entries,
    /// atomically. If a run of that id is recorded, nothing is written and its
    /// record returned.
    ///
    /// # Errors
    /// As [`Store::commit`].
    async fn accept(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        outbox: Vec<OutboxEntry>,
        retention: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Forgets outbox entries that were delivered. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError>;

    /// Outbox entries of all apps whose claim has passed, at most `limit`. Each
    /// is claimed anew for `claim`, so that one caller gets it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError>;

    /// How many messages the outboxes of all apps hold, claimed or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn outbox_len(&self) -> Result<u64, StoreError>;

    /// The record of a run.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it exceeds [`StoreOptions::max_read`].
    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes the record of a run.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it exceeds [`StoreOptions::max_value`].
    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError>;

    /// Ids of runs whose record says that they failed, after `after`, at most
    /// `limit`, in an order that stays; only an empty page is the end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// From now on every [`Store::begin`] of this run's invocations answers that
    /// it is cancelled, unless its outcome is recorded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError>;

    /// Says that `node` uses this store, for as long as `lasts`, and names all
    /// nodes that do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn announce(&self, node: &str, lasts: Duration) -> Result<Vec<String>, StoreError>;

    /// A page of the app's variables that have a value, ordered by bundle and
    /// name, strictly after `after`. A page ends at `limit` variables or at
    /// [`StoreOptions::max_read`] bytes, whichever is first, so it may be
    /// short; only an empty page is the end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError>;

    /// Keeps a value under a key of the caller's (`chain:node:task`).
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it exceeds [`StoreOptions::max_value`].
    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError>;

    /// What [`Store::put_blob`] kept.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it exceeds [`StoreOptions::max_read`].
    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes it; tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError>;

    /// Removes at most `limit` records past their retention, and variables and entries
    /// past their [`Commit::ttl`], and tells how many there were. What a store expires
    /// by itself is not counted. What is past its time is never returned, swept or
    /// not; only the number of a collection's entries counts it until it is swept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn expire(&self, limit: usize) -> Result<usize, StoreError>;
}

/// Opens the store that `url` names:
///
/// | url | store |
/// | --- | --- |
/// | `memory` | in this process, gone when it ends |
/// | `embedded:DIRECTORY` | on this machine's disk; the directory is made if it is missing |
/// | `redis://[user:password@]host[:port][/db]`, `unix://PATH` | a Redis server, 7 or later; connected to at first use |
///
/// # Errors
/// [`StoreError::Url`] for anything else; for the embedded store also
/// [`StoreError::Unfit`] (in use, another layout), [`StoreError::Corrupt`] and
/// [`StoreError::Unavailable`] (the disk refuses).
pub fn open(url: &str, options: &StoreOptions) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match target::parse(url)? {
        target::Target::Memory => Arc::new(memory::MemoryStore::new(options)),
        target::Target::Embedded(directory) => {
            Arc::new(embedded::EmbeddedStore::open(&directory, options)?)
        }
        target::Target::Redis(url) => Arc::new(redis::RedisStore::new(&url, options)?),
    })
}

/// How long a record is remembered after its lease has passed with nobody
/// taking it over; a commit that comes later is fenced.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The outcome of whatever belongs to a cancelled run.
fn cancelled() -> Outcome {
    Outcome::Err(Failure::new(
        FailureKind::Cancelled,
        "the run was cancelled",
    ))
}

/// What may still go into one answer. The first item always may: it was within
/// the limit when it was written.
struct Room {
    items: usize,
    bytes: usize,
    empty: bool,
}

impl Room {
    fn new(items: usize, bytes: usize) -> Self {
        Self {
            items,
            bytes,
            empty: true,
        }
    }

    /// Whether an item of this size goes in.
    fn take(&mut self, size: usize) -> bool {
        if self.items == 0 || (size > self.bytes && !self.empty) {
            return false;
        }
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(size);
        self.empty = false;
        true
    }
}
