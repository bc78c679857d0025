//! The store on this machine's disk: one file, one process, no server.
//!
//! Reads take a snapshot and never wait for writes. Writes go through one
//! thread ([`writer`]), which groups those that wait into one transaction and
//! one sync. Versions are checked there, in order, so nothing locks. Leases are
//! kept in memory ([`lease`]): the process is the store's only user.

mod ahead;
mod entries;
mod file;
mod lasts;
mod layout;
mod lease;
mod snapshot;
mod tables;
mod writer;

use super::{
    ABANDONED, Lane, Room, Store, StoreError, StoreOptions, cancelled,
    clock::Clock,
    kept_run,
    options::{begin_text, blob_text, run_text},
};
use crate::metrics::{STORE_SYNCS, STORE_WRITES};
use ahead::{Ahead, UnderWay};
use async_trait::async_trait;
use file::Directory;
use layout::{Disk, blob_key, cancelled_key, millis, outcome_key, run_key};
use lease::Leases;
use metrics::counter;
use redb::Database;
use skylark_abi::{
    keys,
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, RunWrite, Versioned},
};
use snapshot::Snapshot;
use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tables::Tables;
use tokio::sync::mpsc;
use writer::{Answer, Job};

/// A store in a directory of its own. Dropping it finishes the writes that
/// wait, and closes the file.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    /// `None` only while dropping.
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Option<JoinHandle<()>>,
}

/// What the store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Writes carried out.
    pub writes: u64,
    /// Transactions that they were grouped into.
    pub groups: u64,
    /// Times the disk was waited for.
    pub syncs: u64,
}

/// What readers and the writer share.
#[derive(Debug)]
struct Shared {
    // Before the directory: the file is closed before the lock is let go.
    database: RwLock<Connection>,
    directory: Directory,
    options: StoreOptions,
    clock: Clock,
    leases: Arc<Leases>,
    ahead: Arc<Ahead>,
    writes: AtomicU64,
    groups: AtomicU64,
}

#[derive(Debug)]
enum Connection {
    Open(Arc<Database>),
    /// A write failed. redb refuses to go on with such a database; it is opened
    /// anew once the last reader has let go of it.
    Failed(Option<Arc<Database>>),
}

impl EmbeddedStore {
    /// Opens the store in `directory`, making it if it is not there. Blocks for
    /// as long as the disk takes; after a crash the file is repaired first.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] if another process uses it or another layout wrote
    /// it, [`StoreError::Corrupt`] if the file is damaged,
    /// [`StoreError::Unavailable`] if the disk refuses.
    pub fn open(directory: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let directory = Directory::lock(directory, options)?;
        let database = directory.open()?;
        let boot = layout::boot(&database).map_err(|e| directory.fault(&e))?;
        let shared = Arc::new(Shared {
            database: RwLock::new(Connection::Open(Arc::new(database))),
            directory,
            options: options.clone(),
            clock: Clock::default(),
            leases: Arc::new(Leases::new(boot)),
            ahead: Arc::default(),
            writes: AtomicU64::new(0),
            groups: AtomicU64::new(0),
        });
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let shared = shared.clone();
                move || writer::serve(jobs, |group| shared.write(group))
            });
        let writer = writer.map_err(|e| StoreError::Unavailable {
            store: shared.directory.name().to_owned(),
            why: format!("cannot start its writer: {e}"),
        })?;
        Ok(Self {
            shared,
            queue: Some(queue),
            writer: Some(writer),
        })
    }

    /// What it has done since it was opened.
    pub fn activity(&self) -> Activity {
        Activity {
            writes: self.shared.writes.load(Ordering::Relaxed),
            groups: self.shared.groups.load(Ordering::Relaxed),
            syncs: self.shared.directory.syncs(),
        }
    }

    /// Hands `work` to the writer and waits until it is on the disk.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tables<'_>) -> Disk<T> + Send + 'static,
    {
        let answer = self.queue(work).await?;
        self.answered(answer).await
    }

    async fn answered<T>(&self, answer: Answer<T>) -> Result<T, StoreError> {
        answer.await.unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Hands `work` to the writer; where its answer comes.
    async fn queue<T, F>(&self, work: F) -> Result<Answer<T>, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tables<'_>) -> Disk<T> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or_else(|| self.stopped())?;
        let (job, answer) = writer::job(work);
        let StoreOptions {
            queue: places,
            timeout,
            ..
        } = &self.shared.options;
        match queue.send_timeout(job, *timeout).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(self.shared.directory.unavailable(format!(
                    "{places} writes (option `store-queue`) have waited for the disk for more than {timeout:?} \
                     (option `store-timeout`); it is too slow for this load"
                )));
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(self.stopped()),
        }
        Ok(answer)
    }

    /// Only a panic of the writer stops it.
    fn stopped(&self) -> StoreError {
        self.shared
            .directory
            .unavailable("its writer has stopped; restart the node".into())
    }

    /// The value kept under a key.
    fn kept(
        &self,
        key: (u8, &str, &str, &str),
        what: impl FnOnce() -> String,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Shared { clock, options, .. } = &*self.shared;
        let found = self
            .shared
            .read(|s| s.kept(key, clock.now(), options.max_read))?;
        found
            .transpose()
            .map_err(|size| options.refuse_read(size, &what()))
    }

    fn leases(&self) -> Arc<Leases> {
        self.shared.leases.clone()
    }

    /// Now, and when what is written now expires.
    fn until(&self, retention: Duration) -> (u64, u64) {
        let now = self.shared.clock.now();
        (now, now.saturating_add(millis(retention)))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was reported by every write after it.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// The open database; opens it anew after a failure.
    fn database(&self) -> Result<Arc<Database>, StoreError> {
        if let Connection::Open(database) =
            &*self.database.read().unwrap_or_else(PoisonError::into_inner)
        {
            return Ok(database.clone());
        }
        let mut connection = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let failed = match &mut *connection {
            Connection::Open(database) => return Ok(database.clone()),
            Connection::Failed(failed) => failed,
        };
        match failed.take().map(Arc::try_unwrap) {
            None | Some(Ok(_)) => {}
            Some(Err(in_use)) => {
                *failed = Some(in_use);
                return Err(self.directory.reopening());
            }
        }
        let database = Arc::new(self.directory.open()?);
        *connection = Connection::Open(database.clone());
        Ok(database)
    }

    /// Takes the database out of use after a failed write.
    fn fail(&self, database: Arc<Database>) {
        tracing::warn!(
            store = self.directory.name(),
            "a write failed; the store is opened anew"
        );
        let mut connection = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *connection = Connection::Failed(Some(database));
    }

    /// Reads from a snapshot. It runs where it is called: it waits for no
    /// write, and the pages it needs are nearly always in memory.
    fn read<T>(&self, work: impl FnOnce(&Snapshot) -> Disk<T>) -> Result<T, StoreError> {
        let database = self.database()?;
        Snapshot::take(&database)
            .and_then(|snapshot| work(&snapshot))
            .map_err(|e| self.directory.fault(&e))
    }

    /// Carries out a group of writes in one transaction, all or none.
    fn write(&self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let database = self.database()?;
        let done = transact(&database, group);
        if done.is_err() {
            self.fail(database);
        }
        let written = done.map_err(|e| self.directory.fault(&e))?;
        self.writes.fetch_add(group.len() as u64, Ordering::Relaxed);
        counter!(STORE_WRITES).increment(group.len() as u64);
        counter!(STORE_SYNCS).absolute(self.directory.syncs());
        self.groups.fetch_add(u64::from(written), Ordering::Relaxed);
        Ok(())
    }
}

/// Whether anything was written: a group of mere conflicts costs no sync.
fn transact(database: &Database, group: &mut [Box<dyn Job>]) -> Disk<bool> {
    let transaction = database.begin_write()?;
    let dirty = {
        let mut tables = Tables::open(&transaction)?;
        for job in group {
            job.apply(&mut tables)?;
        }
        tables.dirty
    };
    if dirty {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(dirty)
}

#[async_trait]
impl Store for EmbeddedStore {
    fn describe(&self) -> String {
        self.shared.directory.name().to_owned()
    }

    async fn check(&self) -> Result<(), StoreError> {
        if self.queue.as_ref().is_none_or(mpsc::Sender::is_closed) {
            return Err(self.stopped());
        }
        self.shared.read(|_| Ok(()))
    }

    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError> {
        let Shared {
            clock,
            options,
            leases,
            ..
        } = &*self.shared;
        // The lease comes before the snapshot: what commits in between fences
        // or conflicts, and is never overlooked.
        let key = begin.id.as_ref().map(|id| keys::record(&begin.app, id));
        let lease = key
            .as_ref()
            .map(|key| leases.take(key, &begin.owner, begin.lease));
        // Before the snapshot: what is on the disk by then is in one of them.
        let ahead = if begin.ahead {
            self.shared.ahead.of(&begin.app, &begin.reads)
        } else {
            Vec::new()
        };
        let mut run = None;
        let found = self.shared.read(|snapshot| {
            if let Some(id) = &begin.id {
                let key = outcome_key(&begin.app, &id.chain_id, &id.task_id);
                if let Some(outcome) = snapshot.kept(key, clock.now(), options.max_read)? {
                    return Ok(outcome.map_or_else(Found::TooLarge, Found::Outcome));
                }
                if id.is_first() {
                    let key = run_key(&begin.app, &id.chain_id);
                    match snapshot.kept(key, clock.now(), options.max_read)? {
                        Some(Err(size)) => return Ok(Found::TooLarge(size)),
                        Some(Ok(kept)) => match kept_run::unpack(kept) {
                            (true, run) => return Ok(Found::Over(run)),
                            (false, record) => run = Some(record),
                        },
                        None => {}
                    }
                }
                let key = cancelled_key(&begin.app, &id.chain_id);
                if snapshot.kept(key, clock.now(), 0)?.is_some() {
                    return Ok(Found::Cancelled);
                }
            }
            if let Some(Err(remaining)) = lease {
                return Ok(Found::Busy(remaining));
            }
            let fields =
                snapshot.fields(&begin.app, &begin.reads, clock.now(), options.max_read)?;
            Ok(fields.map_or_else(Found::TooLarge, Found::Fields))
        });
        let epoch = lease.and_then(Result::ok).unwrap_or_default();
        if let Some(key) = key
            && !matches!(found, Ok(Found::Fields(_)))
        {
            leases.release(&key, epoch);
        }
        match found? {
            Found::Fields(mut fields) => {
                ahead::catch_up(&mut fields, ahead);
                Ok(Begun::Leased { epoch, fields, run })
            }
            Found::Over(run) => Ok(Begun::Over { run }),
            Found::Cancelled => Ok(Begun::Recorded(cancelled())),
            Found::Busy(remaining) => Ok(Begun::Busy { remaining }),
            Found::Outcome(bytes) => skylark_abi::decode(&bytes)
                .map(Begun::Recorded)
                .map_err(|e| self.shared.directory.corrupt(&format!("an outcome: {e}"))),
            Found::TooLarge(size) => Err(options.refuse_read(size, &begin_text(begin))),
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.commit_in(Vec::new(), commit).await
    }

    async fn commit_in(&self, lanes: Vec<Lane>, commit: &Commit) -> Result<Committed, StoreError> {
        self.shared.options.admit(commit)?;
        let clock = self.shared.clock;
        let held = commit.id.as_ref().map(|id| keys::record(&commit.app, id));
        // Shown for as long as it is under way; whoever waits for the lanes comes
        // after it in the queue.
        let under_way = if lanes.is_empty() {
            UnderWay::default()
        } else {
            self.shared.ahead.show(commit, clock.now())
        };
        let queued = self.queue({
            let (mut commit, held, leases) = (commit.clone(), held.clone(), self.leases());
            let (ahead, written) = (self.shared.ahead.clone(), under_way.written());
            move |tables| {
                let holds = held
                    .as_ref()
                    .is_none_or(|key| leases.holds(key, commit.epoch));
                if let Err(field) = ahead.settle(&mut commit) {
                    return Ok(Committed::Conflict(field));
                }
                // What follows what is over must be later than it: by the clock as it is
                // in this place of the queue.
                let now = clock.now();
                let committed = tables.commit(&commit, holds, now)?;
                if matches!(committed, Committed::Done { .. }) {
                    written.carried_out(&ahead, &commit, now);
                }
                Ok(committed)
            }
        });
        let answer = queued.await?;
        drop(lanes);
        let committed = self.answered(answer).await?;
        drop(under_way);
        let Committed::Done { .. } = committed else {
            return Ok(committed);
        };
        // Only now, with the outcome on the disk, can begin find it there.
        if let Some(key) = held {
            self.shared.leases.release(&key, commit.epoch);
        }
        // Leases and reads need no disk, so this costs nothing that one step
        // would save. The commit stands, whatever comes of it.
        let begun = match &commit.then {
            Some(begin) => self.begin(begin).await.ok(),
            None => None,
        };
        Ok(Committed::Done { begun })
    }

    async fn accept(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        outbox: Vec<OutboxEntry>,
        retention: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let options = &self.shared.options;
        options.admit_value(run.len(), || run_text(chain_id))?;
        options.admit_outbox(&outbox)?;
        let (app, chain_id) = (app.to_owned(), chain_id.to_owned());
        let times = self.until(retention);
        self.write(move |tables| tables.accept(&app, &chain_id, &run, &outbox, times))
            .await
    }

    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError> {
        let (app, entries) = (app.to_owned(), entries.to_vec());
        self.write(move |tables| tables.acknowledge(&app, &entries))
            .await
    }

    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError> {
        let now = self.shared.clock.now();
        if !self.shared.read(|snapshot| snapshot.any_due(now))? {
            return Ok(Vec::new());
        }
        let max_read = self.shared.options.max_read;
        self.write(move |tables| tables.overdue(Room::new(limit, max_read), claim, now))
            .await
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        self.shared.read(Snapshot::outbox_len)
    }

    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = self.kept(run_key(app, chain_id), || run_text(chain_id))?;
        Ok(kept.map(|kept| kept_run::unpack(kept).1))
    }

    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError> {
        self.shared
            .options
            .admit_value(run.record.len(), || run_text(&run.chain_id))?;
        let app = app.to_owned();
        let times = self.until(run.lasts);
        self.write(move |tables| tables.keep_run(&app, &run, times))
            .await
    }

    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let now = self.shared.clock.now();
        self.shared
            .read(|snapshot| snapshot.failed(app, after, (now, limit)))
    }

    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError> {
        let (app, chain_id) = (app.to_owned(), chain_id.to_owned());
        let (_, expires) = self.until(retention);
        self.write(move |tables| tables.keep(cancelled_key(&app, &chain_id), &[], expires))
            .await
    }

    async fn announce(&self, node: &str, _lasts: Duration) -> Result<Vec<String>, StoreError> {
        // One process, one node.
        Ok(vec![node.to_owned()])
    }

    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError> {
        let room = Room::new(limit, self.shared.options.max_read);
        let now = self.shared.clock.now();
        self.shared
            .read(|snapshot| snapshot.states(app, after, now, room))
    }

    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.shared
            .options
            .admit_value(value.len(), || blob_text(key))?;
        let key = key.to_owned();
        let (_, expires) = self.until(retention);
        self.write(move |tables| tables.keep(blob_key(&key), &value, expires))
            .await
    }

    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.kept(blob_key(key), || blob_text(key))
    }

    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError> {
        let key = key.to_owned();
        let now = self.shared.clock.now();
        self.write(move |tables| tables.forget(blob_key(&key), now))
            .await
    }

    async fn expire(&self, limit: usize) -> Result<usize, StoreError> {
        self.shared.leases.sweep(ABANDONED);
        let now = self.shared.clock.now();
        if !self.shared.read(|snapshot| snapshot.any_expired(now))? {
            return Ok(0);
        }
        self.write(move |tables| tables.expire(limit, now)).await
    }
}

/// What begin finds in its snapshot.
enum Found {
    Outcome(Vec<u8>),
    Over(Vec<u8>),
    Cancelled,
    Busy(Duration),
    Fields(Vec<Versioned>),
    TooLarge(usize),
}
