//! The layout of the database, and every operation on it.

use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, Table, TableDefinition, TableError, WriteTransaction,
};
use skylark_abi::{
    call::Outcome,
    keys::{Bundle, Collection, Part},
    protocol::{
        BundleField, Commit, Committed, Listed, OutboxEntry, RunWrite, Versioned, added,
        expiring_version,
    },
};

use super::super::{Room, kept_run};
use super::{
    entries::{self, EntryKey, EntryValue, Writing},
    lasts::{self, Alive, Lasting, of_variable},
};

/// Grows with every change of the tables below that an older build would read
/// wrongly.
pub(super) const LAYOUT: u64 = 4;
/// The oldest that has all of its tables as they are now, and only lacks some.
pub(super) const OLDEST_LAYOUT: u64 = 3;

/// `layout`, and `boot`: how often the store was opened.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// App, bundle (kind and id) and name to version and value.
const STATE: TableDefinition<'_, StateKey<'_>, StateValue<'_>> = TableDefinition::new("state");
/// The entries of collections: see [`entries`].
const ENTRIES: TableDefinition<'_, EntryKey<'_>, EntryValue<'_>> = TableDefinition::new("entries");
/// What expires ([`OUTCOME`] and so on): to the time they expire, and their bytes.
const KEPT: TableDefinition<'_, KeptKey<'_>, (u64, &[u8])> = TableDefinition::new("kept");
/// The keys of `kept` by the time they expire.
const EXPIRY: TableDefinition<'_, (u64, KeptKey<'_>), ()> = TableDefinition::new("expiry");
/// App and entry to the time it is due, and its payload.
const OUTBOX: TableDefinition<'_, (&str, &str), (u64, &[u8])> = TableDefinition::new("outbox");
/// The keys of `outbox` by the time they are due.
const DUE: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("due");

pub(super) type StateKey<'a> = (&'a str, u8, &'a str, &'a str);
pub(super) type StateValue<'a> = (u64, Option<&'a [u8]>);
/// Kind, and up to three parts of a name.
type KeptKey<'a> = (u8, &'a str, &'a str, &'a str);
/// Results of a database operation.
pub(super) type Disk<T> = Result<T, redb::Error>;

const OUTCOME: u8 = 0;
const RUN: u8 = 1;
const BLOB: u8 = 2;
/// A variable of a run's bundle; its version (8 bytes, little endian) comes
/// before its value.
const OF_RUN: u8 = 3;
/// A run that failed; no value.
const FAILED: u8 = 4;
/// A run that was cancelled; no value.
const CANCELLED: u8 = 5;

/// The key of an invocation's outcome.
pub(super) fn outcome_key<'a>(app: &'a str, chain_id: &'a str, task_id: &'a str) -> KeptKey<'a> {
    (OUTCOME, app, chain_id, task_id)
}

/// The key of a run's record.
pub(super) fn run_key<'a>(app: &'a str, chain_id: &'a str) -> KeptKey<'a> {
    (RUN, app, chain_id, "")
}

/// The key of the mark that a run was cancelled.
pub(super) fn cancelled_key<'a>(app: &'a str, chain_id: &'a str) -> KeptKey<'a> {
    (CANCELLED, app, chain_id, "")
}

/// The key of a variable of a run's bundle; `None` for any other.
fn of_run_key<'a>(app: &'a str, field: &'a BundleField) -> Option<KeptKey<'a>> {
    match &field.bundle {
        Bundle::Chain(id) => Some((OF_RUN, app, id, &field.name)),
        _ => None,
    }
}

/// Takes a value of [`OF_RUN`] apart.
fn of_run_value(bytes: &[u8]) -> Disk<(u64, &[u8])> {
    let (version, value) = bytes
        .split_first_chunk::<8>()
        .ok_or_else(|| redb::Error::Corrupted("a variable of a run without version".into()))?;
    Ok((u64::from_le_bytes(*version), value))
}

/// The key of a blob.
pub(super) fn blob_key(key: &str) -> KeptKey<'_> {
    (BLOB, key, "", "")
}

fn state_key<'a>(app: &'a str, field: &'a BundleField) -> StateKey<'a> {
    let (kind, id) = match &field.bundle {
        Bundle::App => (0, ""),
        // Only to say where a page of states begins: see `of_run_key`.
        Bundle::Chain(id) => (1, id.as_str()),
        Bundle::Key(key) => (2, key.as_str()),
        Bundle::Part(of, _) => return whole_key(app, of),
    };
    (app, kind, id, &field.name)
}

/// The key of a collection as a variable.
pub(super) fn whole_key<'a>(app: &'a str, of: &'a Collection) -> StateKey<'a> {
    let (kind, id) = of.key.as_deref().map_or((0, ""), |key| (2, key));
    (app, kind, id, &of.name)
}

fn bundle(kind: u8, id: &str) -> Disk<Bundle> {
    match kind {
        0 => Ok(Bundle::App),
        1 => Ok(Bundle::Chain(id.to_owned())),
        2 => Ok(Bundle::Key(id.to_owned())),
        other => Err(redb::Error::Corrupted(format!("a bundle of kind {other}"))),
    }
}

/// The layout of an open database, if it is one of ours.
pub(super) fn layout(database: &Database) -> Disk<Option<u64>> {
    let read = database.begin_read()?;
    match read.open_table(META) {
        Ok(meta) => Ok(meta.get("layout")?.map(|v| v.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Makes the tables in a new database.
pub(super) fn lay_out(database: &Database) -> Disk<()> {
    let write = database.begin_write()?;
    write.open_table(META)?.insert("layout", LAYOUT)?;
    drop(Tables::open(&write)?);
    Ok(write.commit()?)
}

/// Counts this opening of the store, durably.
pub(super) fn boot(database: &Database) -> Disk<u64> {
    let write = database.begin_write()?;
    let boot = {
        let mut meta = write.open_table(META)?;
        let boot = meta.get("boot")?.map_or(0, |v| v.value()) + 1;
        meta.insert("boot", boot)?;
        meta.insert("layout", LAYOUT)?;
        boot
    };
    // Makes those that an earlier build did not know.
    drop(Tables::open(&write)?);
    write.commit()?;
    Ok(boot)
}

/// A consistent view of the store; times are milliseconds of its clock.
pub(super) struct Snapshot {
    read: ReadTransaction,
    /// Nearly everything looks into it, some more than once.
    kept: ReadOnlyTable<KeptKey<'static>, (u64, &'static [u8])>,
}

impl Snapshot {
    /// The store as of now.
    pub(super) fn take(database: &Database) -> Disk<Self> {
        let read = database.begin_read()?;
        let kept = read.open_table(KEPT)?;
        Ok(Self { read, kept })
    }

    fn state(&self) -> Disk<ReadOnlyTable<StateKey<'static>, StateValue<'static>>> {
        Ok(self.read.open_table(STATE)?)
    }

    /// The variables asked for, in that order, or their size if it exceeds
    /// `max` bytes.
    pub(super) fn fields(
        &self,
        app: &str,
        reads: &[BundleField],
        now: u64,
        max: usize,
    ) -> Disk<Result<Vec<Versioned>, usize>> {
        if reads.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let states = self.state()?;
        let lasts = self.read.open_table(lasts::LASTS)?;
        let alive = Alive { lasts: &lasts, now };
        let mut entries = None;
        let mut size = 0;
        let mut fields = Vec::with_capacity(reads.len());
        for field in reads {
            if let Bundle::Part(of, part) = &field.bundle {
                let entries = match &mut entries {
                    Some(entries) => entries,
                    none => none.insert(self.read.open_table(ENTRIES)?),
                };
                let room = max.saturating_sub(size);
                let at = (app, of, field.name.as_str());
                let (version, value) =
                    entries::read(&states, entries, &alive, (*part, at), Some(room))?;
                size += value.as_ref().map_or(0, Vec::len);
                fields.push(Versioned {
                    field: field.clone(),
                    version,
                    value,
                });
                continue;
            }
            let (version, value) = match of_run_key(app, field) {
                Some(key) => match self.kept.get(key)? {
                    Some(found) if found.value().0 > now => {
                        let (version, value) = of_run_value(found.value().1)?;
                        size += value.len();
                        (version, (size <= max).then(|| value.to_vec()))
                    }
                    _ => (0, None),
                },
                None => match states.get(state_key(app, field))? {
                    Some(found) if alive.has(of_variable(state_key(app, field)))? => {
                        let (version, value) = found.value();
                        size += value.map_or(0, <[u8]>::len);
                        (version, value.filter(|_| size <= max).map(<[u8]>::to_vec))
                    }
                    _ => (0, None),
                },
            };
            fields.push(Versioned {
                field: field.clone(),
                version,
                value,
            });
        }
        Ok(if size > max { Err(size) } else { Ok(fields) })
    }

    /// Ids of failed runs after `after`, at most `limit`.
    pub(super) fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        (now, limit): (u64, usize),
    ) -> Disk<Vec<String>> {
        let start = (FAILED, app, after.unwrap_or_default(), "");
        let mut ids = Vec::new();
        for row in self.kept.range(start..)? {
            let (key, value) = row?;
            let (kind, of, id, _) = key.value();
            if kind != FAILED || of != app || ids.len() >= limit {
                break;
            }
            if value.value().0 > now && after != Some(id) {
                ids.push(id.to_owned());
            }
        }
        Ok(ids)
    }

    /// What is kept under `key`, or its size if it exceeds `max` bytes.
    pub(super) fn kept(
        &self,
        key: KeptKey<'_>,
        now: u64,
        max: usize,
    ) -> Disk<Option<Result<Vec<u8>, usize>>> {
        let kept = self.kept.get(key)?;
        Ok(kept.and_then(|kept| {
            let (expires, value) = kept.value();
            let admitted = if value.len() > max {
                Err(value.len())
            } else {
                Ok(value.to_vec())
            };
            (expires > now).then_some(admitted)
        }))
    }

    /// A page of the variables of an app that have a value.
    pub(super) fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        now: u64,
        mut room: Room,
    ) -> Disk<Vec<Versioned>> {
        let states = self.state()?;
        let lasts = self.read.open_table(lasts::LASTS)?;
        let alive = Alive { lasts: &lasts, now };
        // No name is empty, so the first key of an app is not a variable's.
        let start = after.map_or((app, 0, "", ""), |field| state_key(app, field));
        let mut page = Vec::new();
        for row in states.range(start..)? {
            let (key, value) = row?;
            let (of, kind, id, name) = key.value();
            if of != app {
                break;
            }
            let (version, Some(value)) = value.value() else {
                continue;
            };
            if key.value() == start || !alive.has(of_variable(key.value()))? {
                continue;
            }
            if !room.take(value.len()) {
                break;
            }
            page.push(Versioned {
                field: BundleField {
                    bundle: bundle(kind, id)?,
                    name: name.to_owned(),
                },
                version,
                value: Some(value.to_vec()),
            });
        }
        Ok(page)
    }

    /// Whether an outbox entry is due.
    pub(super) fn any_due(&self, now: u64) -> Disk<bool> {
        let first = self
            .read
            .open_table(DUE)?
            .range(..(now + 1, "", ""))?
            .next();
        Ok(first.transpose()?.is_some())
    }

    /// How many outbox entries there are.
    pub(super) fn outbox_len(&self) -> Disk<u64> {
        Ok(self.read.open_table(OUTBOX)?.len()?)
    }

    /// Whether anything has expired.
    pub(super) fn any_expired(&self, now: u64) -> Disk<bool> {
        let first = self
            .read
            .open_table(EXPIRY)?
            .range(..(now + 1, (0, "", "", "")))?
            .next();
        Ok(first.transpose()?.is_some()
            || lasts::any_over(&self.read.open_table(lasts::OVER)?, now)?)
    }
}

/// All tables, open for writing; times are milliseconds of the store's clock.
pub(super) struct Tables<'txn> {
    state: Table<'txn, StateKey<'static>, StateValue<'static>>,
    entries: Table<'txn, EntryKey<'static>, EntryValue<'static>>,
    lasting: Lasting<'txn>,
    kept: Table<'txn, KeptKey<'static>, (u64, &'static [u8])>,
    expiry: Table<'txn, (u64, KeptKey<'static>), ()>,
    outbox: Table<'txn, (&'static str, &'static str), (u64, &'static [u8])>,
    due: Table<'txn, (u64, &'static str, &'static str), ()>,
    /// Whether anything was written.
    pub(super) dirty: bool,
}

impl<'txn> Tables<'txn> {
    /// Opens them, making those that are missing.
    pub(super) fn open(write: &'txn WriteTransaction) -> Disk<Self> {
        Ok(Self {
            state: write.open_table(STATE)?,
            entries: write.open_table(ENTRIES)?,
            lasting: Lasting::open(write)?,
            kept: write.open_table(KEPT)?,
            expiry: write.open_table(EXPIRY)?,
            outbox: write.open_table(OUTBOX)?,
            due: write.open_table(DUE)?,
            dirty: false,
        })
    }

    /// Checks and applies a commit; `holds` tells whether its epoch is the
    /// last one given.
    pub(super) fn commit(&mut self, commit: &Commit, holds: bool, now: u64) -> Disk<Committed> {
        let app = commit.app.as_str();
        let outcome_key = commit
            .id
            .as_ref()
            .map(|id| outcome_key(app, &id.chain_id, &id.task_id));
        if let Some(key) = outcome_key
            && (!holds || self.is_kept(key, now)?)
        {
            return Ok(Committed::Fenced);
        }
        for (field, version) in &commit.checks {
            if self.version(app, field, now)? != *version {
                return Ok(Committed::Conflict(field.clone()));
            }
        }
        for (field, value) in &commit.writes {
            if let Bundle::Part(of, part) = &field.bundle
                && !entries::fit(
                    &self.state,
                    &self.lasting.alive(now),
                    (app, of),
                    *part,
                    value.as_deref(),
                )?
            {
                return Ok(Committed::Unfit(field.clone()));
            }
        }
        let kept_until = now.saturating_add(millis(commit.keep));
        for (field, value) in &commit.writes {
            let until = commit.ttl(field).map(|ttl| now.saturating_add(millis(ttl)));
            match &field.bundle {
                Bundle::Part(of, Part::Sum) => {
                    let key = whole_key(app, of);
                    let (_, before) = self.variable(key, now)?;
                    let sum = added(before.as_deref(), value.as_deref());
                    self.write(key, sum.as_deref(), until, now)?;
                }
                Bundle::Part(of, part) => {
                    let at = (app, of, field.name.as_str());
                    self.collections()
                        .write((*part, at), value.as_deref(), until)?;
                    self.dirty = true;
                }
                _ => match (of_run_key(app, field), value) {
                    (Some(key), Some(value)) => {
                        let version = self.version(app, field, now)? + 1;
                        let mut bytes = version.to_le_bytes().to_vec();
                        bytes.extend_from_slice(value);
                        self.keep(key, &bytes, kept_until)?;
                    }
                    (Some(key), None) => drop(self.forget(key, now)?),
                    (None, value) => {
                        self.write(state_key(app, field), value.as_deref(), until, now)?;
                    }
                },
            }
        }
        let expires = now.saturating_add(millis(commit.retention));
        if let (Some(key), Some(outcome)) = (outcome_key, &commit.outcome) {
            self.keep(key, &skylark_abi::encode::<Outcome>(outcome), expires)?;
        }
        if let Some(run) = &commit.run {
            let expires = now.saturating_add(millis(run.lasts));
            self.keep_run(app, run, (now, expires))?;
        }
        self.acknowledge(app, &commit.acks)?;
        self.post(app, &commit.outbox, now)?;
        Ok(Committed::Done { begun: None })
    }

    fn version(&self, app: &str, field: &BundleField, now: u64) -> Disk<u64> {
        if let Bundle::Part(of, part) = &field.bundle {
            let at = (app, of, field.name.as_str());
            let alive = self.lasting.alive(now);
            return Ok(entries::read(&self.state, &self.entries, &alive, (*part, at), None)?.0);
        }
        match of_run_key(app, field) {
            Some(key) => match self.kept.get(key)? {
                Some(found) if found.value().0 > now => Ok(of_run_value(found.value().1)?.0),
                _ => Ok(0),
            },
            None => {
                let key = state_key(app, field);
                match self.state.get(key)? {
                    Some(found) if self.lasting.alive(now).has(of_variable(key))? => {
                        Ok(found.value().0)
                    }
                    _ => Ok(0),
                }
            }
        }
    }

    /// Version and value of a variable that is not of a run.
    fn variable(&self, key: StateKey<'_>, now: u64) -> Disk<(u64, Option<Vec<u8>>)> {
        Ok(match self.state.get(key)? {
            Some(found) if self.lasting.alive(now).has(of_variable(key))? => {
                let (version, value) = found.value();
                (version, value.map(<[u8]>::to_vec))
            }
            _ => (0, None),
        })
    }

    /// Writes a variable that is not of a run; it is there until `until`.
    fn write(
        &mut self,
        key: StateKey<'_>,
        value: Option<&[u8]>,
        until: Option<u64>,
        now: u64,
    ) -> Disk<()> {
        let before = self.state.get(key)?.map_or(0, |found| found.value().0);
        let version = match until {
            Some(_) => expiring_version(before, now.saturating_mul(1000)),
            None => before + 1,
        };
        self.lasting.set(of_variable(key), until)?;
        self.state.insert(key, (version, value))?;
        self.dirty = true;
        Ok(())
    }

    fn collections(&mut self) -> Writing<'_, 'txn> {
        Writing {
            states: &mut self.state,
            rows: &mut self.entries,
            lasting: &mut self.lasting,
        }
    }

    /// Keeps the record of a run, and whether it failed.
    pub(super) fn keep_run(
        &mut self,
        app: &str,
        run: &RunWrite,
        (now, expires): (u64, u64),
    ) -> Disk<()> {
        let kept = kept_run::pack(run.first_is_over, &run.record);
        self.keep(run_key(app, &run.chain_id), &kept, expires)?;
        let failed = (FAILED, app, run.chain_id.as_str(), "");
        match run.listed {
            Listed::Same => Ok(()),
            Listed::Enter => self.keep(failed, &[], expires),
            Listed::Leave => self.forget(failed, now).map(drop),
        }
    }

    /// Accepts a run, or returns the one recorded under its key.
    pub(super) fn accept(
        &mut self,
        app: &str,
        chain_id: &str,
        run: &[u8],
        outbox: &[OutboxEntry],
        (now, expires): (u64, u64),
    ) -> Disk<Option<Vec<u8>>> {
        let key = run_key(app, chain_id);
        let recorded = self.kept.get(key)?.and_then(|kept| {
            let (expires, value) = kept.value();
            (expires > now).then(|| kept_run::unpack(value.to_vec()).1)
        });
        if recorded.is_none() {
            self.keep(key, &kept_run::pack(false, run), expires)?;
            self.post(app, outbox, now)?;
        }
        Ok(recorded)
    }

    fn is_kept(&self, key: KeptKey<'_>, now: u64) -> Disk<bool> {
        Ok(self.kept.get(key)?.is_some_and(|kept| kept.value().0 > now))
    }

    /// Keeps a value until it expires.
    pub(super) fn keep(&mut self, key: KeptKey<'_>, value: &[u8], expires: u64) -> Disk<()> {
        let before = self
            .kept
            .insert(key, (expires, value))?
            .map(|v| v.value().0);
        if let Some(before) = before {
            self.expiry.remove((before, key))?;
        }
        self.expiry.insert((expires, key), ())?;
        self.dirty = true;
        Ok(())
    }

    /// Forgets a kept value; tells whether it was there.
    pub(super) fn forget(&mut self, key: KeptKey<'_>, now: u64) -> Disk<bool> {
        let Some(expires) = self.kept.remove(key)?.map(|v| v.value().0) else {
            return Ok(false);
        };
        self.expiry.remove((expires, key))?;
        self.dirty = true;
        Ok(expires > now)
    }

    fn post(&mut self, app: &str, entries: &[OutboxEntry], now: u64) -> Disk<()> {
        for entry in entries {
            let due = now.saturating_add(millis(entry.claim));
            self.set_due(app, &entry.id, &entry.payload, due)?;
        }
        Ok(())
    }

    fn set_due(&mut self, app: &str, id: &str, payload: &[u8], due: u64) -> Disk<()> {
        let before = self
            .outbox
            .insert((app, id), (due, payload))?
            .map(|v| v.value().0);
        if let Some(before) = before {
            self.due.remove((before, app, id))?;
        }
        self.due.insert((due, app, id), ())?;
        self.dirty = true;
        Ok(())
    }

    /// Forgets delivered entries.
    pub(super) fn acknowledge(&mut self, app: &str, entries: &[String]) -> Disk<()> {
        for id in entries {
            let due = self.outbox.remove((app, id.as_str()))?.map(|v| v.value().0);
            if let Some(due) = due {
                self.due.remove((due, app, id.as_str()))?;
                self.dirty = true;
            }
        }
        Ok(())
    }

    /// Takes entries that are due and claims them anew.
    pub(super) fn overdue(
        &mut self,
        mut room: Room,
        claim: std::time::Duration,
        now: u64,
    ) -> Disk<Vec<(String, OutboxEntry)>> {
        let mut taken = Vec::new();
        for row in self.due.range(..(now + 1, "", ""))? {
            let (key, _) = row?;
            let (_, app, id) = key.value();
            let Some(found) = self.outbox.get((app, id))? else {
                return Err(redb::Error::Corrupted(format!(
                    "outbox entry `{id}` has no payload"
                )));
            };
            let payload = found.value().1;
            if !room.take(payload.len()) {
                break;
            }
            let entry = OutboxEntry {
                id: id.to_owned(),
                payload: payload.to_vec(),
                claim,
            };
            taken.push((app.to_owned(), entry));
        }
        let due = now.saturating_add(millis(claim));
        for (app, entry) in &taken {
            self.set_due(app, &entry.id, &entry.payload, due)?;
        }
        Ok(taken)
    }

    /// Removes what has expired, at most `limit` of it.
    pub(super) fn expire(&mut self, limit: usize, now: u64) -> Disk<usize> {
        let Self { kept, expiry, .. } = self;
        let mut gone = 0;
        for row in expiry
            .extract_from_if(..(now + 1, (0, "", "", "")), |_, ()| true)?
            .take(limit)
        {
            let (key, _) = row?;
            kept.remove(key.value().1)?;
            gone += 1;
        }
        let Self {
            state,
            entries: rows,
            lasting,
            ..
        } = self;
        gone += lasting.sweep(now, limit - gone, |key| entries::forget(state, rows, key))?;
        self.dirty |= gone > 0;
        Ok(gone)
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
