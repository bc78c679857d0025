//! The store in this process's memory, for tests: the plainest statement of
//! what a store does.

use super::{
    ABANDONED, Room, Store, StoreError, StoreOptions,
    options::{begin_text, blob_text, run_text},
};
use async_trait::async_trait;
use skylark_abi::{
    InvocationId,
    call::Outcome,
    keys::Bundle,
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, Versioned},
};
use std::{
    collections::BTreeMap,
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
    last_epoch: u64,
    /// Version and value.
    states: BTreeMap<(String, BundleField), State>,
    records: BTreeMap<(String, InvocationId), Record>,
    runs: BTreeMap<(String, String), Kept>,
    outbox: BTreeMap<(String, String), Pending>,
    blobs: BTreeMap<String, Kept>,
}

type State = (u64, Option<Vec<u8>>);

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
    fn read(&self, app: &str, field: &BundleField) -> (u64, Option<&Vec<u8>>) {
        match self.states.get(&(app.to_owned(), field.clone())) {
            Some((version, value)) => (*version, value.as_ref()),
            None => (0, None),
        }
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
        let now = Instant::now();
        let mut contents = self.contents();
        let record = begin.id.as_ref().and_then(|id| {
            let record = contents.records.get(&(begin.app.clone(), id.clone()))?;
            (record.expires > now).then_some(record)
        });
        if let Some(record) = record {
            if let Some(outcome) = &record.outcome {
                return Ok(Begun::Recorded(outcome.clone()));
            }
            if record.owner != begin.owner && record.lease_ends > now {
                let remaining = record.lease_ends - now;
                return Ok(Begun::Busy { remaining });
            }
        }
        let mut size = 0;
        for field in &begin.reads {
            size += contents.read(&begin.app, field).1.map_or(0, Vec::len);
        }
        self.options.admit_read(size, || begin_text(begin))?;
        let fields = begin
            .reads
            .iter()
            .map(|field| {
                let (version, value) = contents.read(&begin.app, field);
                Versioned {
                    field: field.clone(),
                    version,
                    value: value.cloned(),
                }
            })
            .collect();
        let mut epoch = 0;
        if let Some(id) = &begin.id {
            contents.last_epoch += 1;
            epoch = contents.last_epoch;
            let record = Record {
                epoch,
                owner: begin.owner.clone(),
                lease_ends: after(now, begin.lease),
                outcome: None,
                expires: after(now, begin.lease + ABANDONED),
            };
            contents
                .records
                .insert((begin.app.clone(), id.clone()), record);
        }
        Ok(Begun::Leased { epoch, fields })
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.options.admit(commit)?;
        let now = Instant::now();
        let mut contents = self.contents();
        let key = commit
            .id
            .as_ref()
            .map(|id| (commit.app.clone(), id.clone()));
        if let Some(key) = &key {
            let record = contents.records.get(key).filter(|r| r.expires > now);
            if !record.is_some_and(|r| r.epoch == commit.epoch && r.outcome.is_none()) {
                return Ok(Committed::Fenced);
            }
        }
        for (field, version) in &commit.checks {
            if contents.read(&commit.app, field).0 != *version {
                return Ok(Committed::Conflict(field.clone()));
            }
        }
        for (field, value) in &commit.writes {
            let slot = contents
                .states
                .entry((commit.app.clone(), field.clone()))
                .or_default();
            *slot = (slot.0 + 1, value.clone());
        }
        if let (Some(outcome), Some(key)) = (&commit.outcome, &key)
            && let Some(record) = contents.records.get_mut(key)
        {
            record.outcome = Some(outcome.clone());
            record.expires = after(now, commit.retention);
        }
        contents.post(&commit.app, &commit.outbox, now);
        if let Some((chain_id, run)) = &commit.run {
            let kept = Kept {
                value: run.clone(),
                expires: after(now, commit.retention),
            };
            contents
                .runs
                .insert((commit.app.clone(), chain_id.clone()), kept);
        }
        Ok(Committed::Done)
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
        let key = (app.to_owned(), chain_id.to_owned());
        if let Some(kept) = contents.runs.get(&key).filter(|k| k.expires > now) {
            return Ok(Some(kept.value.clone()));
        }
        contents.runs.insert(
            key,
            Kept {
                value: run,
                expires: after(now, retention),
            },
        );
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
        let kept = contents.runs.get(&(app.to_owned(), chain_id.to_owned()));
        self.kept(kept, &run_text(chain_id))
    }

    async fn put_run(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.options.admit_value(run.len(), || run_text(chain_id))?;
        let kept = Kept {
            value: run,
            expires: after(Instant::now(), retention),
        };
        self.contents()
            .runs
            .insert((app.to_owned(), chain_id.to_owned()), kept);
        Ok(())
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
        let contents = self.contents();
        let mut room = Room::new(limit, self.options.max_read);
        Ok(contents
            .states
            .range((from, Bound::Unbounded))
            .take_while(|((a, _), _)| a == app)
            .filter_map(|((_, field), (version, value))| Some((field, version, value.as_ref()?)))
            .take_while(|(_, _, value)| room.take(value.len()))
            .map(|(field, version, value)| Versioned {
                field: field.clone(),
                version: *version,
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
        contents.runs.retain(|_, k| !gone(k.expires));
        contents.blobs.retain(|_, k| !gone(k.expires));
        Ok(limit - left)
    }
}
