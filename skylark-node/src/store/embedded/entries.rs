//! The entries of collections: a row each, in the order of their keys. How many
//! there are, and how often they were written, is in the collection's row among
//! the variables.

use super::tables::{Disk, StateKey, StateValue, whole_key};
use redb::{ReadableTable, Table};
use skylark_abi::{
    keys::{Collection, Part},
    protocol::{added, end_key, fits, number},
    span::{Digest, Entry, Scanned, Span},
};
use std::ops::Bound;

/// App, bundle (kind and id), collection, and the entry's key.
pub(super) type EntryKey<'a> = (&'a str, u8, &'a str, &'a str, &'a str);
/// Version and value.
pub(super) type EntryValue<'a> = (u64, &'a [u8]);

type States<'txn> = Table<'txn, StateKey<'static>, StateValue<'static>>;
type Rows<'txn> = Table<'txn, EntryKey<'static>, EntryValue<'static>>;

/// A part of a collection of an app.
type At<'a> = (&'a str, &'a Collection, &'a str);

fn entry_key<'a>((app, of, at): At<'a>) -> EntryKey<'a> {
    let (app, kind, id, name) = whole_key(app, of);
    (app, kind, id, name, at)
}

/// Version and value of a part. Without `room` the value is left out; one that is
/// larger is not collected, and only has its size.
pub(super) fn read(
    states: &impl ReadableTable<StateKey<'static>, StateValue<'static>>,
    rows: &impl ReadableTable<EntryKey<'static>, EntryValue<'static>>,
    part: Part,
    at: At<'_>,
    room: Option<usize>,
) -> Disk<(u64, Option<Vec<u8>>)> {
    Ok(match part {
        Part::Entry => match rows.get(entry_key(at))? {
            Some(found) => {
                let (version, value) = found.value();
                (version, room.map(|_| value.to_vec()))
            }
            None => (0, None),
        },
        Part::Range => match Span::parse(at.2) {
            Some(span) => scan(rows, at, &span, room)?,
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
        for _ in 0..span.limit {
            let row = if span.backwards {
                range.next_back()
            } else {
                range.next()
            };
            let Some(row) = row else { break };
            let (key, value) = row?;
            let (key, (version, value)) = (key.value().4, value.value());
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
    (app, of): (&str, &Collection),
    part: Part,
    value: Option<&[u8]>,
) -> Disk<bool> {
    let (_, before) = variable(states, app, of)?;
    Ok(fits(part, before.as_deref(), value))
}

/// Writes a part, blindly.
pub(super) fn write(
    states: &mut States<'_>,
    rows: &mut Rows<'_>,
    part: Part,
    (app, of, at): At<'_>,
    value: Option<&[u8]>,
) -> Disk<()> {
    let (version, before) = variable(states, app, of)?;
    let version = version + 1;
    let len = || number(before.as_deref()).unwrap_or_default();
    let after = match (part, value) {
        (Part::Sum, addend) => added(before.as_deref(), addend),
        (Part::Entry, None) => {
            let was = rows.remove(entry_key((app, of, at)))?.is_some();
            Some((len() - i64::from(was)).to_string().into_bytes())
        }
        (Part::Entry, Some(value)) => {
            let was = rows
                .insert(entry_key((app, of, at)), (version, value))?
                .is_some();
            Some((len() + i64::from(!was)).to_string().into_bytes())
        }
        (Part::End, Some(value)) => {
            let at = end_key(u64::try_from(len()).unwrap_or_default());
            rows.insert(entry_key((app, of, &at)), (version, value))?;
            Some((len() + 1).to_string().into_bytes())
        }
        (Part::End | Part::Range | Part::Len, _) => return Ok(()),
    };
    states.insert(whole_key(app, of), (version, after.as_deref()))?;
    Ok(())
}
