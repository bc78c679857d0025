//! A type → its shape.

use super::{
    index::{Def, Index},
    serde::{Attributes, renamed},
};
use crate::read::{plain, text};
use skylark_abi::shape::{Body, Field, Fields, Shape, Tagging, TypeShape, Variant};
use std::collections::BTreeMap;
use syn::{
    Expr, ExprLit, FnArg, GenericArgument, GenericParam, Generics, ItemEnum, ItemStruct, Lit,
    PathArguments, ReturnType, Type,
};

/// How deep types are looked into; a type that is generic over ever larger
/// arguments of itself has no end.
const MAX_DEPTH: usize = 48;

/// What the parameters of a generic type stand for.
type Arguments = BTreeMap<String, Shape>;

pub(super) struct Reader<'a> {
    index: &'a Index,
    /// The types seen so far.
    pub(super) types: BTreeMap<String, TypeShape>,
    depth: usize,
}

/// Where a type is mentioned, and what its names stand for there.
struct Scope<'a> {
    module: &'a str,
    arguments: &'a Arguments,
}

impl<'a> Reader<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self {
            index,
            types: BTreeMap::new(),
            depth: 0,
        }
    }

    /// The shape of a type that is mentioned in a module.
    pub(super) fn shape(&mut self, module: &str, ty: &Type) -> Shape {
        let arguments = &Arguments::new();
        self.of(ty, &Scope { module, arguments })
    }

    fn of(&mut self, ty: &Type, scope: &Scope<'_>) -> Shape {
        if self.depth >= MAX_DEPTH {
            return opaque(text(ty));
        }
        self.depth += 1;
        let shape = match ty {
            Type::Group(group) => self.of(&group.elem, scope),
            Type::Paren(paren) => self.of(&paren.elem, scope),
            Type::Reference(reference) => self.of(&reference.elem, scope),
            Type::Slice(slice) => Shape::List(Box::new(self.of(&slice.elem, scope))),
            Type::Tuple(tuple) if tuple.elems.is_empty() => Shape::Unit,
            Type::Tuple(tuple) => {
                Shape::Tuple(tuple.elems.iter().map(|ty| self.of(ty, scope)).collect())
            }
            Type::Array(array) => self.array(array, scope),
            Type::Path(path) if path.qself.is_none() => self.path(&path.path, scope),
            _ => opaque(text(ty)),
        };
        self.depth -= 1;
        shape
    }

    fn array(&mut self, array: &syn::TypeArray, scope: &Scope<'_>) -> Shape {
        /// A longer one is shown by its text.
        const LONGEST: usize = 32;
        let length = match &array.len {
            Expr::Lit(ExprLit {
                lit: Lit::Int(n), ..
            }) => n.base10_parse().ok(),
            _ => None,
        };
        let item = self.of(&array.elem, scope);
        match length {
            Some(n) if n <= LONGEST => Shape::Tuple(vec![item; n]),
            _ => Shape::Opaque {
                name: format!("[_; {}]", text(&array.len)),
                arguments: vec![item],
            },
        }
    }

    fn path(&mut self, path: &syn::Path, scope: &Scope<'_>) -> Shape {
        let names: Vec<String> = path.segments.iter().map(|s| plain(&s.ident)).collect();
        let arguments: Vec<Shape> = match path.segments.last().map(|s| &s.arguments) {
            Some(PathArguments::AngleBracketed(given)) => given
                .args
                .iter()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(self.of(ty, scope)),
                    GenericArgument::Const(value) => Some(opaque(text(value))),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        if let ([name], None) = (names.as_slice(), path.leading_colon)
            && let Some(shape) = scope.arguments.get(name)
        {
            return shape.clone();
        }
        let index = self.index;
        if path.leading_colon.is_none()
            && let Some((module, def)) = index.find(scope.module, &names)
        {
            return self.own(&module, def, arguments);
        }
        let full = index.foreign(scope.module, &names);
        of_std(&full, &arguments).unwrap_or(Shape::Opaque {
            name: full.join("::"),
            arguments,
        })
    }

    /// One of the crate's own types.
    fn own(&mut self, module: &str, def: &Def, given: Vec<Shape>) -> Shape {
        let (ident, generics) = match def {
            Def::Struct(item) => (&item.ident, &item.generics),
            Def::Enum(item) => (&item.ident, &item.generics),
            Def::Alias(item) => (&item.ident, &item.generics),
            Def::Function(sig) => (&sig.ident, &sig.generics),
        };
        let named = Shape::Opaque {
            name: format!("{module}::{}", plain(ident)),
            arguments: given.clone(),
        };
        let arguments = &self.arguments(module, generics, given);
        let scope = &Scope { module, arguments };
        let path = named.name();
        let attrs = match def {
            Def::Alias(item) => return self.of(&item.ty, scope),
            Def::Struct(item) => &item.attrs,
            Def::Enum(item) => &item.attrs,
            Def::Function(_) => return named,
        };
        let serde = Attributes::of(attrs);
        if !serde.derived || serde.unclear || serde.has("remote") {
            return named;
        }
        if ["from", "try_from", "into"].iter().any(|by| serde.has(by)) {
            let reads = serde.value("from").or(serde.value("try_from"));
            return match (reads, serde.value("into")) {
                (Some(reads), Some(writes)) if reads == writes => match syn::parse_str(reads) {
                    Ok(ty) => self.of(&ty, scope),
                    Err(_) => named,
                },
                _ => named,
            };
        }
        if !self.types.contains_key(&path) {
            // Stands in while the type is looked into, which may mention itself.
            self.types
                .insert(path.clone(), TypeShape::Struct(Body::Unit));
            let shape = match def {
                Def::Struct(item) => TypeShape::Struct(self.structure(item, &serde, scope)),
                Def::Enum(item) => match self.variants(item, &serde, scope) {
                    Some(shape) => shape,
                    None => TypeShape::Struct(Body::Newtype(named)),
                },
                Def::Alias(_) | Def::Function(_) => return named,
            };
            self.types.insert(path.clone(), shape);
        }
        Shape::Named(path)
    }

    fn arguments(&mut self, module: &str, generics: &Generics, given: Vec<Shape>) -> Arguments {
        let mut given = given.into_iter();
        let mut arguments = Arguments::new();
        for param in &generics.params {
            let (ident, default) = match param {
                GenericParam::Type(param) => {
                    (&param.ident, param.default.as_ref().map(|(_, ty)| ty))
                }
                GenericParam::Const(param) => (&param.ident, None),
                GenericParam::Lifetime(_) => continue,
            };
            let shape = given.next().unwrap_or_else(|| match default {
                Some(ty) => {
                    let arguments = &arguments.clone();
                    self.of(ty, &Scope { module, arguments })
                }
                None => opaque(plain(ident)),
            });
            arguments.insert(plain(ident), shape);
        }
        arguments
    }

    fn structure(&mut self, item: &ItemStruct, serde: &Attributes, scope: &Scope<'_>) -> Body {
        if serde.has("transparent") {
            let kept = item.fields.iter().find(|f| {
                let serde = Attributes::of(&f.attrs);
                !serde.has("skip") && !is_phantom(&f.ty)
            });
            return match kept {
                Some(field) => Body::Newtype(self.field(field, scope).1),
                None => Body::Unit,
            };
        }
        self.body(&item.fields, serde, serde.sides("rename_all"), scope)
    }

    fn body(
        &mut self,
        fields: &syn::Fields,
        serde: &Attributes,
        rules: (Option<&str>, Option<&str>),
        scope: &Scope<'_>,
    ) -> Body {
        match fields {
            syn::Fields::Unit => Body::Unit,
            syn::Fields::Unnamed(fields) => {
                let kept: Vec<_> = fields
                    .unnamed
                    .iter()
                    .filter(|f| !Attributes::of(&f.attrs).has("skip"))
                    .collect();
                let mut shapes: Vec<Shape> = kept.iter().map(|f| self.field(f, scope).1).collect();
                match (fields.unnamed.len(), shapes.pop()) {
                    (1, Some(only)) => Body::Newtype(only),
                    (_, last) => {
                        shapes.extend(last);
                        Body::Tuple(shapes)
                    }
                }
            }
            syn::Fields::Named(fields) => {
                let mut read = Fields {
                    strict: serde.has("deny_unknown_fields"),
                    ..Fields::default()
                };
                for field in &fields.named {
                    self.named(field, serde.has("default"), rules, scope, &mut read);
                }
                Body::Fields(read)
            }
        }
    }

    /// A field's attributes and shape.
    fn field(&mut self, field: &syn::Field, scope: &Scope<'_>) -> (Attributes, Shape) {
        let serde = Attributes::of(&field.attrs);
        let shape = match (serde.by_hand(), serde.unclear) {
            (Some(by), _) => opaque(format!("{} by {by}", text(&field.ty))),
            (None, true) => opaque(text(&field.ty)),
            (None, false) => self.of(&field.ty, scope),
        };
        (serde, shape)
    }

    fn named(
        &mut self,
        field: &syn::Field,
        all_default: bool,
        rules: (Option<&str>, Option<&str>),
        scope: &Scope<'_>,
        into: &mut Fields,
    ) {
        let (serde, shape) = self.field(field, scope);
        let Some(ident) = &field.ident else { return };
        if serde.has("skip") {
            return;
        }
        if serde.has("flatten") {
            match self.fields_of(&shape) {
                Some(inner) => {
                    into.open |= inner.open;
                    into.fields.extend(inner.fields);
                }
                None => into.open = true,
            }
            return;
        }
        let (written, mut read) = names(&serde, &plain(ident), rules, false);
        read.extend(serde.aliases());
        let hand = serde.by_hand().is_some();
        into.fields.push(Field {
            written: (!serde.has("skip_serializing")).then_some(written),
            optional: all_default
                || serde.has("default")
                || (!hand && matches!(shape, Shape::Option(_))),
            read: if serde.has("skip_deserializing") {
                Vec::new()
            } else {
                read
            },
            shape,
        });
    }

    /// The fields of one of the app's structs, where it is flattened into another.
    fn fields_of(&self, shape: &Shape) -> Option<Fields> {
        match shape {
            Shape::Named(path) => match self.types.get(path)? {
                TypeShape::Struct(Body::Fields(fields)) => Some(fields.clone()),
                TypeShape::Struct(Body::Newtype(inner)) => self.fields_of(inner),
                _ => None,
            },
            _ => None,
        }
    }

    /// `None` for one whose variants are not all told apart in the same way.
    fn variants(
        &mut self,
        item: &ItemEnum,
        serde: &Attributes,
        scope: &Scope<'_>,
    ) -> Option<TypeShape> {
        let tagging = match (serde.value("tag"), serde.value("content")) {
            _ if serde.has("untagged") => Tagging::Untagged,
            (Some(tag), Some(content)) => Tagging::Adjacent(tag.into(), content.into()),
            (Some(tag), None) => Tagging::Internal(tag.into()),
            (None, _) => Tagging::External,
        };
        let mut variants = Vec::new();
        for variant in &item.variants {
            let own = Attributes::of(&variant.attrs);
            if own.unclear || own.has("untagged") {
                return None;
            }
            if own.has("skip") {
                continue;
            }
            let rules = serde.sides("rename_all");
            let (written, mut read) = names(&own, &plain(&variant.ident), rules, true);
            read.extend(own.aliases());
            let of_all = serde.sides("rename_all_fields");
            let of_own = own.sides("rename_all");
            let rules = (of_own.0.or(of_all.0), of_own.1.or(of_all.1));
            let body = match own.by_hand() {
                Some(by) => Body::Newtype(opaque(format!("{} by {by}", text(&variant.fields)))),
                None => {
                    let none = Attributes::default();
                    self.body(&variant.fields, &none, rules, scope)
                }
            };
            variants.push(Variant {
                written: (!own.has("skip_serializing")).then_some(written),
                read: if own.has("skip_deserializing") {
                    Vec::new()
                } else {
                    read
                },
                body,
            });
        }
        Some(TypeShape::Enum { tagging, variants })
    }

    /// The shape of what a function takes.
    pub(super) fn input(&mut self, module: &str, function: &syn::Path) -> Option<Shape> {
        let names: Vec<String> = function.segments.iter().map(|s| plain(&s.ident)).collect();
        let index = self.index;
        let (module, Def::Function(sig)) = index.find(module, &names)? else {
            return None;
        };
        match (sig.inputs.first(), &sig.output) {
            (Some(FnArg::Typed(old)), ReturnType::Type(..)) if sig.generics.params.is_empty() => {
                Some(self.shape(&module, &old.ty))
            }
            _ => None,
        }
    }
}

/// The written name, and the names that are read.
fn names(
    serde: &Attributes,
    ident: &str,
    rules: (Option<&str>, Option<&str>),
    variant: bool,
) -> (String, Vec<String>) {
    let given = serde.sides("rename");
    let name = |given: Option<&str>, rule: Option<&str>| match (given, rule) {
        (Some(given), _) => given.to_owned(),
        (None, Some(rule)) => renamed(ident, rule, variant).unwrap_or_else(|| ident.to_owned()),
        (None, None) => ident.to_owned(),
    };
    (name(given.0, rules.0), vec![name(given.1, rules.1)])
}

fn opaque(name: String) -> Shape {
    Shape::Opaque {
        name,
        arguments: Vec::new(),
    }
}

fn is_phantom(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "PhantomData"))
}

/// A type of the standard library, by its path or by the name that the prelude
/// gives it, or a collection of Skylark's.
fn of_std(path: &[String], arguments: &[Shape]) -> Option<Shape> {
    let (name, before) = path.split_last()?;
    let known = before.first().is_none_or(|root| match root.as_str() {
        "std" | "core" | "alloc" => true,
        "skylark" => matches!(name.as_str(), "Map" | "List"),
        _ => false,
    });
    if !known {
        return None;
    }
    let boxed = |index: usize| arguments.get(index).cloned().map(Box::new);
    let int = |signed, bits, nonzero| Shape::Int {
        signed,
        bits,
        nonzero,
    };
    let simple = match name.as_str() {
        "bool" => Shape::Bool,
        "char" => Shape::Char,
        "String" | "str" | "PathBuf" | "Path" => Shape::Text,
        "f32" => Shape::Float { bits: 32 },
        "f64" => Shape::Float { bits: 64 },
        "PhantomData" => Shape::Unit,
        "Option" => Shape::Option(boxed(0)?),
        // `List` and `Map` are Skylark's own: what is stored are their entries.
        "Vec" | "VecDeque" | "LinkedList" | "List" => Shape::List(boxed(0)?),
        "BTreeSet" | "HashSet" | "BinaryHeap" => Shape::Set(boxed(0)?),
        "BTreeMap" | "HashMap" | "Map" => Shape::Map(boxed(0)?, boxed(1)?),
        // Written as what they hold.
        "Box" | "Rc" | "Arc" | "Cow" | "Cell" | "RefCell" | "Mutex" | "RwLock" | "Reverse"
        | "Wrapping" | "Saturating" => *boxed(0)?,
        number => {
            let (number, nonzero) = match number.strip_prefix("NonZero") {
                Some(number) => (number.to_lowercase(), true),
                None => (number.to_owned(), false),
            };
            let signed = number.starts_with('i');
            // The target's addresses have 32 bits.
            let bits = match number.get(1..)? {
                "8" => 8,
                "16" => 16,
                "32" | "size" => 32,
                "64" => 64,
                "128" => 128,
                _ => return None,
            };
            match number.get(..1)? {
                "i" | "u" => int(signed, bits, nonzero),
                _ => return None,
            }
        }
    };
    Some(simple)
}
