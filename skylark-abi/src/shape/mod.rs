//! The structure of stored types, as serde writes and reads it.
//!
//! A macro sees a type's name and no more. `cargo skylark build` sees the whole
//! crate and writes what it found into the custom section [`names::SHAPES`]
//! (the JSON of [`Shapes`]); a module from plain `cargo build` has none. From
//! two of them [`changes`] tells what becomes of the data that the first has
//! written under the second. Names of types mean nothing there: what a value is
//! read by is its structure.
//!
//! [`names::SHAPES`]: crate::names::SHAPES

mod changes;
mod compare;
mod text;

pub use changes::{Change, Side, changes};
pub use compare::{Finding, Verdict, compare};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shapes of an app's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shapes {
    /// What each variable stores, by its name in the store.
    pub states: BTreeMap<String, StateShape>,
    /// The app's own types that these mention, by path and arguments:
    /// `shop::Page<shop::Item>`.
    pub types: BTreeMap<String, TypeShape>,
}

/// What a variable stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateShape {
    /// Its type's shape.
    pub shape: Shape,
    /// What each of its migrations takes, the oldest first; `None` where the
    /// crate does not show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrates: Vec<Option<Shape>>,
}

/// The shape of a type where it is mentioned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `()`, and structs without fields.
    Unit,
    /// `bool`
    Bool,
    /// `char`
    Char,
    /// `String` and what else is written as text.
    Text,
    /// An integer that can be told from none, smaller or larger ones.
    Int {
        /// Whether it may be negative.
        signed: bool,
        /// Its width.
        bits: u8,
        /// Whether 0 is none of its values.
        nonzero: bool,
    },
    /// `f32`, `f64`
    Float {
        /// Its width.
        bits: u8,
    },
    /// `Option<T>`
    Option(Box<Shape>),
    /// `Vec<T>` and what else is a sequence in order.
    List(Box<Shape>),
    /// `BTreeSet<T>`, `HashSet<T>`
    Set(Box<Shape>),
    /// `BTreeMap<K, V>`, `HashMap<K, V>`
    Map(Box<Shape>, Box<Shape>),
    /// Tuples and arrays.
    Tuple(Vec<Shape>),
    /// One of [`Shapes::types`].
    Named(String),
    /// A type whose structure the crate does not show: its path and its
    /// arguments are all there is.
    Opaque {
        /// Its path, as far as it is known.
        name: String,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        arguments: Vec<Shape>,
    },
}

/// The structure of one of the app's own types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeShape {
    /// A struct.
    Struct(Body),
    /// An enum.
    Enum {
        /// How a variant is told.
        tagging: Tagging,
        /// The variants.
        variants: Vec<Variant>,
    },
}

/// What is in a struct or a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Nothing.
    Unit,
    /// One value, which is written as it is.
    Newtype(Shape),
    /// Several, by position.
    Tuple(Vec<Shape>),
    /// Several, by name.
    Fields(Fields),
}

/// Named fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// In the order of the source; those that are neither written nor read are
    /// left out.
    pub fields: Vec<Field>,
    /// Whether a field that it does not know is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether a field collects those that it does not know (`flatten` of what
    /// the crate does not show, or of a map).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// A named field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name it is written under, unless it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The names it is read under; none if it is not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Whether a value without it is read: by `default`, or since it is an
    /// `Option`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Its type's shape.
    pub shape: Shape,
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The name it is written under, unless it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The names it is read under; none if it is not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// What is in it.
    pub body: Body,
}

/// How serde tells the variants of an enum apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tagging {
    /// `{"Variant": …}`
    External,
    /// `#[serde(tag = "…")]`
    Internal(String),
    /// `#[serde(tag = "…", content = "…")]`
    Adjacent(String, String),
    /// `#[serde(untagged)]`
    Untagged,
}

impl Shapes {
    /// Reads the section's contents.
    ///
    /// # Errors
    /// It is no JSON of this form; the text says where.
    pub fn read(section: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(section).map_err(|e| e.to_string())
    }

    /// The section's contents.
    pub fn write(&self) -> Vec<u8> {
        // Strings and numbers under string keys: nothing that JSON could refuse.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What a mention means once structs of one value are seen through; `None`
    /// for what is no type of the app.
    pub(crate) fn named(&self, shape: &Shape) -> Option<&TypeShape> {
        match shape {
            Shape::Named(path) => self.types.get(path),
            _ => None,
        }
    }

    /// Sees through structs of one value.
    pub(crate) fn through<'a>(&'a self, mut shape: &'a Shape) -> &'a Shape {
        // A struct that holds only itself has no values; it must not hang us.
        for _ in 0..=self.types.len() {
            match self.named(shape) {
                Some(TypeShape::Struct(Body::Newtype(inner))) => shape = inner,
                Some(TypeShape::Struct(Body::Unit)) => return &Shape::Unit,
                _ => break,
            }
        }
        shape
    }
}
