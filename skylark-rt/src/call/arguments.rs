//! Takes an input apart into one value for each argument.

use super::FunctionDef;
use crate::codec::{Mismatch, syntax};
use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use skylark_abi::{
    call::{Failure, FailureKind},
    schema::nearest,
    value::{Codec, fingerprint, untag},
};
use std::fmt;

/// One encoded value for each argument, in order.
#[derive(Debug)]
pub(super) struct Given<'a> {
    values: Vec<&'a [u8]>,
    codec: Codec,
    /// Fingerprint of the type that wrote a compact input.
    writer: Option<u64>,
}

impl<'a> Given<'a> {
    /// Splits `input`; checks number and names.
    pub(super) fn split(def: &FunctionDef, input: &'a [u8], codec: Codec) -> Result<Self, Failure> {
        match codec {
            Codec::Json => Ok(Self {
                values: split_json(def, input)?,
                codec,
                writer: None,
            }),
            Codec::Compact => {
                let tagged = untag(input).ok_or_else(|| {
                    refuse(def, "its predecessor sent a value without a tag".into())
                })?;
                Ok(Self {
                    values: split_compact(def, tagged.payload)?,
                    codec,
                    writer: Some(tagged.fingerprint),
                })
            }
        }
    }

    /// The value of an argument; nothing past the last.
    pub(super) fn at(&self, index: usize) -> (&'a [u8], Codec) {
        (self.values.get(index).copied().unwrap_or(&[]), self.codec)
    }

    /// The failure for a value that does not fit its argument's type.
    #[cold]
    pub(super) fn blame(&self, def: &FunctionDef, index: usize, mismatch: &Mismatch) -> Failure {
        let (name, ty) = def.args.get(index).copied().unwrap_or(("?", "?"));
        let Mismatch { path, message } = mismatch;
        let mut text = if path.is_empty() {
            format!(
                "argument `{name}` of `{}` is no `{ty}`: {message}",
                def.name
            )
        } else {
            format!(
                "argument `{name}` of `{}` is no `{ty}`: {message} at `{path}`",
                def.name
            )
        };
        if let Some(writer) = self.writer {
            text += &format!(
                " (schema {:016x}; its predecessor sent {writer:016x})",
                fingerprint(ty)
            );
        }
        // A single argument is the whole input; one of several is a member of it.
        let place = match (def.args, path.as_str()) {
            ([_], path) => path.to_owned(),
            (_, "") => name.to_owned(),
            (_, path) if path.starts_with('[') => format!("{name}{path}"),
            (_, path) => format!("{name}.{path}"),
        };
        let failure = Failure::new(FailureKind::Input, text);
        if place.is_empty() {
            failure
        } else {
            failure.at(place)
        }
    }
}

fn refuse(def: &FunctionDef, why: String) -> Failure {
    Failure::new(FailureKind::Input, format!("`{}`: {why}", def.name))
}

/// `photo: Photo`, `scale: u32`.
fn signature(def: &FunctionDef) -> String {
    let args: Vec<_> = def
        .args
        .iter()
        .map(|(name, ty)| format!("`{name}: {ty}`"))
        .collect();
    args.join(", ")
}

fn split_json<'a>(def: &FunctionDef, input: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
    match def.args {
        [] => {
            let dense = || input.iter().filter(|b| !b.is_ascii_whitespace());
            let nothing: [&[u8]; 4] = [b"", b"null", b"[]", b"{}"];
            if nothing.iter().any(|n| dense().eq(n.iter())) {
                Ok(Vec::new())
            } else {
                Err(refuse(
                    def,
                    "it takes no arguments: send nothing, `null` or `[]`".into(),
                ))
            }
        }
        [_] => Ok(vec![input]),
        _ => match input.trim_ascii_start().first() {
            Some(b'{') => json_object(def, input),
            Some(b'[') => json_array(def, input),
            _ => Err(refuse(
                def,
                format!(
                    "send a JSON object with its arguments by name, or an array of them in order: {}",
                    signature(def)
                ),
            )),
        },
    }
}

fn json_array<'a>(def: &FunctionDef, input: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
    let values: Vec<&RawValue> =
        serde_json::from_slice(input).map_err(|e| refuse(def, syntax(&e).message))?;
    if values.len() != def.args.len() {
        return Err(wrong_number(def, values.len()));
    }
    Ok(values.into_iter().map(|v| v.get().as_bytes()).collect())
}

fn json_object<'a>(def: &FunctionDef, input: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
    let Members(members) =
        serde_json::from_slice(input).map_err(|e| refuse(def, syntax(&e).message))?;
    for (i, (name, _)) in members.iter().enumerate() {
        if !def.args.iter().any(|(arg, _)| arg == name) {
            let hint = match nearest(name, def.args.iter().map(|(arg, _)| *arg)) {
                Some(meant) => format!("; did you mean `{meant}`?"),
                None => String::new(),
            };
            let why = format!(
                "it has no argument `{name}`{hint} (it takes {})",
                signature(def)
            );
            return Err(refuse(def, why).at(name));
        }
        if members.iter().take(i).any(|(earlier, _)| earlier == name) {
            return Err(refuse(def, format!("argument `{name}` is given twice")).at(name));
        }
    }
    def.args
        .iter()
        .map(
            |(arg, ty)| match members.iter().find(|(name, _)| name == arg) {
                Some((_, value)) => Ok(value.get().as_bytes()),
                None => Err(refuse(def, format!("argument `{arg}: {ty}` is missing")).at(*arg)),
            },
        )
        .collect()
}

fn wrong_number(def: &FunctionDef, found: usize) -> Failure {
    refuse(
        def,
        format!(
            "it takes {} arguments ({}), not {found}",
            def.args.len(),
            signature(def)
        ),
    )
}

/// A predecessor's output: the value itself for one argument, a tuple for
/// several, the unit for none.
fn split_compact<'a>(def: &FunctionDef, payload: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
    const NIL: u8 = 0xc0;
    const ARRAY: u8 = 0x90;
    const ARRAY_MAX: usize = 15;
    match (def.args.len(), payload) {
        (0, [NIL]) => Ok(Vec::new()),
        (1, _) => Ok(vec![payload]),
        // Tuples are written in the shortest form: one byte with the length.
        (args, [head, elements @ ..]) if head & 0xf0 == ARRAY => {
            let found = usize::from(*head) & ARRAY_MAX;
            if found != args {
                return Err(wrong_number(def, found));
            }
            (0..found)
                .scan(elements, |rest, _| Some(next_value(def, rest)))
                .collect()
        }
        _ => Err(refuse(
            def,
            format!(
                "its predecessor did not send a tuple of {} values ({})",
                def.args.len(),
                signature(def)
            ),
        )),
    }
}

/// Cuts one MessagePack value off the front of `rest`.
fn next_value<'a>(def: &FunctionDef, rest: &mut &'a [u8]) -> Result<&'a [u8], Failure> {
    let whole = *rest;
    IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(&mut *rest))
        .map_err(|e| refuse(def, format!("its predecessor's value cannot be read: {e}")))?;
    Ok(whole.get(..whole.len() - rest.len()).unwrap_or(whole))
}

/// The members of a JSON object, in order, repeated ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
