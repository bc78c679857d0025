//! The entries of collections: a row each, in the order of their keys. How many
//! there are, and how often they were written, is in the collection's row among
//! the variables.

use super::lasts::{Alive, Key, Lasting, of_variable};
use super::layout::{Disk, StateKey, StateValue, whole_key};
use redb::{ReadableTable, Table};
use skylark_abi::{
    keys::{Collection, Part},
    protocol::{end_key, fits, number},
    span::{Digest, Entry, Scanned, Span},
};
use std::ops::Bound;

/// App, bundle (kind and id), collection, and the entry's key.
pub(super) type EntryKey<'a> = (&'a str, u8, &'a str, &'a str, &'a str);
/// Version and value.
pub(super) type EntryValue<'a> = (u64, &'a [u8]);

pub(super) type States<'txn> = Table<'txn, StateKey<'static>, StateValue<'static>>;
pub(super) type Rows<'txn> = Table<'txn, EntryKey<'static>, EntryValue<'static>>;

/// A part of a collection of an app.
type At<'a> = (&'a str, &'a Collection, &'a str);

fn entry_key<'a>((app, of, at): At<'a>) -> EntryKey<'a> {
    let (app, kind, id, name) = whole_key(app, of);
    (app, kind, id, name, at)
}

/// The key by which it is told when an entry is over.
fn lasts_key<'a>(at: At<'a>) -> Key<'a> {
    let (app, kind, id, name, at) = entry_key(at);
    (app, kind, id, name, Some(at))
}

/// Version and value of a part. Without `room` the value is left out; one that is
/// larger is not collected, and only has its size.
pub(super) fn read(
    states: &impl ReadableTable<StateKey<'static>, StateValue<'static>>,
    rows: &impl ReadableTable<EntryKey<'static>, EntryValue<'static>>,
    alive: &Alive<'_, impl ReadableTable<Key<'static>, u64>>,
    (part, at): (Part, At<'_>),
    room: Option<usize>,
) -> Disk<(u64, Option<Vec<u8>>)> {
    Ok(match part {
        Part::Entry => match rows.get(entry_key(at))? {
            Some(found) if alive.has(lasts_key(at))? => {
                let (version, value) = found.value();
                (version, room.map(|_| value.to_vec()))
            }
            _ => (0, None),
        },
        Part::Range => match Span::parse(at.2) {
            Some(span) => scan(rows, alive, at, &span, room)?,
            None => (0, None),
        },
        Part::Len => {
            let (_, len) = variable(states, at.0, at.1)?;
            let len = number(len.as_deref()).unwrap_or_default();
            let version = u64::try_from(len).unwrap_or_default();
            (version, Some(len.to_string().into_bytes()))
        }
        Part::End | Part::Sum => (0, None),
    })
}

fn scan(
    rows: &impl ReadableTable<EntryKey<'static>, EntryValue<'static>>,
    alive: &Alive<'_, impl ReadableTable<Key<'static>, u64>>,
    (app, of, _): At<'_>,
    span: &Span,
    room: Option<usize>,
) -> Disk<(u64, Option<Vec<u8>>)> {
    let (app, kind, id, name) = whole_key(app, of);
    // No name has this character: the first key of no collection, after all of ours.
    let next = format!("{name}\0");
    let from = match span.from.as_ref() {
        Bound::Unbounded => Bound::Included((app, kind, id, name, "")),
        from => from.map(|at| (app, kind, id, name, at.as_str())),
    };
    let to = match span.to.as_ref() {
        Bound::Unbounded => Bound::Excluded((app, kind, id, next.as_str(), "")),
        to => to.map(|at| (app, kind, id, name, at.as_str())),
    };
    let mut digest = Digest::default();
    let mut scanned = Scanned::default();
    let mut size = 0;
    if !span.is_empty() {
        let mut range = rows.range::<EntryKey<'_>>((from, to))?;
        let mut left = span.limit;
        while left > 0 {
            let row = if span.backwards {
                range.next_back()
            } else {
                range.next()
            };
            let Some(row) = row else { break };
            let (key, value) = row?;
            let (key, (version, value)) = (key.value().4, value.value());
            if !alive.has((app, kind, id, name, Some(key)))? {
                continue;
            }
            left -= 1;
            digest.add(key, version);
            size += value.len();
            if room.is_some_and(|room| size <= room) {
                scanned.entries.push(Entry {
                    key: key.to_owned(),
                    value: value.to_vec(),
                });
            }
        }
    }
    let value = room.map(|room| match size <= room {
        true => skylark_abi::encode(&scanned),
        false => vec![0; size],
    });
    Ok((digest.finish(), value))
}

fn variable(
    states: &impl ReadableTable<StateKey<'static>, StateValue<'static>>,
    app: &str,
    of: &Collection,
) -> Disk<(u64, Option<Vec<u8>>)> {
    Ok(match states.get(whole_key(app, of))? {
        Some(found) => {
            let (version, value) = found.value();
            (version, value.map(<[u8]>::to_vec))
        }
        None => (0, None),
    })
}

/// Whether the part may be written.
pub(super) fn fit(
    states: &States<'_>,
    alive: &Alive<'_, impl ReadableTable<Key<'static>, u64>>,
    (app, of): (&str, &Collection),
    part: Part,
    value: Option<&[u8]>,
) -> Disk<bool> {
    let (_, before) = variable(states, app, of)?;
    let is_there = alive.has(of_variable(whole_key(app, of)))?;
    Ok(fits(part, before.as_deref().filter(|_| is_there), value))
}

/// The tables of collections, to be written.
pub(super) struct Writing<'a, 'txn> {
    pub(super) states: &'a mut States<'txn>,
    pub(super) rows: &'a mut Rows<'txn>,
    pub(super) lasting: &'a mut Lasting<'txn>,
}

impl Writing<'_, '_> {
    /// Writes a part, blindly; an entry is there until `until`.
    pub(super) fn write(
        &mut self,
        (part, at): (Part, At<'_>),
        value: Option<&[u8]>,
        until: Option<u64>,
    ) -> Disk<()> {
        let (app, of, _) = at;
        let (version, before) = variable(self.states, app, of)?;
        let version = version + 1;
        let len = number(before.as_deref()).unwrap_or_default();
        let len = match (part, value) {
            (Part::Entry, None) => {
                let was = self.rows.remove(entry_key(at))?.is_some();
                self.lasting.set(lasts_key(at), None)?;
                len - i64::from(was)
            }
            (Part::Entry, Some(value)) => {
                let was = self.rows.insert(entry_key(at), (version, value))?.is_some();
                self.lasting.set(lasts_key(at), until)?;
                len + i64::from(!was)
            }
            (Part::End, Some(value)) => {
                let end = end_key(u64::try_from(len).unwrap_or_default());
                self.rows
                    .insert(entry_key((app, of, &end)), (version, value))?;
                len + 1
            }
            (Part::End | Part::Range | Part::Len | Part::Sum, _) => return Ok(()),
        };
        let len = len.to_string();
        self.states
            .insert(whole_key(app, of), (version, Some(len.as_bytes())))?;
        Ok(())
    }
}

/// Forgets a variable, or an entry, that is over.
pub(super) fn forget(states: &mut States<'_>, rows: &mut Rows<'_>, key: Key<'_>) -> Disk<()> {
    let (app, kind, id, name, at) = key;
    let whole = (app, kind, id, name);
    let Some(at) = at else {
        states.remove(whole)?;
        return Ok(());
    };
    if rows.remove((app, kind, id, name, at))?.is_none() {
        return Ok(());
    }
    let (version, len) = match states.get(whole)? {
        Some(found) => (found.value().0, number(found.value().1).unwrap_or_default()),
        None => (0, 0),
    };
    let len = (len - 1).max(0).to_string();
    states.insert(whole, (version + 1, Some(len.as_bytes())))?;
    Ok(())
}
