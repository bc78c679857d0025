//! The store in this process's memory, for tests: the plainest statement of
//! what a store does.

use super::{
    ABANDONED, Room, Store, StoreError, StoreOptions, cancelled,
    clock::Clock,
    options::{begin_text, blob_text, run_text},
};
use async_trait::async_trait;
use skylark_abi::{
    call::Outcome,
    keys::{self, Bundle, Collection, Part},
    protocol::{
        Begin, Begun, BundleField, Commit, Committed, Entries, Listed, OutboxEntry, RunWrite,
        Versioned, added, expiring_version, fits, whole,
    },
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// Keeps everything in memory, and loses it with the process.
#[derive(Debug)]
pub struct MemoryStore {
    options: StoreOptions,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    clock: Clock,
    last_epoch: u64,
    /// Version and value.
    states: BTreeMap<(String, BundleField), State>,
    collections: BTreeMap<(String, Collection), Entries>,
    /// By [`keys::record`].
    records: HashMap<String, Record>,
    /// By [`keys::run`].
    runs: HashMap<String, KeptRun>,
    outbox: BTreeMap<(String, String), Pending>,
    blobs: BTreeMap<String, Kept>,
    failed: BTreeMap<(String, String), Instant>,
    cancelled: BTreeMap<(String, String), Instant>,
    nodes: BTreeMap<String, Instant>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    value: Option<Vec<u8>>,
    /// Of a run's bundle, or with a `ttl`.
    expires: Option<Instant>,
}

#[derive(Debug)]
struct Record {
    epoch: u64,
    owner: String,
    lease_ends: Instant,
    outcome: Option<Outcome>,
    expires: Instant,
}

#[derive(Debug)]
struct Kept {
    value: Vec<u8>,
    expires: Instant,
}

#[derive(Debug)]
struct KeptRun {
    kept: Kept,
    first_is_over: bool,
}

#[derive(Debug)]
struct Pending {
    payload: Vec<u8>,
    due: Instant,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(options: &StoreOptions) -> Self {
        Self {
            options: options.clone(),
            contents: Mutex::default(),
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Nothing below panics halfway through a change.
        self.contents.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn kept(&self, kept: Option<&Kept>, what: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(kept) = kept.filter(|k| k.expires > Instant::now()) else {
            return Ok(None);
        };
        self.options
            .admit_read(kept.value.len(), || what.to_owned())?;
        Ok(Some(kept.value.clone()))
    }
}

impl Contents {
    /// Version and value of a field by then.
    fn read<'a>(
        &'a self,
        app: &str,
        field: &BundleField,
        now: Instant,
    ) -> (u64, Option<Cow<'a, [u8]>>) {
        if let Bundle::Part(of, part) = &field.bundle {
            let entries = self.collections.get(&(app.to_owned(), of.clone()));
            let now = self.clock.us_at(now);
            let (version, value) = match entries {
                Some(entries) => entries.read(*part, &field.name, now),
                None => Entries::default().read(*part, &field.name, now),
            };
            return (version, value.map(Cow::Owned));
        }
        let state = self.states.get(&(app.to_owned(), field.clone()));
        match state.filter(|s| s.expires.is_none_or(|at| at > now)) {
            Some(state) => (state.version, state.value.as_deref().map(Cow::Borrowed)),
            None => (0, None),
        }
    }

    /// Whether this may be written: a part only of what is a collection.
    fn fits(&self, app: &str, field: &BundleField, value: Option<&[u8]>, now: Instant) -> bool {
        let Bundle::Part(of, part) = &field.bundle else {
            return true;
        };
        let (_, before) = self.read(app, &whole(of), now);
        fits(*part, before.as_deref(), value)
    }

    fn write(
        &mut self,
        commit: &Commit,
        (field, value): (&BundleField, Option<&[u8]>),
        now: Instant,
    ) {
        let app = commit.app.as_str();
        let ttl = commit.ttl(field);
        let now_us = self.clock.us_at(now);
        let (field, value) = match &field.bundle {
            Bundle::Part(of, Part::Sum) => {
                let whole = whole(of);
                let (_, before) = self.read(app, &whole, now);
                let sum = added(before.as_deref(), value);
                (whole, sum)
            }
            Bundle::Part(of, part) => {
                let until = ttl.map(|ttl| now_us.saturating_add(micros(ttl)));
                let key = (app.to_owned(), of.clone());
                let entries = self.collections.entry(key).or_default();
                entries.write(*part, &field.name, value, until);
                let state = State {
                    version: entries.version(),
                    value: Some(entries.len_text()),
                    expires: None,
                };
                self.states.insert((app.to_owned(), whole(of)), state);
                return;
            }
            Bundle::Chain(_) if value.is_none() => {
                self.states.remove(&(app.to_owned(), field.clone()));
                return;
            }
            _ => (field.clone(), value.map(<[u8]>::to_vec)),
        };
        let of_run = matches!(field.bundle, Bundle::Chain(_));
        let lasts = ttl.or(of_run.then_some(commit.keep));
        let key = (app.to_owned(), field);
        let before = self.states.get(&key).map_or(0, |s| s.version);
        let version = match ttl {
            Some(_) => expiring_version(before, now_us),
            None => before + 1,
        };
        let state = State {
            version,
            value,
            expires: lasts.map(|lasts| after(now, lasts)),
        };
        self.states.insert(key, state);
    }

    /// Forgets at most `limit` entries that are over, and tells how many.
    fn sweep(&mut self, now: Instant, limit: usize) -> usize {
        let now = self.clock.us_at(now);
        let mut gone = 0;
        for ((app, of), entries) in &mut self.collections {
            let swept = entries.sweep(now, limit - gone);
            if swept == 0 {
                continue;
            }
            gone += swept;
            if let Some(state) = self.states.get_mut(&(app.clone(), whole(of))) {
                state.version = entries.version();
                state.value = Some(entries.len_text());
            }
        }
        gone
    }

    fn keep_run(&mut self, app: &str, run: &RunWrite, now: Instant) {
        let expires = after(now, run.lasts);
        let key = keys::run(app, &run.chain_id);
        let id = || (app.to_owned(), run.chain_id.clone());
        match run.listed {
            Listed::Same => {}
            Listed::Enter => drop(self.failed.insert(id(), expires)),
            Listed::Leave => drop(self.failed.remove(&id())),
        }
        let value = run.record.clone();
        let run = KeptRun {
            kept: Kept { value, expires },
            first_is_over: run.first_is_over,
        };
        self.runs.insert(key, run);
    }

    fn begin(&mut self, begin: &Begin, options: &StoreOptions) -> Result<Begun, StoreError> {
        let now = Instant::now();
        let key = begin.id.as_ref().map(|id| keys::record(&begin.app, id));
        let record = key.as_ref().and_then(|key| self.records.get(key));
        let record = record.filter(|r| r.expires > now);
        if let Some(outcome) = record.and_then(|r| r.outcome.as_ref()) {
            return Ok(Begun::Recorded(outcome.clone()));
        }
        let mut known = None;
        if let Some(id) = &begin.id {
            let run = self.runs.get(&keys::run(&begin.app, &id.chain_id));
            let run = run.filter(|r| id.is_first() && r.kept.expires > now);
            if let Some(run) = run.filter(|run| run.first_is_over) {
                let run = run.kept.value.clone();
                return Ok(Begun::Over { run });
            }
            known = run.map(|run| run.kept.value.clone());
            let until = || {
                let run = (begin.app.clone(), id.chain_id.clone());
                self.cancelled.get(&run).copied()
            };
            if !self.cancelled.is_empty() && until().is_some_and(|until| until > now) {
                return Ok(Begun::Recorded(cancelled()));
            }
        }
        if let Some(record) = record
            && record.owner != begin.owner
            && record.lease_ends > now
        {
            let remaining = record.lease_ends - now;
            return Ok(Begun::Busy { remaining });
        }
        let mut size = 0;
        for field in &begin.reads {
            size += self.read(&begin.app, field, now).1.map_or(0, |v| v.len());
        }
        options.admit_read(size, || begin_text(begin))?;
        let fields = begin
            .reads
            .iter()
            .map(|field| {
                let (version, value) = self.read(&begin.app, field, now);
                Versioned {
                    field: field.clone(),
                    version,
                    value: value.map(Cow::into_owned),
                }
            })
            .collect();
        let mut epoch = 0;
        if let Some(key) = key {
            self.last_epoch += 1;
            epoch = self.last_epoch;
            let record = Record {
                epoch,
                owner: begin.owner.clone(),
                lease_ends: after(now, begin.lease),
                outcome: None,
                expires: after(now, begin.lease + ABANDONED),
            };
            self.records.insert(key, record);
        }
        let run = known;
        Ok(Begun::Leased { epoch, fields, run })
    }

    fn post(&mut self, app: &str, entries: &[OutboxEntry], now: Instant) {
        for entry in entries {
            let pending = Pending {
                payload: entry.payload.clone(),
                due: after(now, entry.claim),
            };
            self.outbox
                .insert((app.to_owned(), entry.id.clone()), pending);
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// `now + duration`, or as late as can be said.
fn after(now: Instant, duration: Duration) -> Instant {
    const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now + duration.min(FOREVER)
}

#[async_trait]
impl Store for MemoryStore {
    fn describe(&self) -> String {
        "memory".into()
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError> {
        self.contents().begin(begin, &self.options)
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.options.admit(commit)?;
        let mut contents = self.contents();
        let now = Instant::now();
        let key = commit.id.as_ref().map(|id| keys::record(&commit.app, id));
        if let Some(key) = &key {
            let record = contents.records.get(key).filter(|r| r.expires > now);
            if !record.is_some_and(|r| r.epoch == commit.epoch && r.outcome.is_none()) {
                return Ok(Committed::Fenced);
            }
        }
        for (field, version) in &commit.checks {
            if contents.read(&commit.app, field, now).0 != *version {
                return Ok(Committed::Conflict(field.clone()));
            }
        }
        for (field, value) in &commit.writes {
            if !contents.fits(&commit.app, field, value.as_deref(), now) {
                return Ok(Committed::Unfit(field.clone()));
            }
        }
        for (field, value) in &commit.writes {
            contents.write(commit, (field, value.as_deref()), now);
        }
        let expires = after(now, commit.retention);
        match (&commit.outcome, key) {
            (Some(outcome), Some(key)) => {
                if let Some(record) = contents.records.get_mut(&key) {
                    record.outcome = Some(outcome.clone());
                    record.expires = expires;
                }
            }
            (None, Some(key)) => drop(contents.records.remove(&key)),
            (_, None) => {}
        }
        for entry in &commit.acks {
            contents.outbox.remove(&(commit.app.clone(), entry.clone()));
        }
        contents.post(&commit.app, &commit.outbox, now);
        if let Some(run) = &commit.run {
            contents.keep_run(&commit.app, run, now);
        }
        // The commit stands; a begin that cannot be answered is tried alone.
        let begun = commit
            .then
            .as_ref()
            .and_then(|begin| contents.begin(begin, &self.options).ok());
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
        self.options.admit_value(run.len(), || run_text(chain_id))?;
        self.options.admit_outbox(&outbox)?;
        let now = Instant::now();
        let mut contents = self.contents();
        let known = contents.runs.get(&keys::run(app, chain_id));
        if let Some(run) = known.filter(|run| run.kept.expires > now) {
            return Ok(Some(run.kept.value.clone()));
        }
        let run = RunWrite {
            chain_id: chain_id.to_owned(),
            record: run,
            listed: Listed::Same,
            first_is_over: false,
            lasts: retention,
        };
        contents.keep_run(app, &run, now);
        contents.post(app, &outbox, now);
        Ok(None)
    }

    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError> {
        let mut contents = self.contents();
        for entry in entries {
            contents.outbox.remove(&(app.to_owned(), entry.clone()));
        }
        Ok(())
    }

    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError> {
        let now = Instant::now();
        let mut contents = self.contents();
        let mut due: Vec<_> = contents
            .outbox
            .iter_mut()
            .filter(|(_, p)| p.due <= now)
            .collect();
        due.sort_by_key(|(_, p)| p.due);
        let mut room = Room::new(limit, self.options.max_read);
        Ok(due
            .into_iter()
            .take_while(|(_, pending)| room.take(pending.payload.len()))
            .map(|((app, id), pending)| {
                pending.due = after(now, claim);
                let entry = OutboxEntry {
                    id: id.clone(),
                    payload: pending.payload.clone(),
                    claim,
                };
                (app.clone(), entry)
            })
            .collect())
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        Ok(self.contents().outbox.len() as u64)
    }

    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents();
        let run = contents.runs.get(&keys::run(app, chain_id));
        self.kept(run.map(|run| &run.kept), &run_text(chain_id))
    }

    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError> {
        self.options
            .admit_value(run.record.len(), || run_text(&run.chain_id))?;
        self.contents().keep_run(app, &run, Instant::now());
        Ok(())
    }

    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let now = Instant::now();
        let from = (app.to_owned(), after.unwrap_or_default().to_owned());
        let contents = self.contents();
        let failed = contents
            .failed
            .range((Bound::Excluded(from), Bound::Unbounded));
        Ok(failed
            .take_while(|((a, _), _)| a == app)
            .filter(|(_, until)| **until > now)
            .map(|((_, id), _)| id.clone())
            .take(limit)
            .collect())
    }

    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError> {
        let until = after(Instant::now(), retention);
        let key = (app.to_owned(), chain_id.to_owned());
        self.contents().cancelled.insert(key, until);
        Ok(())
    }

    async fn announce(&self, node: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        let now = Instant::now();
        let nodes = &mut self.contents().nodes;
        nodes.retain(|_, until| *until > now);
        nodes.insert(node.to_owned(), after(now, lasts));
        Ok(nodes.keys().cloned().collect())
    }

    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError> {
        let first = BundleField {
            bundle: Bundle::App,
            name: String::new(),
        };
        let from = match after {
            Some(after) => Bound::Excluded((app.to_owned(), after.clone())),
            None => Bound::Included((app.to_owned(), first)),
        };
        let now = Instant::now();
        let contents = self.contents();
        let mut room = Room::new(limit, self.options.max_read);
        Ok(contents
            .states
            .range((from, Bound::Unbounded))
            .take_while(|((a, _), _)| a == app)
            .filter(|((_, field), state)| {
                !matches!(field.bundle, Bundle::Chain(_)) && state.expires.is_none_or(|at| at > now)
            })
            .filter_map(|((_, field), state)| Some((field, state.version, state.value.as_ref()?)))
            .take_while(|(_, _, value)| room.take(value.len()))
            .map(|(field, version, value)| Versioned {
                field: field.clone(),
                version,
                value: Some(value.clone()),
            })
            .collect())
    }

    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.options.admit_value(value.len(), || blob_text(key))?;
        let kept = Kept {
            value,
            expires: after(Instant::now(), retention),
        };
        self.contents().blobs.insert(key.to_owned(), kept);
        Ok(())
    }

    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents();
        self.kept(contents.blobs.get(key), &blob_text(key))
    }

    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError> {
        let removed = self.contents().blobs.remove(key);
        Ok(removed.is_some_and(|k| k.expires > Instant::now()))
    }

    async fn expire(&self, limit: usize) -> Result<usize, StoreError> {
        let now = Instant::now();
        let mut contents = self.contents();
        let mut left = limit;
        let mut gone = |expires: Instant| {
            let remove = left > 0 && expires <= now;
            left -= usize::from(remove);
            remove
        };
        contents.records.retain(|_, r| !gone(r.expires));
        contents.runs.retain(|_, r| !gone(r.kept.expires));
        contents.blobs.retain(|_, k| !gone(k.expires));
        contents.failed.retain(|_, until| !gone(*until));
        contents.cancelled.retain(|_, until| !gone(*until));
        contents
            .states
            .retain(|_, s| !s.expires.is_some_and(&mut gone));
        let swept = contents.sweep(now, left);
        Ok(limit - left + swept)
    }
}
