//! What is written to the database.

use redb::{ReadableTable, Table, WriteTransaction};
use skylark_abi::{
    call::Outcome,
    keys::{Bundle, Part},
    protocol::{
        BundleField, Commit, Committed, Listed, OutboxEntry, RunWrite, added, expiring_version,
    },
};

use super::super::{Room, kept_run};
use super::{
    entries::{self, EntryKey, EntryValue, Writing},
    lasts::{Lasting, of_variable},
    layout::*,
};

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
