//! Shapes as people read them.

use super::{Body, Fields, Shape, Shapes, Tagging, TypeShape};
use std::collections::BTreeSet;

/// How much of a shape is shown, in bytes.
const SHOWN: usize = 400;

impl Shape {
    /// The shape as people write types; the app's own by their whole paths.
    pub fn name(&self) -> String {
        match self {
            Self::Named(path) => path.clone(),
            other => {
                let names = |shapes: &[&Self]| {
                    let names: Vec<String> = shapes.iter().map(|s| s.name()).collect();
                    names.join(", ")
                };
                match other {
                    Self::Option(inner) => format!("Option<{}>", inner.name()),
                    Self::List(inner) => format!("List<{}>", inner.name()),
                    Self::Set(inner) => format!("Set<{}>", inner.name()),
                    Self::Map(key, value) => format!("Map<{}>", names(&[key, value])),
                    Self::Tuple(items) => {
                        format!("({})", names(&items.iter().collect::<Vec<_>>()))
                    }
                    Self::Opaque { name, arguments } if !arguments.is_empty() => {
                        format!("{name}<{}>", names(&arguments.iter().collect::<Vec<_>>()))
                    }
                    // Nothing of the app's is in these.
                    simple => Shapes::default().describe(simple),
                }
            }
        }
    }
}

impl Shapes {
    /// The shape as people write types, with the fields of the app's own:
    /// `Map<String, Order { id: u64, note: String? }>`; the `?` marks what may be
    /// missing. A type that was shown before, or what would be too long, is named.
    pub fn describe(&self, shape: &Shape) -> String {
        let mut writer = Writer {
            shapes: self,
            out: String::new(),
            shown: BTreeSet::new(),
        };
        writer.shape(shape);
        writer.out
    }
}

struct Writer<'a> {
    shapes: &'a Shapes,
    out: String,
    shown: BTreeSet<&'a str>,
}

impl<'a> Writer<'a> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn list(&mut self, name: &str, arguments: &[&'a Shape]) {
        self.put(name);
        self.put("<");
        self.several(arguments);
        self.put(">");
    }

    fn several(&mut self, shapes: &[&'a Shape]) {
        for (index, shape) in shapes.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            self.shape(shape);
        }
    }

    fn shape(&mut self, shape: &'a Shape) {
        match shape {
            Shape::Unit => self.put("()"),
            Shape::Bool => self.put("bool"),
            Shape::Char => self.put("char"),
            Shape::Text => self.put("String"),
            Shape::Int {
                signed,
                bits,
                nonzero,
            } => {
                let sign = if *signed { 'i' } else { 'u' };
                let nonzero = if *nonzero { "nonzero " } else { "" };
                self.put(&format!("{nonzero}{sign}{bits}"));
            }
            Shape::Float { bits } => self.put(&format!("f{bits}")),
            Shape::Option(inner) => self.list("Option", &[inner]),
            Shape::List(inner) => self.list("List", &[inner]),
            Shape::Set(inner) => self.list("Set", &[inner]),
            Shape::Map(key, value) => self.list("Map", &[key, value]),
            Shape::Tuple(items) => self.tuple(items),
            Shape::Opaque { name, arguments } if arguments.is_empty() => self.put(name),
            Shape::Opaque { name, arguments } => {
                self.list(name, &arguments.iter().collect::<Vec<_>>());
            }
            Shape::Named(path) => self.named(path),
        }
    }

    fn tuple(&mut self, items: &'a [Shape]) {
        self.put("(");
        self.several(&items.iter().collect::<Vec<_>>());
        self.put(")");
    }

    fn named(&mut self, path: &'a str) {
        // The path without the modules, also in the arguments.
        let short: Vec<&str> = path
            .split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .map(|part| part.rsplit("::").next().unwrap_or(part))
            .collect();
        self.put(&short.concat());
        let Some(ty) = self.shapes.types.get(path) else {
            return;
        };
        if self.out.len() > SHOWN || !self.shown.insert(path) {
            return;
        }
        match ty {
            TypeShape::Struct(body) => self.body(body),
            TypeShape::Enum { tagging, variants } => {
                self.put(match tagging {
                    Tagging::External => " = ",
                    Tagging::Internal(_) | Tagging::Adjacent(..) => " (tagged) = ",
                    Tagging::Untagged => " (untagged) = ",
                });
                for (index, variant) in variants.iter().enumerate() {
                    if index > 0 {
                        self.put(" | ");
                    }
                    let name = variant.written.as_ref().or(variant.read.first());
                    self.put(name.map_or("_", String::as_str));
                    self.body(&variant.body);
                }
            }
        }
    }

    fn body(&mut self, body: &'a Body) {
        match body {
            Body::Unit => {}
            Body::Newtype(shape) => self.tuple(std::slice::from_ref(shape)),
            Body::Tuple(items) => self.tuple(items),
            Body::Fields(fields) => self.fields(fields),
        }
    }

    fn fields(&mut self, fields: &'a Fields) {
        self.put(" {");
        let mut separator = " ";
        for field in &fields.fields {
            if self.out.len() > SHOWN {
                self.put(&format!("{separator}…"));
                break;
            }
            self.put(separator);
            separator = ", ";
            let name = field.written.as_ref().or(field.read.first());
            self.put(name.map_or("_", String::as_str));
            self.put(": ");
            self.shape(&field.shape);
            if field.optional {
                self.put("?");
            }
        }
        self.put(" }");
    }
}
