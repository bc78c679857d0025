//! Which bundles a function's arguments choose, so that keyed state is fetched
//! with the rest before the call.

use rmpv::Value as Packed;
use serde_json::Value;
use skylark_abi::{
    Schema,
    keys::{Bundle, KeyText, read_key},
    names::MAX_KEY,
    protocol::BundleField,
    run::Invocation,
    value::{self, Codec},
};
use std::collections::BTreeSet;

/// Of the variables in `names`, those whose key can be told from the invocation's
/// arguments. One that cannot is left to the guest to ask for.
pub(super) fn fields(
    schema: &Schema,
    names: &BTreeSet<String>,
    invocation: &Invocation,
) -> Vec<BundleField> {
    if names.is_empty() {
        return Vec::new();
    }
    let Some(entry) = schema.functions.get(&invocation.function) else {
        return Vec::new();
    };
    let args: Vec<&str> = entry
        .function
        .args
        .iter()
        .map(|a| a.name.as_str())
        .collect();
    let given = Given::read(invocation);
    let field = |name: &String| {
        let text = schema.state(name)?.state.key.as_deref()?;
        let leaf = |path: &[&str]| given.as_ref()?.leaf(&args, path);
        let key = match read_key(text)? {
            KeyText::One(path) => match leaf(&path)? {
                Value::String(text) => text,
                leaf => leaf.to_string(),
            },
            KeyText::Several(paths) => {
                let leaves: Option<Vec<Value>> = paths.iter().map(|path| leaf(path)).collect();
                Value::Array(leaves?).to_string()
            }
        };
        (key.len() <= MAX_KEY).then(|| BundleField {
            bundle: Bundle::Key(key),
            name: name.clone(),
        })
    };
    names.iter().filter_map(field).collect()
}

/// An invocation's arguments.
enum Given {
    Json(Value),
    Compact(Packed),
}

impl Given {
    fn read(invocation: &Invocation) -> Option<Self> {
        let input = &invocation.input;
        match invocation.input_codec {
            Codec::Json => serde_json::from_slice(input).ok().map(Self::Json),
            Codec::Compact => {
                let mut payload = value::untag(input)?.payload;
                let given = rmpv::decode::read_value(&mut payload).ok()?;
                Some(Self::Compact(given))
            }
        }
    }

    /// The text, number or truth value that a path leads to. What is made of more
    /// may be written in another order by its type than by the caller.
    fn leaf(&self, args: &[&str], path: &[&str]) -> Option<Value> {
        let (argument, fields) = path.split_first()?;
        // One that is there for its key only may be named `_station`.
        let is_it = |arg: &&str| arg == argument || arg.strip_prefix('_') == Some(argument);
        let index = args.iter().position(is_it)?;
        match self {
            Self::Json(given) => {
                let value = match (args.len(), given) {
                    (1, _) => given,
                    (_, Value::Array(items)) => items.get(index)?,
                    (_, Value::Object(members)) => members.get(args[index])?,
                    _ => return None,
                };
                let leaf = fields.iter().try_fold(value, |value, field| match value {
                    Value::Object(members) => members.get(*field),
                    _ => None,
                });
                match leaf? {
                    Value::Number(number) if number.is_f64() => None,
                    leaf @ (Value::String(_) | Value::Bool(_) | Value::Number(_)) => {
                        Some(leaf.clone())
                    }
                    _ => None,
                }
            }
            Self::Compact(given) => {
                let value = match (args.len(), given) {
                    (1, _) => given,
                    (_, Packed::Array(items)) => items.get(index)?,
                    _ => return None,
                };
                let leaf = fields.iter().try_fold(value, |value, field| {
                    let mut members = value.as_map()?.iter();
                    let found = members.find(|(name, _)| name.as_str() == Some(field));
                    found.map(|(_, value)| value)
                });
                match leaf? {
                    Packed::String(text) => text.as_str().map(Value::from),
                    Packed::Boolean(truth) => Some(Value::from(*truth)),
                    Packed::Integer(number) => number
                        .as_u64()
                        .map(Value::from)
                        .or_else(|| number.as_i64().map(Value::from)),
                    _ => None,
                }
            }
        }
    }
}
