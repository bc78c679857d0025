//! Entries one after the other, page by page.

use super::{
    super::variable,
    core::Core,
    key::{self, Key},
};
use crate::{bounds::Stored, target};
use skylark_abi::{names::MAX_PAGE, span::Span};
use std::{marker::PhantomData, ops::Bound, vec};

/// Entries in a first page whose number nobody said.
const PAGE: u32 = 64;

/// The entries of a range, in the order of their keys: an iterator over keys and
/// values, which reads them page by page.
///
/// A call that has scanned conflicts with one that, meanwhile, changed what it
/// read, or put a new entry among it, and is executed again. The entries that a call
/// may scan are bounded by the node's `--max-scan`, 1000 by default; say how many
/// are needed by [`Scan::limit`].
#[derive(Debug)]
#[must_use = "a scan reads nothing until it is iterated over"]
pub struct Scan<'a, K, V> {
    core: &'a Core,
    /// What is not read yet.
    rest: Option<Span>,
    read: vec::IntoIter<(String, Vec<u8>)>,
    left: Option<u64>,
    pages: u32,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Key, V: Stored + 'static> Scan<'a, K, V> {
    pub(super) fn new(core: &'a Core, from: Bound<String>, to: Bound<String>) -> Self {
        Self {
            core,
            rest: Some(Span {
                from,
                to,
                backwards: false,
                limit: 0,
            }),
            read: Vec::new().into_iter(),
            left: None,
            pages: 0,
            types: PhantomData,
        }
    }

    /// At most so many entries.
    pub fn limit(mut self, entries: usize) -> Self {
        let entries = entries as u64;
        self.left = Some(self.left.map_or(entries, |left| left.min(entries)));
        self
    }

    /// From the last entry to the first. To be said before the first is taken.
    pub fn rev(mut self) -> Self {
        if let Some(span) = &mut self.rest {
            span.backwards = !span.backwards;
        }
        self
    }

    /// The keys alone.
    pub fn keys(self) -> Keys<'a, K, V> {
        Keys(self)
    }

    /// The values alone.
    pub fn values(self) -> Values<'a, K, V> {
        Values(self)
    }

    fn turn(&mut self) -> Option<()> {
        let mut span = self.rest.take()?;
        // The first page of a scan without a limit is small, as it may not be
        // iterated to its end.
        let wanted = match self.left {
            Some(left) => u32::try_from(left).unwrap_or(MAX_PAGE),
            None => PAGE << self.pages.min(2),
        };
        span.limit = wanted.min(MAX_PAGE);
        self.pages += 1;
        let page = self.core.page(&span);
        self.read = page.entries.into_iter();
        if let Some(next) = page.next {
            match span.backwards {
                false => span.from = next,
                true => span.to = next,
            }
            self.rest = Some(span);
        }
        Some(())
    }
}

impl<K: Key, V: Stored + 'static> Iterator for Scan<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        if self.left == Some(0) {
            return None;
        }
        let (text, value) = loop {
            match self.read.next() {
                Some(entry) => break entry,
                None => self.turn()?,
            }
        };
        self.left = self.left.map(|left| left - 1);
        let def = self.core.def();
        let Some(key) = key::read::<K>(&text) else {
            target::abort(def.failure(format_args!(
                "has an entry whose key `{text}` is no `{}`; it was written when its keys were of \
                 another type, and is kept as it is: store the new type under another name with \
                 `rename = \"…\"`",
                std::any::type_name::<K>()
            )));
        };
        match variable::decode(self.core.codec::<V>(), def, &value) {
            Ok(value) => Some((key, value)),
            Err(failure) => target::abort(failure),
        }
    }
}

/// The keys of a [`Scan`].
#[derive(Debug)]
#[must_use = "a scan reads nothing until it is iterated over"]
pub struct Keys<'a, K, V>(Scan<'a, K, V>);

impl<K: Key, V: Stored + 'static> Iterator for Keys<'_, K, V> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        self.0.next().map(|(key, _)| key)
    }
}

/// The values of a [`Scan`].
#[derive(Debug)]
#[must_use = "a scan reads nothing until it is iterated over"]
pub struct Values<'a, K, V>(Scan<'a, K, V>);

impl<K: Key, V: Stored + 'static> Iterator for Values<'_, K, V> {
    type Item = V;

    fn next(&mut self) -> Option<V> {
        self.0.next().map(|(_, value)| value)
    }
}
