//! The layout of the database: its tables, their keys, its version.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use skylark_abi::{
    keys::{Bundle, Collection},
    protocol::BundleField,
};

use super::{
    entries::{EntryKey, EntryValue},
    tables::Tables,
};

/// Grows with every change of the tables below that an older build would read
/// wrongly.
pub(super) const LAYOUT: u64 = 4;
/// The oldest that has all of its tables as they are now, and only lacks some.
pub(super) const OLDEST_LAYOUT: u64 = 3;

/// `layout`, and `boot`: how often the store was opened.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// App, bundle (kind and id) and name to version and value.
pub(super) const STATE: TableDefinition<'_, StateKey<'_>, StateValue<'_>> =
    TableDefinition::new("state");
/// The entries of collections: see [`super::entries`].
pub(super) const ENTRIES: TableDefinition<'_, EntryKey<'_>, EntryValue<'_>> =
    TableDefinition::new("entries");
/// What expires ([`OUTCOME`] and so on): to the time they expire, and their bytes.
pub(super) const KEPT: TableDefinition<'_, KeptKey<'_>, (u64, &[u8])> =
    TableDefinition::new("kept");
/// The keys of `kept` by the time they expire.
pub(super) const EXPIRY: TableDefinition<'_, (u64, KeptKey<'_>), ()> =
    TableDefinition::new("expiry");
/// App and entry to the time it is due, and its payload.
pub(super) const OUTBOX: TableDefinition<'_, (&str, &str), (u64, &[u8])> =
    TableDefinition::new("outbox");
/// The keys of `outbox` by the time they are due.
pub(super) const DUE: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("due");

pub(super) type StateKey<'a> = (&'a str, u8, &'a str, &'a str);
pub(super) type StateValue<'a> = (u64, Option<&'a [u8]>);
/// Kind, and up to three parts of a name.
pub(super) type KeptKey<'a> = (u8, &'a str, &'a str, &'a str);
/// Results of a database operation.
pub(super) type Disk<T> = Result<T, redb::Error>;

pub(super) const OUTCOME: u8 = 0;
pub(super) const RUN: u8 = 1;
pub(super) const BLOB: u8 = 2;
/// A variable of a run's bundle; its version (8 bytes, little endian) comes
/// before its value.
pub(super) const OF_RUN: u8 = 3;
/// A run that failed; no value.
pub(super) const FAILED: u8 = 4;
/// A run that was cancelled; no value.
pub(super) const CANCELLED: u8 = 5;

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
pub(super) fn of_run_key<'a>(app: &'a str, field: &'a BundleField) -> Option<KeptKey<'a>> {
    match &field.bundle {
        Bundle::Chain(id) => Some((OF_RUN, app, id, &field.name)),
        _ => None,
    }
}

/// Takes a value of [`OF_RUN`] apart.
pub(super) fn of_run_value(bytes: &[u8]) -> Disk<(u64, &[u8])> {
    let (version, value) = bytes
        .split_first_chunk::<8>()
        .ok_or_else(|| redb::Error::Corrupted("a variable of a run without version".into()))?;
    Ok((u64::from_le_bytes(*version), value))
}

/// The key of a blob.
pub(super) fn blob_key(key: &str) -> KeptKey<'_> {
    (BLOB, key, "", "")
}

pub(super) fn state_key<'a>(app: &'a str, field: &'a BundleField) -> StateKey<'a> {
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

pub(super) fn bundle(kind: u8, id: &str) -> Disk<Bundle> {
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

/// Whole milliseconds.
pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
