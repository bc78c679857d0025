//! Which bundles a function's arguments choose, so that keyed state is fetched
//! with the rest before the call.

use rmpv::Value as Packed;
use skylark_abi::{
    Schema,
    keys::Bundle,
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
    let field = |name: &String| {
        let arg = schema.states.get(name)?.state.key.as_deref()?;
        let index = args.iter().position(|a| *a == arg)?;
        let key = match invocation.input_codec {
            Codec::Json => of_json(&invocation.input, &args, index),
            Codec::Compact => of_compact(&invocation.input, &args, index),
        }?;
        (key.len() <= MAX_KEY).then(|| BundleField {
            bundle: Bundle::Key(key),
            name: name.clone(),
        })
    };
    names.iter().filter_map(field).collect()
}

fn of_json(input: &[u8], args: &[&str], index: usize) -> Option<String> {
    let given: serde_json::Value = serde_json::from_slice(input).ok()?;
    let value = match (args.len(), &given) {
        (1, _) => &given,
        (_, serde_json::Value::Array(items)) => items.get(index)?,
        (_, serde_json::Value::Object(fields)) => fields.get(args[index])?,
        _ => return None,
    };
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Some(value.to_string()),
        // The type may write it in another order than the caller did.
        _ => None,
    }
}

fn of_compact(input: &[u8], args: &[&str], index: usize) -> Option<String> {
    let mut payload = value::untag(input)?.payload;
    let given = rmpv::decode::read_value(&mut payload).ok()?;
    let value = match (args.len(), &given) {
        (1, _) => &given,
        (_, Packed::Array(items)) => items.get(index)?,
        _ => return None,
    };
    match value {
        Packed::String(text) => text.as_str().map(str::to_owned),
        Packed::Boolean(_) | Packed::Integer(_) => Some(value.to_string()),
        _ => None,
    }
}
