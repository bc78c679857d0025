//! Looking at the state that an app has in the store.

use super::{Node, NodeError, StateView, views::bundle_name};
use rmpv::Value as Packed;
use serde_json::{Map, Value, json};
use skylark_abi::{
    Schema,
    keys::Bundle,
    protocol::{BundleField, Versioned, number},
    schema::{Kind, nearest},
    value,
};

/// Most variables in one page of [`Node::states`].
const MAX_STATES: usize = 1000;

impl Node {
    /// The stored variables of an app in the order of their bundle and name,
    /// after `after`, at most `limit` of them; and what to pass as `after` for
    /// the next page, if there may be one.
    ///
    /// # Errors
    /// Unknown app, or a store that cannot be reached.
    pub async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<(Vec<StateView>, Option<BundleField>), NodeError> {
        let loaded = self.loaded(app)?;
        let limit = limit.clamp(1, MAX_STATES);
        let page = self.0.store.states(app, after, limit).await?;
        // A page may be short of its limit; only an empty one is the end.
        let next = page.last().map(|v| v.field.clone());
        let views = page
            .into_iter()
            .map(|v| view(v, loaded.module.schema()))
            .collect();
        Ok((views, next))
    }

    /// One app-scoped variable.
    ///
    /// # Errors
    /// Unknown app, nothing stored under that name, or a store that cannot be
    /// reached.
    pub async fn state(&self, app: &str, name: &str) -> Result<StateView, NodeError> {
        let loaded = self.loaded(app)?;
        let begin = skylark_abi::protocol::Begin {
            ahead: false,
            app: app.to_owned(),
            id: None,
            owner: self.name().to_owned(),
            lease: self.0.config.bounds.lease,
            reads: vec![BundleField {
                bundle: Bundle::App,
                name: name.to_owned(),
            }],
        };
        let schema = loaded.module.schema();
        if let skylark_abi::protocol::Begun::Leased { fields, .. } =
            self.0.store.begin(&begin).await?
            && let Some(found) = fields.into_iter().find(|f| f.value.is_some())
        {
            return Ok(view(found, schema));
        }
        let known = schema.states.keys().map(String::as_str);
        Err(NodeError::UnknownState {
            app: app.to_owned(),
            name: name.to_owned(),
            nearest: nearest(name, known)
                .filter(|n| *n != name)
                .map(str::to_owned),
        })
    }
}

fn view(stored: Versioned, schema: &Schema) -> StateView {
    let declared = schema.states.get(&stored.field.name).map(|e| &e.state);
    let bytes = stored.value.unwrap_or_default();
    let tagged = value::untag(&bytes);
    let counted = declared
        .and_then(|state| state.collection())
        .zip(number(Some(&bytes)));
    let (value, unreadable) = match counted {
        Some((Kind::Counter, number)) => (number.into(), None),
        Some((Kind::Map | Kind::List, entries)) => (json!({ "entries": entries }), None),
        None => shown(&bytes),
    };
    StateView {
        bundle: bundle_name(&stored.field.bundle),
        version: stored.version,
        bytes: bytes.len() as u64,
        r#type: declared.map(|d| d.ty.clone()),
        current: counted.is_some()
            || declared.is_some_and(|d| tagged.is_some_and(|t| t.fingerprint == d.fingerprint())),
        name: stored.field.name,
        value,
        unreadable,
    }
}

/// A stored value as JSON, or why it cannot be shown.
pub(super) fn shown(bytes: &[u8]) -> (Value, Option<String>) {
    let shown = match value::untag(bytes) {
        None => Err("it is not a value that Skylark wrote".to_owned()),
        Some(tagged) => to_json(tagged.payload),
    };
    match shown {
        Ok(value) => (value, None),
        Err(why) => (Value::Null, Some(why)),
    }
}

/// MessagePack as JSON, for people: keys become text, bytes hexadecimal.
pub(super) fn to_json(payload: &[u8]) -> Result<Value, String> {
    let mut rest = payload;
    let packed =
        rmpv::decode::read_value(&mut rest).map_err(|e| format!("it is no MessagePack: {e}"))?;
    if !rest.is_empty() {
        return Err(format!("{} stray bytes follow the value", rest.len()));
    }
    Ok(unpacked(packed))
}

fn unpacked(packed: Packed) -> Value {
    match packed {
        Packed::Nil => Value::Null,
        Packed::Boolean(b) => b.into(),
        Packed::Integer(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => n.into(),
            (_, Some(n)) => n.into(),
            _ => Value::Null,
        },
        Packed::F32(x) => f64::from(x).into(),
        Packed::F64(x) => x.into(),
        Packed::String(s) => String::from_utf8_lossy(s.as_bytes()).into_owned().into(),
        Packed::Binary(bytes) | Packed::Ext(_, bytes) => hex(&bytes).into(),
        Packed::Array(items) => items.into_iter().map(unpacked).collect(),
        Packed::Map(entries) => entries
            .into_iter()
            .map(|(k, v)| (key(k), unpacked(v)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn key(packed: Packed) -> String {
    match unpacked(packed) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::from("0x"), |mut out, b| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messagepack_is_shown_as_json() {
        let check = |packed: Packed, want: Value| {
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &packed).unwrap();
            assert_eq!(to_json(&bytes), Ok(want));
        };
        check(Packed::Nil, Value::Null);
        check((-3).into(), (-3).into());
        check(u64::MAX.into(), u64::MAX.into());
        check(Packed::Binary(vec![0, 255]), "0x00ff".into());
        check(
            Packed::Map(vec![(7.into(), "seven".into()), ("k".into(), true.into())]),
            serde_json::json!({"7": "seven", "k": true}),
        );
    }

    #[test]
    fn what_is_no_messagepack_says_why() {
        let check = |bytes: &[u8], want: &str| {
            let why = to_json(bytes).unwrap_err();
            assert!(why.contains(want), "`{why}` does not say `{want}`");
        };
        check(&[], "no MessagePack");
        check(&[0xdb, 255, 255, 255, 255], "no MessagePack");
        check(&[1, 2], "1 stray bytes");
    }
}
