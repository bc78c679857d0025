//! Looking at the entries of a collection that an app has in the store.

use super::{EntryView, Node, NodeError, state::shown};
use serde_json::{Number, Value};
use skylark_abi::{
    key,
    keys::{Bundle, Collection, Part},
    names::MAX_PAGE,
    protocol::{Begin, Begun, BundleField},
    schema::{Kind, nearest},
    span::{Scanned, Span},
};
use std::ops::Bound;

impl Node {
    /// The entries of a collection in the order of their keys, after that of which
    /// `after` is the text, at most `limit` of them; and what to pass as `after` for
    /// the next page, if there may be one. `key` chooses the bundle of one per key.
    ///
    /// # Errors
    /// Unknown app, no collection of that name, or a store that cannot be reached.
    pub async fn entries(
        &self,
        app: &str,
        name: &str,
        key: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<EntryView>, Option<String>), NodeError> {
        let loaded = self.loaded(app)?;
        let states = &loaded.module.schema().states;
        let is_one = |kind| matches!(kind, Kind::Map | Kind::List);
        let found = states.get(name).map(|entry| &entry.state);
        let Some(declared) = found.filter(|s| s.collection().is_some_and(is_one)) else {
            let known = states.iter().filter(|(_, e)| !e.state.is_whole());
            return Err(NodeError::UnknownState {
                app: app.to_owned(),
                name: name.to_owned(),
                nearest: nearest(name, known.map(|(name, _)| name.as_str())).map(str::to_owned),
            });
        };
        let limit = u32::try_from(limit).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let span = Span {
            from: after.map_or(Bound::Unbounded, Bound::Excluded),
            to: Bound::Unbounded,
            backwards: false,
            limit,
        };
        let of = Collection {
            key,
            name: name.to_owned(),
        };
        let begin = Begin {
            ahead: false,
            app: app.to_owned(),
            id: None,
            owner: self.name().to_owned(),
            lease: self.0.config.bounds.lease,
            reads: vec![BundleField {
                bundle: Bundle::Part(of, Part::Range),
                name: span.to_text(),
            }],
        };
        let Begun::Leased { fields, .. } = self.0.store.begin(&begin).await? else {
            return Ok((Vec::new(), None));
        };
        let page = fields.into_iter().next().and_then(|field| field.value);
        let page = page.and_then(|bytes| skylark_abi::decode::<Scanned>(&bytes).ok());
        let entries = page.unwrap_or_default().entries;
        let is_full = entries.len() >= limit as usize;
        let next = entries.last().map(|entry| entry.key.clone());
        let views = entries.into_iter().map(|entry| {
            let (value, unreadable) = shown(&entry.value);
            EntryView {
                key: key_as_json(&declared.ty, &entry.key),
                bytes: entry.value.len() as u64,
                value,
                unreadable,
            }
        });
        Ok((views.collect(), next.filter(|_| is_full)))
    }
}

/// The key that has this text, as far as the source text of the collection's type
/// (`Map<(u8, String), Seat>`) tells what it is.
fn key_as_json(collection: &str, text: &str) -> Value {
    let arguments = collection.split_once('<').map_or("", |(_, rest)| rest);
    let of_list = collection.trim_start().starts_with("List");
    let ty = if of_list {
        "u64"
    } else {
        first(arguments).trim()
    };
    match ty.strip_prefix('(').and_then(|ty| ty.strip_suffix(')')) {
        None => part_as_json(ty, text),
        Some(mut types) => {
            let parts = text.split(key::SEPARATOR).map(|part| {
                let ty = first(types);
                types = types.get(ty.len() + 1..).unwrap_or_default();
                part_as_json(ty.trim(), part)
            });
            parts.collect()
        }
    }
}

/// What comes before the first comma that is in no brackets, or the bracket that
/// closes.
fn first(types: &str) -> &str {
    let mut depth = 0;
    let end = types.find(|c| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        depth < 0 || (depth == 0 && c == ',')
    });
    end.map_or(types, |end| &types[..end])
}

fn part_as_json(ty: &str, part: &str) -> Value {
    let is_number = ty.len() > 1 && ty.starts_with(['u', 'i']);
    let number = is_number.then(|| key::read_signed(part)).flatten();
    match (number, key::read_text(part)) {
        (Some(number), _) => {
            Number::from_i128(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        (None, Some(text)) if ty == "bool" => text.parse().map_or(Value::String(text), Value::Bool),
        (None, Some(text)) => text.into(),
        // A type that is not known by its name, with several parts.
        (None, None) => part.split(key::SEPARATOR).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_shown_as_they_are() {
        let check = |ty: &str, text: &str, want: Value| {
            assert_eq!(key_as_json(ty, text), want, "{ty} {text}");
        };
        check("Map<String, u32>", "ann", json!("ann"));
        check("Map<String, u32>", "a\u{1}\u{1}", json!("a\0"));
        check("Map<u64, Account>", "B42", json!(42));
        check("Map<i8, Account>", "?57", json!(-42));
        check("Map<bool, (u8, u8)>", "true", json!(true));
        check("Map<(u8, String), Vec<u8>>", "A7\0B42", json!([7, "B42"]));
        check("Map<(Vec<u8>, i64), u8>", "0fff\0@8", json!(["0fff", -1]));
        check("Map<Seat, u8>", "A7", json!("A7"));
        check("Map<Seat, u8>", "A7\0x", json!(["A7", "x"]));
        check("List<Vec<u8>>", "B10", json!(10));
    }
}
