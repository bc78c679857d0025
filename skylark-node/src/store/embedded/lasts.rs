//! What does not last: when variables and entries with a `ttl` are over, and all of
//! them by that time.

use super::layout::{Disk, StateKey};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

/// A variable or an entry to the time that it is over.
pub(super) const LASTS: TableDefinition<'_, Key<'_>, u64> = TableDefinition::new("lasts");
/// The keys of `lasts` by that time.
pub(super) const OVER: TableDefinition<'_, (u64, Key<'_>), ()> = TableDefinition::new("over");

/// App, bundle (kind and id), variable, and the key if it is an entry.
pub(super) type Key<'a> = (&'a str, u8, &'a str, &'a str, Option<&'a str>);

/// Smaller than every key: no app is without a name.
const FIRST: Key<'_> = ("", 0, "", "", None);

/// The key of a variable.
pub(super) fn of_variable((app, kind, id, name): StateKey<'_>) -> Key<'_> {
    (app, kind, id, name, None)
}

/// What is there by `now`; times are milliseconds of the store's clock.
pub(super) struct Alive<'a, T> {
    pub(super) lasts: &'a T,
    pub(super) now: u64,
}

impl<T: ReadableTable<Key<'static>, u64>> Alive<'_, T> {
    /// Whether what has this key is not over.
    pub(super) fn has(&self, key: Key<'_>) -> Disk<bool> {
        let until = self.lasts.get(key)?.map(|until| until.value());
        Ok(until.is_none_or(|until| until > self.now))
    }
}

/// Whether the table by time has something that is over by `now`.
pub(super) fn any_over(
    by_time: &impl ReadableTable<(u64, Key<'static>), ()>,
    now: u64,
) -> Disk<bool> {
    Ok(by_time
        .range(..(now + 1, FIRST))?
        .next()
        .transpose()?
        .is_some())
}

/// Both tables, open for writing.
pub(super) struct Lasting<'txn> {
    pub(super) lasts: Table<'txn, Key<'static>, u64>,
    by_time: Table<'txn, (u64, Key<'static>), ()>,
}

impl<'txn> Lasting<'txn> {
    /// Opens them, making those that are missing.
    pub(super) fn open(write: &'txn WriteTransaction) -> Disk<Self> {
        Ok(Self {
            lasts: write.open_table(LASTS)?,
            by_time: write.open_table(OVER)?,
        })
    }

    /// What is there by `now`.
    pub(super) fn alive(&self, now: u64) -> Alive<'_, Table<'txn, Key<'static>, u64>> {
        let lasts = &self.lasts;
        Alive { lasts, now }
    }

    /// What has this key lasts until then; without a time, for good.
    pub(super) fn set(&mut self, key: Key<'_>, until: Option<u64>) -> Disk<()> {
        let before = self.lasts.get(key)?.map(|until| until.value());
        if before == until {
            return Ok(());
        }
        if let Some(before) = before {
            self.by_time.remove((before, key))?;
        }
        match until {
            Some(until) => {
                self.lasts.insert(key, until)?;
                self.by_time.insert((until, key), ())?;
            }
            None => drop(self.lasts.remove(key)?),
        }
        Ok(())
    }

    /// Forgets at most `limit` of what is over, each after `each` has seen it; tells how
    /// many they were.
    pub(super) fn sweep(
        &mut self,
        now: u64,
        limit: usize,
        mut each: impl FnMut(Key<'_>) -> Disk<()>,
    ) -> Disk<usize> {
        let Self { lasts, by_time } = self;
        let mut gone = 0;
        for row in by_time
            .extract_from_if(..(now + 1, FIRST), |_, ()| true)?
            .take(limit)
        {
            let (key, _) = row?;
            let (_, key) = key.value();
            each(key)?;
            lasts.remove(key)?;
            gone += 1;
        }
        Ok(gone)
    }
}
