//! What of a collection is scanned.

use crate::value;
use minicbor::{Decode, Encode};
use std::ops::Bound;

/// Entries between two keys, at most so many of them, in their order or against
/// it.
///
/// As text it is `<limit><+ or -><bytes of the first bound>:<bounds>`, and a bound
/// is written as Redis takes it: `-`, `+`, `[key`, `(key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// From this key on.
    pub from: Bound<String>,
    /// Up to this one.
    pub to: Bound<String>,
    /// The last ones first.
    pub backwards: bool,
    /// Most entries.
    pub limit: u32,
}

/// Entries of a [`Span`], in the order in which they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Scanned {
    /// They.
    #[n(0)]
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// The key's text ([`crate::key`]).
    #[n(0)]
    pub key: String,
    /// Tagged bytes ([`crate::value`]).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Vec<u8>,
}

impl Span {
    /// As a field's name says it.
    pub fn to_text(&self) -> String {
        let bound = |bound: &Bound<String>, open: &str| match bound {
            Bound::Included(key) => format!("[{key}"),
            Bound::Excluded(key) => format!("({key}"),
            Bound::Unbounded => open.to_owned(),
        };
        let (from, to) = (bound(&self.from, "-"), bound(&self.to, "+"));
        let direction = if self.backwards { '-' } else { '+' };
        format!("{}{direction}{}:{from}{to}", self.limit, from.len())
    }

    /// Undoes [`Span::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        let direction = text.find(['+', '-'])?;
        let limit = text[..direction].parse().ok()?;
        let (len, bounds) = text[direction + 1..].split_once(':')?;
        let (from, to) = bounds.split_at_checked(len.parse().ok()?)?;
        let bound = |text: &str, open: &str| match text.chars().next()? {
            '[' => Some(Bound::Included(text[1..].to_owned())),
            '(' => Some(Bound::Excluded(text[1..].to_owned())),
            _ => (text == open).then_some(Bound::Unbounded),
        };
        Some(Self {
            from: bound(from, "-")?,
            to: bound(to, "+")?,
            backwards: text[direction..].starts_with('-'),
            limit,
        })
    }

    /// Whether no key can be in it; a map's range over such bounds panics.
    pub fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (
                Bound::Included(from) | Bound::Excluded(from),
                Bound::Included(to) | Bound::Excluded(to),
            ) => from >= to,
        }
    }
}

/// What a scan is checked by: the same keys at the same versions give the same.
#[derive(Debug, Default)]
pub struct Digest(Vec<u8>);

impl Digest {
    /// Adds an entry.
    pub fn add(&mut self, key: &str, version: u64) {
        self.0.extend_from_slice(key.as_bytes());
        // In no UTF-8.
        self.0.push(0xff);
        self.0.extend_from_slice(&version.to_le_bytes());
    }

    /// Of all that was added.
    pub fn finish(&self) -> u64 {
        value::fingerprint_bytes(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_back() {
        let key = |k: &str| k.to_owned();
        let rows = [
            (Bound::Unbounded, Bound::Unbounded, false, "7+1:-+"),
            (
                Bound::Included(key("a")),
                Bound::Excluded(key("-+:b")),
                true,
                "7-2:[a(-+:b",
            ),
            (
                Bound::Excluded(key("")),
                Bound::Included(key("ä\0")),
                false,
                "7+1:([ä\0",
            ),
        ];
        for (from, to, backwards, text) in rows {
            let span = Span {
                from,
                to,
                backwards,
                limit: 7,
            };
            assert_eq!(span.to_text(), text);
            assert_eq!(Span::parse(text), Some(span));
        }
        for wrong in [
            "", "7", "7+", "x+1:-+", "7+9:-+", "7+1:--", "7+1:+-", "7+2:[ä+",
        ] {
            assert_eq!(Span::parse(wrong), None, "{wrong}");
        }
    }
}
