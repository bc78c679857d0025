//! What was written by one type, read by another.

use super::{Body, Field, Fields, Shape, Shapes, Tagging, TypeShape, Variant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a change of a type treats what is stored.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What is stored is read as it is.
    #[default]
    Compatible,
    /// Some of what may be stored is not read.
    NeedsMigration,
    /// It is read, but some of it is gone with the next write.
    WouldLoseData,
}

impl Verdict {
    /// For people: `compatible`, `needs a migration`, `would lose data`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::NeedsMigration => "needs a migration",
            Self::WouldLoseData => "would lose data",
        }
    }
}

/// One difference between two shapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How it treats what is stored.
    pub verdict: Verdict,
    /// Where in the value: `orders[].price`; empty for the value itself.
    pub at: String,
    /// What differs, and what can be done.
    pub why: String,
}

/// Compares what `old` writes with what `new` reads; differences that nobody
/// could notice are no findings.
pub fn compare(old: (&Shapes, &Shape), new: (&Shapes, &Shape)) -> Vec<Finding> {
    let mut comparison = Comparison {
        old: old.0,
        new: new.0,
        path: Vec::new(),
        seen: BTreeSet::new(),
        found: Vec::new(),
        depth: 0,
    };
    comparison.shapes(old.1, new.1);
    comparison.found
}

/// How deep two shapes are compared: modules come from outside.
const MAX_DEPTH: usize = 128;

struct Comparison<'a> {
    old: &'a Shapes,
    new: &'a Shapes,
    path: Vec<String>,
    /// Pairs of types that were compared, or are being.
    seen: BTreeSet<(&'a Shape, &'a Shape)>,
    found: Vec<Finding>,
    depth: usize,
}

use Verdict::{Compatible, NeedsMigration, WouldLoseData};

impl<'a> Comparison<'a> {
    fn find(&mut self, verdict: Verdict, why: impl Into<String>) {
        let finding = Finding {
            verdict,
            at: self.path.concat().trim_start_matches('.').to_owned(),
            why: why.into(),
        };
        self.found.push(finding);
    }

    fn inside(&mut self, step: impl Into<String>, look: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        look(self);
        self.path.pop();
    }

    fn shapes(&mut self, old: &'a Shape, new: &'a Shape) {
        if self.depth >= MAX_DEPTH {
            return self.find(
                NeedsMigration,
                format!("it is more than {MAX_DEPTH} levels deep, and not compared there"),
            );
        }
        self.depth += 1;
        self.pair(old, new);
        self.depth -= 1;
    }

    fn pair(&mut self, old: &'a Shape, new: &'a Shape) {
        let (old, new) = (self.old.through(old), self.new.through(new));
        match (old, new) {
            (Shape::Named(_), Shape::Named(_)) => self.named(old, new),
            (
                Shape::Opaque { name, arguments },
                Shape::Opaque {
                    name: to_name,
                    arguments: to_arguments,
                },
            ) => {
                if squeezed(name) != squeezed(to_name) || arguments.len() != to_arguments.len() {
                    return self.changed(old, new);
                }
                self.find(
                    Compatible,
                    format!(
                        "`{name}` is taken for what it was: the crate does not show its structure"
                    ),
                );
                for (index, (a, b)) in arguments.iter().zip(to_arguments).enumerate() {
                    self.inside(format!("<{index}>"), |c| c.shapes(a, b));
                }
            }
            (
                Shape::Int { signed, bits, .. },
                Shape::Int {
                    signed: to_signed,
                    bits: to_bits,
                    nonzero,
                },
            ) => {
                let fits = match (signed, to_signed) {
                    (false, true) => bits < to_bits,
                    (true, false) => false,
                    _ => bits <= to_bits,
                };
                let was_nonzero = matches!(old, Shape::Int { nonzero: true, .. });
                if !fits || (*nonzero && !was_nonzero) {
                    let (old, new) = (self.old.describe(old), self.new.describe(new));
                    self.find(
                        NeedsMigration,
                        format!("not every `{old}` is a value of `{new}`"),
                    );
                } else if bits != to_bits || signed != to_signed {
                    self.find(Compatible, "a wider integer reads the narrower one");
                }
            }
            (Shape::Int { bits, .. }, Shape::Float { bits: to }) => {
                if *bits < *to {
                    self.find(Compatible, "a float reads the integer");
                } else {
                    self.find(WouldLoseData, "large integers are rounded as floats");
                }
            }
            (Shape::Float { bits }, Shape::Float { bits: to }) => {
                if bits > to {
                    self.find(WouldLoseData, "`f32` keeps fewer digits than `f64`");
                }
            }
            (Shape::Option(a), Shape::Option(b)) | (Shape::List(a), Shape::List(b)) => {
                let step = if matches!(old, Shape::List(_)) {
                    "[]"
                } else {
                    ""
                };
                self.inside(step, |c| c.shapes(a, b));
            }
            (a, Shape::Option(b)) if !matches!(a, Shape::Unit | Shape::Opaque { .. }) => {
                self.find(Compatible, "a value is read as `Some` of it");
                self.shapes(a, b);
            }
            (Shape::Option(_), _) => {
                self.find(NeedsMigration, "a stored `None` has no value here");
            }
            (Shape::Set(a), Shape::Set(b) | Shape::List(b)) => {
                self.inside("[]", |c| c.shapes(a, b))
            }
            (Shape::List(a), Shape::Set(b)) => {
                self.find(WouldLoseData, "a set keeps neither order nor repetitions");
                self.inside("[]", |c| c.shapes(a, b));
            }
            (Shape::Map(k, v), Shape::Map(to_k, to_v)) => {
                self.inside(".key()", |c| c.shapes(k, to_k));
                self.inside("[]", |c| c.shapes(v, to_v));
            }
            (Shape::Char, Shape::Text) => self.find(Compatible, "a string reads the character"),
            (Shape::Tuple(a), Shape::Tuple(b)) => self.tuple(a, b),
            // A tuple is written as the sequence of its items.
            (Shape::Tuple(items), Shape::List(b)) => {
                for (index, a) in items.iter().enumerate() {
                    self.inside(format!("[{index}]"), |c| c.shapes(a, b));
                }
            }
            (a, b) if a == b => {}
            _ => self.changed(old, new),
        }
    }

    fn changed(&mut self, old: &Shape, new: &Shape) {
        let opaque = |shape: &Shape| matches!(shape, Shape::Opaque { .. });
        let unseen = if opaque(old) || opaque(new) {
            ", whose structure the crate does not show"
        } else {
            ""
        };
        let (old, new) = (self.old.describe(old), self.new.describe(new));
        self.find(NeedsMigration, format!("`{old}` became `{new}`{unseen}"));
    }

    fn named(&mut self, old: &'a Shape, new: &'a Shape) {
        // A type that contains itself is compared once.
        if !self.seen.insert((old, new)) {
            return;
        }
        match (self.old.named(old), self.new.named(new)) {
            (Some(TypeShape::Struct(a)), Some(TypeShape::Struct(b))) => self.bodies(a, b),
            (
                Some(TypeShape::Enum { tagging, variants }),
                Some(TypeShape::Enum {
                    tagging: to_tagging,
                    variants: to_variants,
                }),
            ) => {
                if tagging == to_tagging {
                    self.variants(tagging, variants, to_variants);
                } else {
                    self.find(
                        NeedsMigration,
                        "the enum's variants are told apart in another way (`tag`, `content`, `untagged`)",
                    );
                }
            }
            _ => self.changed(old, new),
        }
    }

    fn bodies(&mut self, old: &'a Body, new: &'a Body) {
        match (old, new) {
            (Body::Unit, Body::Unit) => {}
            (Body::Newtype(a), Body::Newtype(b)) => self.shapes(a, b),
            (Body::Tuple(a), Body::Tuple(b)) => self.tuple(a, b),
            (Body::Fields(a), Body::Fields(b)) => self.fields(a, b),
            _ => self.find(
                NeedsMigration,
                "its fields are written in another way (none, by position, by name)",
            ),
        }
    }

    fn tuple(&mut self, old: &'a [Shape], new: &'a [Shape]) {
        if old.len() != new.len() {
            let (old, new) = (old.len(), new.len());
            self.find(
                NeedsMigration,
                format!("{old} values by position became {new}"),
            );
            return;
        }
        for (index, (a, b)) in old.iter().zip(new).enumerate() {
            self.inside(format!(".{index}"), |c| c.shapes(a, b));
        }
    }

    fn fields(&mut self, old: &'a Fields, new: &'a Fields) {
        let reads = |field: &Field, name: &String| field.read.contains(name);
        for field in &old.fields {
            let Some(name) = &field.written else { continue };
            match new.fields.iter().find(|f| reads(f, name)) {
                Some(reader) => {
                    if reader.written.as_ref() != Some(name) {
                        self.find(
                            Compatible,
                            format!("field `{name}` is read under its earlier name"),
                        );
                    }
                    self.inside(format!(".{name}"), |c| {
                        c.shapes(&field.shape, &reader.shape);
                    });
                }
                None if new.open => {}
                None if new.strict => self.find(
                    NeedsMigration,
                    format!("field `{name}` is gone, and `deny_unknown_fields` refuses it"),
                ),
                None => self.find(
                    WouldLoseData,
                    format!(
                        "field `{name}` is gone; if it was renamed, write `#[serde(alias = \"{name}\")]` on \
                         the new one"
                    ),
                ),
            }
        }
        for reader in &new.fields {
            let before = old
                .fields
                .iter()
                .find(|f| f.written.as_ref().is_some_and(|name| reads(reader, name)));
            let name = reader.read.first();
            match (before, name) {
                (None, Some(name)) if reader.optional => self.find(
                    Compatible,
                    format!("field `{name}` is new, and has a default"),
                ),
                (None, Some(name)) if !old.open => self.find(
                    NeedsMigration,
                    format!("field `{name}` is new; give it `#[serde(default)]`"),
                ),
                (Some(before), Some(name)) => self.kept(before, reader, name),
                _ => {}
            }
        }
    }

    /// A field that was there. Values that are older than `old` may lack it, or
    /// have it under an older name: what read those must stay.
    fn kept(&mut self, before: &Field, reader: &Field, name: &str) {
        if before.optional && !reader.optional {
            self.find(
                NeedsMigration,
                format!("field `{name}` has no default any more, and older values may lack it"),
            );
        }
        self.dropped_aliases(&before.read, &reader.read, "field", name);
    }

    fn dropped_aliases(&mut self, before: &[String], now: &[String], what: &str, name: &str) {
        let own = before.first().into_iter().chain(now);
        let known: BTreeSet<&String> = own.collect();
        for alias in before.iter().filter(|alias| !known.contains(alias)) {
            self.find(
                NeedsMigration,
                format!(
                    "{what} `{name}` is not read under `{alias}` any more, and older values may have it there"
                ),
            );
        }
    }

    fn variants(&mut self, tagging: &Tagging, old: &'a [Variant], new: &'a [Variant]) {
        if *tagging == Tagging::Untagged {
            // The first that fits is taken: only the very same list is sure to
            // read as before.
            if old.len() > new.len() {
                self.find(WouldLoseData, "a variant of an untagged enum is gone");
            }
            for (index, (a, b)) in old.iter().zip(new).enumerate() {
                self.inside(format!("<{index}>"), |c| c.bodies(&a.body, &b.body));
            }
            return;
        }
        for variant in old {
            let Some(name) = &variant.written else {
                continue;
            };
            match new.iter().find(|v| v.read.contains(name)) {
                Some(reader) => {
                    if reader.written.as_ref() != Some(name) {
                        self.find(
                            Compatible,
                            format!("variant `{name}` is read under its earlier name"),
                        );
                    }
                    self.inside(format!("<{name}>"), |c| {
                        c.bodies(&variant.body, &reader.body);
                        c.dropped_aliases(&variant.read, &reader.read, "variant", name);
                    });
                }
                None => self.find(
                    WouldLoseData,
                    format!(
                        "variant `{name}` is gone; if it was renamed, write `#[serde(alias = \"{name}\")]` \
                         on the new one"
                    ),
                ),
            }
        }
        let was = |v: &&Variant| {
            !old.iter()
                .any(|o| o.written.as_ref().is_some_and(|name| v.read.contains(name)))
        };
        for name in new.iter().filter(was).filter_map(|v| v.read.first()) {
            self.find(Compatible, format!("variant `{name}` is new"));
        }
    }
}

/// Text without white space, as [`crate::value::fingerprint`] sees it.
pub(super) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
