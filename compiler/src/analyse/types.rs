//! Types, as far as they are told by what is written.

use super::{
    Index, ItemId, ModuleId, Res,
    items::{Function, Kind, Owner},
    names::Space,
};
use crate::read::plain;
use std::collections::BTreeMap;
use syn::{
    FnArg, GenericArgument, GenericParam, Generics, Path, PathArguments, ReturnType, Type,
    TypeParamBound, WherePredicate, punctuated::Punctuated,
};

/// A type, or what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Ty {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A named type and its arguments.
    Named(Res, Vec<Ty>),
    /// `&T`, `&mut T`
    Ref(Box<Ty>),
    /// `(A, B)`
    Tuple(Vec<Ty>),
    /// `[T]`, `[T; n]`
    List(Box<Ty>),
    /// A type parameter or `impl Trait`, with its bounds.
    Param(Vec<Res>),
    /// `dyn Trait`
    Dyn(Vec<Res>),
    /// A closure or a function, with what it yields.
    Fn(Box<Ty>),
}

/// What names of types mean where a type is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) module: ModuleId,
    /// What `Self` is.
    pub(crate) own: Ty,
    /// Type parameters and their bounds.
    pub(crate) params: BTreeMap<String, Vec<Res>>,
}

/// Types through which methods of what is inside are called.
const TRANSPARENT: &[&str] = &[
    "std::boxed::Box",
    "std::rc::Rc",
    "std::sync::Arc",
    "std::sync::LazyLock",
    "std::cell::LazyCell",
    "std::sync::MutexGuard",
    "std::sync::RwLockReadGuard",
    "std::sync::RwLockWriteGuard",
    "std::cell::Ref",
    "std::cell::RefMut",
    "std::pin::Pin",
    "once_cell::sync::Lazy",
    "std::borrow::Cow",
];

impl Ty {
    /// A type of another crate without arguments.
    pub(crate) fn foreign(path: &str) -> Self {
        Self::Named(Res::Foreign(path.to_owned()), Vec::new())
    }

    /// The type of the crate that it is, behind references and smart pointers.
    pub(crate) fn item(&self) -> Option<ItemId> {
        match self.bare() {
            Self::Named(Res::Item(item), _) => Some(*item),
            _ => None,
        }
    }

    /// The path of the foreign type that it is, behind references.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Named(Res::Foreign(path), _) => Some(path),
            Self::Ref(inner) => inner.path(),
            _ => None,
        }
    }

    /// The type itself, without references and smart pointers.
    pub(crate) fn bare(&self) -> &Self {
        match self {
            Self::Ref(inner) => inner.bare(),
            Self::Named(Res::Foreign(path), arguments)
                if TRANSPARENT.contains(&path.as_str()) && !arguments.is_empty() =>
            {
                arguments[0].bare()
            }
            other => other,
        }
    }

    /// Whether a value of it may be a part of something else.
    pub(crate) fn may_lend(&self) -> bool {
        match self {
            Self::Unknown | Self::Ref(_) | Self::Param(_) | Self::Dyn(_) | Self::Fn(_) => true,
            Self::Named(Res::Foreign(path), arguments) => {
                path.ends_with("Guard")
                    || path.starts_with("std::cell::Ref")
                    || arguments.iter().any(Self::may_lend)
            }
            Self::Named(_, arguments) => arguments.iter().any(Self::may_lend),
            Self::Tuple(types) => types.iter().any(Self::may_lend),
            Self::List(inner) => inner.may_lend(),
        }
    }

    /// Its `index`-th argument.
    pub(crate) fn argument(&self, index: usize) -> Self {
        match self {
            Self::Named(_, arguments) => arguments.get(index).cloned().unwrap_or_default(),
            Self::Ref(inner) => inner.argument(index),
            Self::List(inner) if index == 0 => (**inner).clone(),
            _ => Self::Unknown,
        }
    }
}

impl<'m> Index<'m> {
    /// What names of types mean in a function.
    pub(crate) fn scope_of(&self, item: ItemId) -> Scope {
        let of = &self.items[item];
        let mut scope = Scope {
            module: of.module,
            ..Scope::default()
        };
        if let Kind::Fn(function) = &of.kind {
            match function.owner {
                Some(Owner::Impl(id)) => {
                    let of = &self.impls[id];
                    scope.own = of.ty.clone();
                    self.params(&of.item.generics, &mut scope);
                }
                Some(Owner::Trait(id)) => {
                    scope.own = Ty::Param(vec![Res::Item(id)]);
                    if let Kind::Trait(of) = &self.items[id].kind {
                        self.params(&of.generics, &mut scope);
                    }
                }
                None => {}
            }
            self.params(&function.sig.generics, &mut scope);
        }
        scope
    }

    /// Adds the parameters of generics.
    pub(crate) fn params(&self, generics: &Generics, scope: &mut Scope) {
        for param in &generics.params {
            if let GenericParam::Type(param) = param {
                // Known first, since bounds may name it.
                scope.params.insert(plain(&param.ident), Vec::new());
                let bounds = self.bounds(&param.bounds, scope);
                scope.params.insert(plain(&param.ident), bounds);
            }
        }
        for predicate in generics.where_clause.iter().flat_map(|w| &w.predicates) {
            if let WherePredicate::Type(of) = predicate
                && let Type::Path(path) = &of.bounded_ty
                && let Some(ident) = path.path.get_ident()
            {
                let more = self.bounds(&of.bounds, scope);
                let known = scope.params.entry(plain(ident)).or_default();
                known.extend(more);
            }
        }
    }

    fn bounds<P>(&self, bounds: &Punctuated<TypeParamBound, P>, scope: &Scope) -> Vec<Res> {
        let traits = bounds.iter().filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) => {
                Some(self.resolve(scope.module, &bound.path, Space::Type))
            }
            _ => None,
        });
        traits.collect()
    }

    /// A type as it is written in `scope`.
    pub(crate) fn ty(&self, ty: &Type, scope: &Scope) -> Ty {
        match ty {
            Type::Reference(inner) => Ty::Ref(Box::new(self.ty(&inner.elem, scope))),
            Type::Paren(inner) => self.ty(&inner.elem, scope),
            Type::Group(inner) => self.ty(&inner.elem, scope),
            Type::Slice(inner) => Ty::List(Box::new(self.ty(&inner.elem, scope))),
            Type::Array(inner) => Ty::List(Box::new(self.ty(&inner.elem, scope))),
            Type::Tuple(inner) => {
                Ty::Tuple(inner.elems.iter().map(|ty| self.ty(ty, scope)).collect())
            }
            Type::FnPtr(inner) => Ty::Fn(Box::new(self.output(&inner.output, scope))),
            Type::ImplTrait(inner) => self.bounded(&inner.bounds, scope, Ty::Param),
            Type::TraitObject(inner) => self.bounded(&inner.bounds, scope, Ty::Dyn),
            Type::Path(path) if path.qself.is_none() => self.named(&path.path, scope),
            _ => Ty::Unknown,
        }
    }

    /// `impl Trait`, `dyn Trait`; `impl Fn() -> T` and futures for what they yield.
    fn bounded<P>(
        &self,
        bounds: &Punctuated<TypeParamBound, P>,
        scope: &Scope,
        make: fn(Vec<Res>) -> Ty,
    ) -> Ty {
        for bound in bounds {
            let TypeParamBound::Trait(bound) = bound else {
                continue;
            };
            let Some(last) = bound.path.segments.last() else {
                continue;
            };
            match &last.arguments {
                PathArguments::Parenthesized(arguments) => {
                    return Ty::Fn(Box::new(self.output(&arguments.output, scope)));
                }
                PathArguments::AngleBracketed(arguments) if last.ident == "Future" => {
                    let output = arguments.args.iter().find_map(|argument| match argument {
                        GenericArgument::AssocType(output) => Some(self.ty(&output.ty, scope)),
                        _ => None,
                    });
                    return output.unwrap_or_default();
                }
                _ => {}
            }
        }
        make(self.bounds(bounds, scope))
    }

    /// A named type.
    pub(crate) fn named(&self, path: &Path, scope: &Scope) -> Ty {
        let arguments = || -> Vec<Ty> {
            match path.segments.last().map(|last| &last.arguments) {
                Some(PathArguments::AngleBracketed(arguments)) => {
                    let types = arguments.args.iter().filter_map(|argument| match argument {
                        GenericArgument::Type(ty) => Some(self.ty(ty, scope)),
                        _ => None,
                    });
                    types.collect()
                }
                _ => Vec::new(),
            }
        };
        if let Some(ident) = path.get_ident() {
            let name = plain(ident);
            if name == "Self" {
                return scope.own.clone();
            }
            if let Some(bounds) = scope.params.get(&name) {
                return Ty::Param(bounds.clone());
            }
        }
        match self.resolve(scope.module, path, Space::Type) {
            Res::Item(item) => match &self.items[item].kind {
                Kind::Alias(alias) => {
                    let scope = Scope {
                        module: self.items[item].module,
                        ..Scope::default()
                    };
                    let of = self
                        .deeper(|| self.ty(&alias.ty, &scope))
                        .unwrap_or_default();
                    // `type Result<T> = …`: the first parameter is mostly the value.
                    match (of, arguments()) {
                        (Ty::Named(res, mut inner), given)
                            if !given.is_empty() && !inner.is_empty() =>
                        {
                            inner[0] = given[0].clone();
                            Ty::Named(res, inner)
                        }
                        (of, _) => of,
                    }
                }
                Kind::Trait(_) => Ty::Dyn(vec![Res::Item(item)]),
                _ => Ty::Named(Res::Item(item), arguments()),
            },
            Res::Foreign(path) => Ty::Named(Res::Foreign(path), arguments()),
            Res::Module(_) | Res::Member(..) | Res::Unknown(_) => Ty::Unknown,
        }
    }

    fn output(&self, output: &ReturnType, scope: &Scope) -> Ty {
        match output {
            ReturnType::Default => Ty::Tuple(Vec::new()),
            ReturnType::Type(_, ty) => self.ty(ty, scope),
        }
    }

    /// What a function of the crate yields; for an `async fn`, when it was awaited.
    pub(crate) fn yields(&self, item: ItemId) -> Ty {
        match &self.items[item].kind {
            Kind::Fn(function) => self.output(&function.sig.output, &self.scope_of(item)),
            _ => Ty::Unknown,
        }
    }

    /// The type of a parameter, or of `self`.
    pub(crate) fn parameter(&self, function: &Function<'_>, index: usize, scope: &Scope) -> Ty {
        match function.sig.inputs.iter().nth(index) {
            Some(FnArg::Typed(argument)) => self.ty(&argument.ty, scope),
            Some(FnArg::Receiver(_)) => Ty::Ref(Box::new(scope.own.clone())),
            None => Ty::Unknown,
        }
    }

    /// The type of a field.
    pub(crate) fn field(&self, of: &Ty, name: &str) -> Ty {
        match of.bare() {
            Ty::Tuple(types) => {
                let index: Option<usize> = name.parse().ok();
                index
                    .and_then(|i| types.get(i).cloned())
                    .unwrap_or_default()
            }
            Ty::Named(Res::Item(item), arguments) => {
                let Kind::Struct(of) = &self.items[*item].kind else {
                    return Ty::Unknown;
                };
                let mut fields = of.fields.iter().enumerate();
                let found = fields.find(|(index, field)| match &field.ident {
                    Some(ident) => plain(ident) == name,
                    None => index.to_string() == name,
                });
                let Some((_, field)) = found else {
                    return Ty::Unknown;
                };
                let mut scope = Scope {
                    module: self.items[*item].module,
                    ..Scope::default()
                };
                self.params(&of.generics, &mut scope);
                // A field of a parameter's type is what the parameter was given.
                let params = of.generics.type_params().map(|p| plain(&p.ident));
                if let Type::Path(path) = &field.ty
                    && let Some(ident) = path.path.get_ident()
                    && let Some(place) = params.into_iter().position(|p| p == plain(ident))
                    && let Some(given) = arguments.get(place)
                {
                    return given.clone();
                }
                self.ty(&field.ty, &scope)
            }
            _ => Ty::Unknown,
        }
    }
}
