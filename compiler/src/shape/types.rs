//! A type → its shape.

use super::{serde::Attributes, std::of_std};
use crate::{
    analyse::{Index, ItemId, Kind, ModuleId, Res, Space},
    read::{plain, text},
};
use skylark_abi::shape::{Body, Shape, TypeShape};
use std::collections::BTreeMap;
use syn::{
    Expr, ExprLit, FnArg, GenericArgument, GenericParam, Generics, Lit, PathArguments, ReturnType,
    Type,
};

/// How deep types are looked into; a type that is generic over ever larger
/// arguments of itself has no end.
const MAX_DEPTH: usize = 48;

/// What the parameters of a generic type stand for.
type Arguments = BTreeMap<String, Shape>;

pub(super) struct Reader<'a, 'm> {
    index: &'a Index<'m>,
    /// The types seen so far.
    pub(super) types: BTreeMap<String, TypeShape>,
    depth: usize,
}

/// Where a type is mentioned, and what its names stand for there.
pub(super) struct Mention<'a> {
    module: ModuleId,
    arguments: &'a Arguments,
}

impl<'a, 'm> Reader<'a, 'm> {
    pub(super) fn new(index: &'a Index<'m>) -> Self {
        Self {
            index,
            types: BTreeMap::new(),
            depth: 0,
        }
    }

    /// The shape of a type that is mentioned in a module.
    pub(super) fn shape(&mut self, module: ModuleId, ty: &Type) -> Shape {
        let arguments = &Arguments::new();
        self.of(ty, &Mention { module, arguments })
    }

    pub(super) fn of(&mut self, ty: &Type, scope: &Mention<'_>) -> Shape {
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

    fn array(&mut self, array: &syn::TypeArray, scope: &Mention<'_>) -> Shape {
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

    fn path(&mut self, path: &syn::Path, scope: &Mention<'_>) -> Shape {
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
        let known = match self.index.resolve(scope.module, path, Space::Type) {
            // Which of two it is, as under opposite `cfg`s, is not known.
            Res::Item(item) if !self.index.is_twice(item) => return self.own(item, arguments),
            res => self.index.path_of(&res),
        };
        let full: Vec<&str> = known.split("::").collect();
        of_std(&full, &arguments).unwrap_or(Shape::Opaque {
            name: known,
            arguments,
        })
    }

    /// One of the crate's own types.
    fn own(&mut self, id: ItemId, given: Vec<Shape>) -> Shape {
        let item = &self.index.items[id];
        let named = Shape::Opaque {
            name: item.path.clone(),
            arguments: given.clone(),
        };
        let generics = match &item.kind {
            Kind::Struct(item) => &item.generics,
            Kind::Enum(item) => &item.generics,
            Kind::Alias(item) => &item.generics,
            _ => return named,
        };
        let module = item.module;
        let arguments = &self.arguments(module, generics, given);
        let scope = &Mention { module, arguments };
        let path = named.name();
        if let Kind::Alias(item) = &item.kind {
            return self.of(&item.ty, scope);
        }
        let serde = Attributes::of(item.attrs);
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
            let shape = match &item.kind {
                Kind::Struct(item) => TypeShape::Struct(self.structure(item, &serde, scope)),
                Kind::Enum(item) => match self.variants(item, &serde, scope) {
                    Some(shape) => shape,
                    None => TypeShape::Struct(Body::Newtype(named)),
                },
                _ => return named,
            };
            self.types.insert(path.clone(), shape);
        }
        Shape::Named(path)
    }

    fn arguments(&mut self, module: ModuleId, generics: &Generics, given: Vec<Shape>) -> Arguments {
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
                    self.of(ty, &Mention { module, arguments })
                }
                None => opaque(plain(ident)),
            });
            arguments.insert(plain(ident), shape);
        }
        arguments
    }

    /// The shape of what a function takes.
    pub(super) fn input(&mut self, module: ModuleId, function: &syn::Path) -> Option<Shape> {
        let id = self.index.resolve(module, function, Space::Value).item()?;
        let item = &self.index.items[id];
        let Kind::Fn(function) = &item.kind else {
            return None;
        };
        let sig = function.sig;
        match (sig.inputs.first(), &sig.output) {
            (Some(FnArg::Typed(old)), ReturnType::Type(..))
                if sig.generics.params.is_empty() && !self.index.is_twice(id) =>
            {
                Some(self.shape(item.module, &old.ty))
            }
            _ => None,
        }
    }
}

pub(super) fn opaque(name: String) -> Shape {
    Shape::Opaque {
        name,
        arguments: Vec::new(),
    }
}
