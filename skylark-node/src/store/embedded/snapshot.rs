//! What is read of the database, at one moment.

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTableMetadata};
use skylark_abi::{
    keys::Bundle,
    protocol::{BundleField, Versioned},
};

use super::super::Room;
use super::{
    entries,
    lasts::{self, Alive, of_variable},
    layout::*,
};

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
