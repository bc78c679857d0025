//! The key of a state variable, from the arguments of the function that uses it.

use super::{FunctionDef, arguments::Given};
use crate::{codec, state::StateDef};
use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;
use skylark_abi::{call::Failure, names::MAX_KEY, value::Codec};
use std::{fmt, ops::Deref};

/// What is known of a key when it is compiled.
#[derive(Debug)]
pub struct KeyDef {
    /// As it is written: `station`, `format!("{user}-{year}")`.
    pub text: &'static str,
    /// Makes it of the arguments.
    pub of: fn(&KeyArguments<'_>) -> Result<String, Failure>,
}

/// The arguments of the running function, for a key.
#[derive(Debug)]
pub struct KeyArguments<'a> {
    pub(super) def: &'a FunctionDef,
    pub(super) given: &'a Given<'a>,
    pub(super) state: &'a StateDef,
}

/// An argument, or a field of one, as it was sent: its text, or the text of its
/// JSON if it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    value: Value,
    text: String,
}

impl Part {
    fn new(value: Value) -> Self {
        let text = match &value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        Self { value, text }
    }
}

impl Deref for Part {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl KeyArguments<'_> {
    /// An argument, or what the fields lead to in it.
    ///
    /// # Errors
    /// The function has no such argument, or its value no such field.
    pub fn part(&self, argument: &str, fields: &[&str]) -> Result<Part, Failure> {
        let (value, codec) = self.given.at(self.index(argument)?);
        let value: Option<Value> = match codec {
            Codec::Json => serde_json::from_slice(value).ok(),
            Codec::Compact => codec::from_payload(value).ok(),
        };
        let mut value = value.ok_or_else(|| {
            self.refuse(format_args!(
                "the argument `{argument}` has a value that cannot be a key: keys are texts, whole \
                 numbers, booleans, or made of them"
            ))
        })?;
        for field in fields {
            let found = match (&mut value, field.parse::<usize>()) {
                (Value::Object(members), _) => members.remove(*field),
                (Value::Array(items), Ok(index)) => items.get_mut(index).map(Value::take),
                _ => None,
            };
            value = found.ok_or_else(|| {
                self.refuse(format_args!(
                    "the argument `{argument}` was sent without `{field}`: fields go by the names that \
                     they are sent under"
                ))
            })?;
        }
        Ok(Part::new(value))
    }

    /// An argument of this type.
    ///
    /// # Errors
    /// The function has no such argument, or its value is none.
    pub fn typed<T: DeserializeOwned>(&self, argument: &str) -> Result<T, Failure> {
        let index = self.index(argument)?;
        let (value, codec) = self.given.at(index);
        let value = match codec {
            Codec::Json => codec::from_json(value),
            Codec::Compact => codec::from_payload(value),
        };
        value.map_err(|mismatch| self.given.blame(self.def, index, &mismatch))
    }

    /// The text of a key.
    ///
    /// # Errors
    /// The value cannot be one, or is longer than [`MAX_KEY`].
    pub fn key<T: Serialize + ?Sized>(&self, key: &T) -> Result<String, Failure> {
        let key = match serde_json::to_value(key) {
            Ok(Value::String(text)) => text,
            // `1` and `1.0` are one number and two texts.
            Ok(Value::Number(number)) if number.is_f64() => {
                return Err(self.refuse(format_args!(
                    "{number} is no key: keys are texts, whole numbers, booleans, or made of them"
                )));
            }
            Ok(value) => value.to_string(),
            Err(why) => return Err(self.refuse(format_args!("that is no key: {why}"))),
        };
        if key.len() > MAX_KEY {
            return Err(self.refuse(format_args!(
                "its value is a key of {} bytes, more than {MAX_KEY}, the most that a key may have",
                key.len()
            )));
        }
        Ok(key)
    }

    fn index(&self, argument: &str) -> Result<usize, Failure> {
        // One that is there for its key only may be named `_station`.
        let is_it = |arg: &str| arg == argument || arg.strip_prefix('_') == Some(argument);
        let found = self.def.args.iter().position(|(arg, _)| is_it(arg));
        found.ok_or_else(|| {
            self.refuse(format_args!(
                "`{}` has no argument `{argument}`; use it only in functions that have",
                self.def.name
            ))
        })
    }

    #[cold]
    fn refuse(&self, why: fmt::Arguments<'_>) -> Failure {
        let text = self.state.key.map_or("", |key| key.text);
        self.state
            .failure(format_args!("is one per value of `{text}`, and {why}"))
    }
}
