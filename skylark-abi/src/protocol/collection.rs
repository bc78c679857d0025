//! A collection in memory: what every store does with one, said plainly.

use super::BundleField;
use crate::{
    keys::{Collection, Part},
    span::{Digest, Entry, Scanned, Span},
};
use std::collections::BTreeMap;

/// The entries of a collection.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    writes: u64,
    by_key: BTreeMap<String, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    version: u64,
    value: Vec<u8>,
    /// When it is over, by the store's clock in microseconds.
    expires_us: u64,
}

impl Entries {
    /// How many writes there were to it: its version as a variable.
    pub fn version(&self) -> u64 {
        self.writes
    }

    /// How many entries there are, as its value as a variable says it.
    pub fn len_text(&self) -> Vec<u8> {
        self.by_key.len().to_string().into_bytes()
    }

    /// Version and value of a part. What is over by `now_us` is not there, but counts as
    /// an entry until [`Entries::sweep`].
    pub fn read(&self, part: Part, at: &str, now_us: u64) -> (u64, Option<Vec<u8>>) {
        match part {
            Part::Entry => match self.by_key.get(at).filter(|e| e.expires_us > now_us) {
                Some(entry) => (entry.version, Some(entry.value.clone())),
                None => (0, None),
            },
            Part::Range => match Span::parse(at) {
                Some(span) => self.scan(span, now_us),
                None => (0, None),
            },
            Part::Len => (self.by_key.len() as u64, Some(self.len_text())),
            Part::End | Part::Sum => (0, None),
        }
    }

    fn scan(&self, span: Span, now_us: u64) -> (u64, Option<Vec<u8>>) {
        let mut digest = Digest::default();
        let mut scanned = Scanned::default();
        if !span.is_empty() {
            let limit = span.limit as usize;
            let mut take = |(key, entry): (&String, &Kept)| {
                digest.add(key, entry.version);
                scanned.entries.push(Entry {
                    key: key.clone(),
                    value: entry.value.clone(),
                });
            };
            let range = self.by_key.range((span.from, span.to));
            let range = range.filter(|(_, entry)| entry.expires_us > now_us);
            match span.backwards {
                false => range.take(limit).for_each(&mut take),
                true => range.rev().take(limit).for_each(&mut take),
            }
        }
        (digest.finish(), Some(crate::encode(&scanned)))
    }

    /// Writes a part, blindly; an entry is over at `expires_us`, if that is given.
    pub fn write(&mut self, part: Part, at: &str, value: Option<&[u8]>, expires_us: Option<u64>) {
        self.writes += 1;
        let kept = |value: &[u8]| Kept {
            version: self.writes,
            value: value.to_vec(),
            expires_us: expires_us.unwrap_or(u64::MAX),
        };
        match (part, value) {
            (Part::Entry, Some(value)) => {
                let entry = kept(value);
                self.by_key.insert(at.to_owned(), entry);
            }
            (Part::Entry, None) => drop(self.by_key.remove(at)),
            (Part::End, Some(value)) => {
                let entry = kept(value);
                self.by_key.insert(end_key(self.by_key.len() as u64), entry);
            }
            _ => {}
        }
    }

    /// Forgets at most `limit` entries that are over, and tells how many they were.
    pub fn sweep(&mut self, now_us: u64, limit: usize) -> usize {
        let before = self.by_key.len();
        let mut left = limit;
        self.by_key.retain(|_, entry| {
            let goes = left > 0 && entry.expires_us <= now_us;
            left -= usize::from(goes);
            !goes
        });
        let gone = before - self.by_key.len();
        self.writes += gone as u64;
        gone
    }
}

/// The key of what is appended to a list of this many entries.
pub fn end_key(entries: u64) -> String {
    let mut key = String::new();
    crate::key::unsigned(&mut key, entries.into());
    key
}

/// A counter's sum, or the number of a collection's entries, as its variable's value
/// says it: 0 while there is none. `None` if that says no number.
pub fn number(value: Option<&[u8]>) -> Option<i64> {
    match value {
        None => Some(0),
        Some(text) => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// A counter's value after an addition, which ends at the bounds of `i64`; `None`
/// if it is no counter's.
pub fn added(before: Option<&[u8]>, addend: Option<&[u8]>) -> Option<Vec<u8>> {
    let sum = number(before)?.saturating_add(number(addend)?);
    Some(sum.to_string().into_bytes())
}

/// Whether a part may be written to the collection whose variable has this value.
pub fn fits(part: Part, variable: Option<&[u8]>, value: Option<&[u8]>) -> bool {
    match part {
        Part::Sum => added(variable, value).is_some(),
        Part::Entry | Part::Range | Part::Len | Part::End => number(variable).is_some(),
    }
}

/// A collection as a variable.
pub fn whole(collection: &Collection) -> BundleField {
    BundleField {
        bundle: collection.bundle(),
        name: collection.name.clone(),
    }
}
