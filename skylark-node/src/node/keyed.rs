//! What a function's arguments choose: the bundle of keyed state, and entries of
//! collections. So these are fetched with the rest before the call.

use rmpv::Value as Packed;
use serde_json::Value;
use skylark_abi::{
    Schema,
    call::Scope,
    key,
    keys::{Bundle, Collection, KeyText, Part, read_key},
    names::MAX_KEY,
    protocol::BundleField,
    run::Invocation,
    schema::State,
    value::{self, Codec},
};
use std::collections::BTreeSet;

/// A place among a function's arguments: the name of one, and of fields within it,
/// with dots between them (`order`, `order.item.id`).
pub(super) type ArgumentPath = String;

/// A part of a collection that can be told before the call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartHint {
    /// The collection.
    pub(super) state: String,
    pub(super) part: Told,
}

/// Which part it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// The entry whose key is the value at a place.
    Entry(ArgumentPath),
    /// The number of entries.
    Len,
}

impl PartHint {
    /// What the store calls the part, if the arguments tell it.
    pub(super) fn part(&self, arguments: &Arguments<'_>) -> Option<(Part, String)> {
        Some(match &self.part {
            Told::Entry(path) => (Part::Entry, arguments.at(path)?.entry_key()?),
            Told::Len => (Part::Len, String::new()),
        })
    }
}

/// The arguments of an invocation.
pub(super) enum Arguments<'a> {
    Json(Vec<&'a str>, serde_json::Value),
    Compact(Vec<&'a str>, Packed),
}

/// A value that may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Text(String),
    Number(i128),
    Bool(bool),
}

/// How deep among the arguments keys are looked for, and how many values.
const MAX_DEPTH: usize = 3;
const MAX_SCALARS: usize = 64;

impl<'a> Arguments<'a> {
    /// Those of an invocation, if they can be read without its types.
    pub(super) fn of(schema: &'a Schema, invocation: &Invocation) -> Option<Self> {
        let args = &schema.functions.get(&invocation.function)?.function.args;
        let names = args.iter().map(|a| a.name.as_str()).collect();
        Some(match invocation.input_codec {
            Codec::Json => Self::Json(names, serde_json::from_slice(&invocation.input).ok()?),
            Codec::Compact => {
                let mut payload = value::untag(&invocation.input)?.payload;
                Self::Compact(names, rmpv::decode::read_value(&mut payload).ok()?)
            }
        })
    }

    /// The value at a place, if it may be a key.
    pub(super) fn at(&self, path: &str) -> Option<Scalar> {
        let mut path = path.split('.');
        let first = path.next()?;
        match self {
            Self::Json(names, given) => {
                let mut value = json_argument(names, given, first)?;
                for name in path {
                    value = value.get(name)?;
                }
                json_scalar(value)
            }
            Self::Compact(names, given) => {
                let mut value = compact_argument(names, given, first)?;
                for name in path {
                    value = compact_field(value, name)?;
                }
                compact_scalar(value)
            }
        }
    }

    /// All that may be keys, with their places.
    pub(super) fn scalars(&self) -> Vec<(ArgumentPath, Scalar)> {
        let mut found = Vec::new();
        match self {
            Self::Json(names, given) => {
                for name in names {
                    if let Some(value) = json_argument(names, given, name) {
                        json_scalars(name, value, MAX_DEPTH, &mut found);
                    }
                }
            }
            Self::Compact(names, given) => {
                for name in names {
                    if let Some(value) = compact_argument(names, given, name) {
                        compact_scalars(name, value, MAX_DEPTH, &mut found);
                    }
                }
            }
        }
        found
    }
}

impl Scalar {
    /// As it chooses a bundle.
    fn bundle_key(self) -> Option<String> {
        let key = match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Bool(bool) => bool.to_string(),
        };
        (key.len() <= MAX_KEY).then_some(key)
    }

    fn value(self) -> Option<Value> {
        Some(match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => Value::Number(serde_json::Number::from_i128(number)?),
            Self::Bool(bool) => bool.into(),
        })
    }

    /// As the key of an entry.
    pub(super) fn entry_key(&self) -> Option<String> {
        let mut text = String::new();
        match self {
            Self::Text(part) => key::text(&mut text, part),
            Self::Number(number) => key::signed(&mut text, *number),
            Self::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        }
        (text.len() <= MAX_KEY).then_some(text)
    }
}

/// Of the variables in `names`, and of the parts that are hinted at, those that
/// can be told from the invocation's arguments. One that cannot is left to the guest
/// to ask for.
pub(super) fn fields<'a>(
    schema: &Schema,
    names: &BTreeSet<String>,
    hints: impl Iterator<Item = &'a PartHint>,
    invocation: &Invocation,
) -> Vec<BundleField> {
    let mut hints = hints.peekable();
    if names.is_empty() && hints.peek().is_none() {
        return Vec::new();
    }
    let Some(arguments) = Arguments::of(schema, invocation) else {
        return Vec::new();
    };
    let of_state = |name: &String| {
        let key = bundle_key(&schema.state(name)?.state, &arguments)?;
        Some(BundleField {
            bundle: Bundle::Key(key),
            name: name.clone(),
        })
    };
    let part = |hint: &PartHint| {
        let state = &schema.states.get(&hint.state)?.state;
        let key = match state.scope {
            Scope::App => None,
            Scope::Key => Some(bundle_key(state, &arguments)?),
            Scope::Chain => return None,
        };
        let of = Collection {
            key,
            name: hint.state.clone(),
        };
        let (part, name) = hint.part(&arguments)?;
        Some(BundleField {
            bundle: Bundle::Part(of, part),
            name,
        })
    };
    let states = names.iter().filter_map(of_state);
    states.chain(hints.filter_map(part)).collect()
}

/// The bundle of a keyed variable that the arguments choose.
fn bundle_key(state: &State, arguments: &Arguments<'_>) -> Option<String> {
    match read_key(state.key.as_deref()?)? {
        KeyText::One(path) => arguments.at(&path.join("."))?.bundle_key(),
        KeyText::Several(paths) => {
            let leaves = paths
                .iter()
                .map(|path| arguments.at(&path.join("."))?.value());
            let leaves: Option<Vec<Value>> = leaves.collect();
            let key = Value::Array(leaves?).to_string();
            (key.len() <= MAX_KEY).then_some(key)
        }
    }
}

/// One that is there for its key only may be named `_station`.
fn position(names: &[&str], name: &str) -> Option<usize> {
    names
        .iter()
        .position(|n| *n == name || n.strip_prefix('_') == Some(name))
}

fn json_argument<'v>(
    names: &[&str],
    given: &'v serde_json::Value,
    name: &str,
) -> Option<&'v serde_json::Value> {
    let index = position(names, name)?;
    match (names.len(), given) {
        (1, _) => Some(given),
        (_, serde_json::Value::Array(items)) => items.get(index),
        (_, serde_json::Value::Object(fields)) => fields.get(names[index]),
        _ => None,
    }
}

fn json_scalar(value: &serde_json::Value) -> Option<Scalar> {
    match value {
        serde_json::Value::String(text) => Some(Scalar::Text(text.clone())),
        serde_json::Value::Bool(bool) => Some(Scalar::Bool(*bool)),
        serde_json::Value::Number(number) => number.as_i128().map(Scalar::Number),
        // The type may write it in another order than the caller did.
        _ => None,
    }
}

fn json_scalars(
    path: &str,
    value: &serde_json::Value,
    depth: usize,
    found: &mut Vec<(ArgumentPath, Scalar)>,
) {
    if found.len() >= MAX_SCALARS {
        return;
    }
    if let Some(scalar) = json_scalar(value) {
        found.push((path.to_owned(), scalar));
    } else if let (serde_json::Value::Object(fields), 1..) = (value, depth) {
        for (name, value) in fields {
            json_scalars(&format!("{path}.{name}"), value, depth - 1, found);
        }
    }
}

fn compact_argument<'v>(names: &[&str], given: &'v Packed, name: &str) -> Option<&'v Packed> {
    let index = position(names, name)?;
    match (names.len(), given) {
        (1, _) => Some(given),
        (_, Packed::Array(items)) => items.get(index),
        _ => None,
    }
}

fn compact_field<'v>(value: &'v Packed, name: &str) -> Option<&'v Packed> {
    let fields = value.as_map()?;
    let found = fields.iter().find(|(key, _)| key.as_str() == Some(name));
    found.map(|(_, value)| value)
}

fn compact_scalar(value: &Packed) -> Option<Scalar> {
    match value {
        Packed::String(text) => Some(Scalar::Text(text.as_str()?.to_owned())),
        Packed::Boolean(bool) => Some(Scalar::Bool(*bool)),
        Packed::Integer(number) => {
            let number = number
                .as_i64()
                .map(i128::from)
                .or(number.as_u64().map(i128::from));
            number.map(Scalar::Number)
        }
        _ => None,
    }
}

fn compact_scalars(
    path: &str,
    value: &Packed,
    depth: usize,
    found: &mut Vec<(ArgumentPath, Scalar)>,
) {
    if found.len() >= MAX_SCALARS {
        return;
    }
    if let Some(scalar) = compact_scalar(value) {
        found.push((path.to_owned(), scalar));
    } else if let (Packed::Map(fields), 1..) = (value, depth) {
        for (name, value) in fields {
            if let Some(name) = name.as_str() {
                compact_scalars(&format!("{path}.{name}"), value, depth - 1, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::{
        InvocationId,
        journal::Seen,
        schema::{Arg, Function, Item, Record},
    };

    fn packed(json: &serde_json::Value) -> Packed {
        use serde_json::Value;
        match json {
            Value::Null => Packed::Nil,
            Value::Bool(bool) => (*bool).into(),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| number.as_f64().unwrap_or_default().into(), Packed::from),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => Packed::Array(items.iter().map(packed).collect()),
            Value::Object(fields) => {
                let fields = fields.iter();
                Packed::Map(
                    fields
                        .map(|(k, v)| (k.as_str().into(), packed(v)))
                        .collect(),
                )
            }
        }
    }

    fn schema(args: &[&str]) -> Schema {
        let args = args.iter().map(|name| Arg {
            name: (*name).to_owned(),
            ty: "T".into(),
        });
        let function = Function {
            name: "f".into(),
            ident: "f".into(),
            args: args.collect(),
            ..Function::default()
        };
        let state = |name: &str, scope, key: Option<&str>| {
            Item::State(State {
                name: name.into(),
                ident: name.into(),
                scope,
                cell: "Map".into(),
                key: key.map(str::to_owned),
                ..State::default()
            })
        };
        let items = [
            Item::Function(function),
            state("M", Scope::App, None),
            state("K", Scope::Key, Some("city")),
        ];
        Schema::from_records(items.map(|item| Record {
            abi: skylark_abi::names::ABI_VERSION,
            module: "app".into(),
            item,
        }))
        .expect("a schema")
    }

    fn check(
        args: &[&str],
        json: &str,
        state: &str,
        path: &str,
        want: Option<(Option<&str>, &str)>,
    ) {
        let schema = schema(args);
        let hint = PartHint {
            state: state.into(),
            part: Told::Entry(path.into()),
        };
        let given: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let mut compact = value::header(0).to_vec();
        rmpv::encode::write_value(&mut compact, &packed(&given)).expect("MessagePack");
        let mut inputs = vec![(Codec::Json, json.as_bytes().to_vec())];
        if !given.is_object() || args.len() == 1 {
            inputs.push((Codec::Compact, compact));
        }
        for (input_codec, input) in inputs {
            let invocation = Invocation {
                app: "app".into(),
                function: "f".into(),
                id: InvocationId::root("app.1"),
                input,
                input_codec,
                chain_state: Vec::new(),
                origin: "here".into(),
                durable: false,
                policy: None,
                placed: None,
                tasks: Vec::new(),
                reply: None,
                seen: Seen::default(),
                attempt: 0,
            };
            let found = fields(&schema, &BTreeSet::new(), [&hint].into_iter(), &invocation);
            let want = want.map(|(key, at)| BundleField {
                bundle: Bundle::Part(
                    Collection {
                        key: key.map(str::to_owned),
                        name: state.into(),
                    },
                    Part::Entry,
                ),
                name: at.into(),
            });
            assert_eq!(
                found.first(),
                want.as_ref(),
                "{json} {path} {input_codec:?}"
            );
            let arguments = Arguments::of(&schema, &invocation).expect("arguments");
            let all = arguments.scalars();
            let listed = all
                .iter()
                .find(|(at, _)| at == path)
                .map(|(_, s)| s.clone());
            assert_eq!(listed, arguments.at(path), "{json} {path}");
        }
    }

    #[test]
    fn entries_are_told_from_arguments() {
        check(&["name"], r#""ann""#, "M", "name", Some((None, "ann")));
        check(&["id"], "42", "M", "id", Some((None, "B42")));
        check(&["id"], "-42", "M", "id", Some((None, "?57")));
        check(&["id"], "4.5", "M", "id", None);
        check(&["on"], "true", "M", "on", Some((None, "true")));
        check(&["a", "b"], r#"[1, "x"]"#, "M", "b", Some((None, "x")));
        check(
            &["a", "b"],
            r#"{"a": 1, "b": "x"}"#,
            "M",
            "b",
            Some((None, "x")),
        );
        check(&["a", "b"], r#"[1]"#, "M", "b", None);
        let order = r#"{"item": {"id": 7}, "to": "ann"}"#;
        check(&["order"], order, "M", "order.item.id", Some((None, "A7")));
        check(&["order"], order, "M", "order.to", Some((None, "ann")));
        check(&["order"], order, "M", "order.item", None);
        check(&["order"], order, "M", "order.by", None);
        let args = ["city", "what"];
        check(
            &args,
            r#"["Graz", "tea"]"#,
            "K",
            "what",
            Some((Some("Graz"), "tea")),
        );
    }
}
