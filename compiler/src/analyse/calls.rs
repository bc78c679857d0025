//! Calls in a body: whom they mean, and what they yield.

use super::{
    ItemId, Res,
    exprs::result,
    facts::{Mode, Root, Step, Unseen, Val, What},
    items::{Kind, Owner},
    names::Space,
    states,
    types::Ty,
    walk::{Walker, rooted},
    yields::{lent_by, yields_of_std},
};
use crate::read::plain;
use proc_macro2::Span;
use syn::{
    Expr, ExprCall, ExprMethodCall, ExprPath, GenericArgument, PathArguments, spanned::Spanned,
    visit::Visit,
};

impl<'m> Walker<'_, 'm> {
    pub(super) fn call(&mut self, call: &'m ExprCall, expr: &'m Expr) -> Val {
        match &*call.func {
            Expr::Path(path) if !self.is_local(path) => match self.by_client(path) {
                Some(target) => self.sent_to(path, target, call, expr),
                None => {
                    let target = self.callee(path);
                    self.called(path, target, call, expr, Mode::Here)
                }
            },
            func => {
                let of = self.expr(func);
                // A closure's body is where it was written; what is stored may be anything.
                let stored = of
                    .from
                    .as_ref()
                    .is_some_and(|place| !place.steps.is_empty());
                if stored || matches!(of.ty, Ty::Dyn(_)) {
                    let span = call.paren_token.span.open();
                    let why = Unseen::Pointer;
                    self.fact(span, Some(expr), What::Unseen { why });
                }
                for arg in &call.args {
                    self.given(arg);
                }
                match of.ty {
                    Ty::Fn(yields) => Val::of(*yields),
                    _ => Val::default(),
                }
            }
        }
    }

    /// `call!(f(x))`
    pub(super) fn remote(&mut self, call: &'m ExprCall, expr: Option<&'m Expr>) -> Val {
        let Expr::Path(path) = &*call.func else {
            return Val::default();
        };
        let target = self.callee(path);
        self.sent_to(path, target, call, expr.unwrap_or(&call.func))
    }

    /// `HotelClient::quote(x)`: a function of a service that needs no object.
    fn by_client(&self, path: &ExprPath) -> Option<Res> {
        let mut segments: Vec<String> =
            path.path.segments.iter().map(|s| plain(&s.ident)).collect();
        let name = segments.pop().filter(|_| !segments.is_empty())?;
        let index = self.index;
        let client = index.resolve_segments(self.module(), &segments, Space::Type);
        let Kind::Client(id) = index.items[client.item()?].kind else {
            return None;
        };
        let mut functions = index.impls[id].functions.iter();
        let found = functions.find(|f| index.items[**f].name == name)?;
        Some(Res::Item(*found))
    }

    fn sent_to(
        &mut self,
        path: &'m ExprPath,
        target: Res,
        call: &'m ExprCall,
        all: &'m Expr,
    ) -> Val {
        let yields = self.called(path, target, call, all, Mode::Remote).ty;
        // What the message yields is the value of a `Result` or the whole.
        let value = match yields.path() {
            Some("std::result::Result") => yields.argument(0),
            _ => yields,
        };
        Val::of(Ty::Named(
            Res::Foreign("skylark::Call".to_owned()),
            vec![value],
        ))
    }

    fn is_local(&self, path: &ExprPath) -> bool {
        path.path
            .get_ident()
            .is_some_and(|ident| self.is_bound(&plain(ident)))
    }

    /// What a path that is called means.
    fn callee(&self, path: &ExprPath) -> Res {
        // `<T as Trait>::f`, `<T>::f`
        if let Some(own) = &path.qself {
            let ty = self.index.ty(&own.ty, &self.scope);
            let name = path
                .path
                .segments
                .last()
                .map(|s| plain(&s.ident))
                .unwrap_or_default();
            return match ty.bare() {
                Ty::Named(Res::Item(item), _) => self.index.member(*item, &name),
                Ty::Named(Res::Foreign(path), _) => Res::Foreign(format!("{path}::{name}")),
                _ => self.resolved(&path.path, Space::Value),
            };
        }
        // `T::f` of a parameter: what its traits have.
        let segments = &path.path.segments;
        if segments.len() == 2
            && let Some(bounds) = self.scope.params.get(&plain(&segments[0].ident))
        {
            let name = plain(&segments[1].ident);
            let mut found = bounds.iter().filter_map(|bound| match bound {
                Res::Item(of) => self.index.associated(*of, &name).first().copied(),
                _ => None,
            });
            return match found.next() {
                Some(found) => Res::Item(found),
                None => Res::Unknown(crate::read::text(&path.path)),
            };
        }
        self.resolved(&path.path, Space::Value)
    }

    fn called(
        &mut self,
        path: &'m ExprPath,
        target: Res,
        call: &'m ExprCall,
        expr: &'m Expr,
        mode: Mode,
    ) -> Val {
        self.types_in(|finder| syn::visit::Visit::visit_path(finder, &path.path));
        let mut args = Vec::with_capacity(call.args.len());
        let wraps = is_wrapper(&target);
        let lent = self.lent_to(path, &target);
        for arg in &call.args {
            let val = match strip(arg) {
                Expr::Closure(closure) => self.closure(closure, lent.clone()),
                // `Some(x)` is no more than `x`; `drop(x)` ends it.
                _ if wraps => self.wrapped(arg),
                _ => self.given(arg),
            };
            args.push(val);
        }
        self.made(&target, path, expr);
        let yields = self.yields_of(&target, &args, path);
        let last = path.path.segments.last();
        let span = last.map_or_else(Span::call_site, |last| last.ident.span());
        let exprs = call.args.iter().collect();
        let from = match (wraps, args.first()) {
            (true, Some(first)) => first.step(Step::Part, Ty::Unknown).from,
            _ => None,
        };
        let what = What::Call {
            target,
            args,
            exprs,
            mode,
            yields: yields.clone(),
        };
        self.fact(span, Some(expr), what);
        Val { ty: yields, from }
    }

    /// `skylark::with_mut::<Hotel, _>(|hotel| …)`: the object that the closure is lent.
    fn lent_to(&mut self, path: &ExprPath, target: &Res) -> Option<Val> {
        let lends = ["skylark::with", "skylark::with_mut"];
        target.foreign().filter(|path| lends.contains(path))?;
        let PathArguments::AngleBracketed(given) = &path.path.segments.last()?.arguments else {
            return None;
        };
        let GenericArgument::Type(ty) = given.args.first()? else {
            return None;
        };
        let ty = self.index.ty(ty, &self.scope);
        let Root::Object(object) = self.object(&ty)? else {
            return None;
        };
        self.fact(path.span(), None, What::Lent { object });
        Some(rooted(Root::Object(object), ty))
    }

    /// What is declared nowhere may be made by a macro of the crate, which is not seen.
    pub(super) fn made(&mut self, target: &Res, path: &ExprPath, expr: &'m Expr) {
        let Res::Unknown(name) = target else { return };
        let Some(maker) = self.index.makers.first() else {
            return;
        };
        let mut externals = self.index.model.externals.iter();
        if externals.all(|external| external.name != *name) {
            let why = Unseen::Macro(maker.clone());
            self.fact(path.span(), Some(expr), What::Unseen { why });
        }
    }

    /// `Some(x)`, `Some(*x)`: of what is copied into it, it is no part.
    fn wrapped(&mut self, arg: &'m Expr) -> Val {
        let is_copy = match strip(arg) {
            Expr::Unary(of) => matches!(of.op, syn::UnOp::Deref(_)),
            Expr::Field(_) | Expr::Index(_) => true,
            _ => false,
        };
        if !is_copy {
            return self.expr(arg);
        }
        let ty = self.given(arg).ty;
        Val::of(ty)
    }

    pub(super) fn method(&mut self, call: &'m ExprMethodCall, expr: &'m Expr) -> Val {
        let on = self.expr(&call.receiver);
        let name = plain(&call.method);
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let val = match strip(arg) {
                Expr::Closure(closure) => {
                    let lent = on.step(Step::Call(name.clone()), lent_by(&on.ty, &name));
                    self.closure(closure, Some(lent))
                }
                _ => self.given(arg),
            };
            args.push(val);
        }
        if let Some(given) = &call.turbofish {
            // `parse::<T>()` runs what `T` implements.
            self.types_in(|finder| finder.visit_angle_bracketed_generic_arguments(given));
        }
        let (targets, certain, mode) = self.targets(&on.ty, &name);
        if let (Ty::Named(Res::Item(_), _), []) = (on.ty.bare(), targets.as_slice())
            && let Some(maker) = self.index.makers.first()
            && !OF_TRAITS.contains(&name.as_str())
        {
            let why = Unseen::Macro(maker.clone());
            self.fact(call.method.span(), Some(expr), What::Unseen { why });
        }
        if let (Ty::Dyn(traits), true) = (on.ty.bare(), targets.is_empty())
            && !traits.is_empty()
        {
            let why = Unseen::Dyn(name.clone());
            self.fact(call.method.span(), Some(expr), What::Unseen { why });
        }
        let yields = match (targets.as_slice(), certain, mode) {
            ([target, ..], true, Mode::Here) => self.index.yields(*target),
            ([target, ..], _, Mode::Remote) => {
                let yields = self.index.yields(*target);
                let value = match yields.path() {
                    Some("std::result::Result") => yields.argument(0),
                    _ => yields,
                };
                Ty::Named(Res::Foreign("skylark::Call".to_owned()), vec![value])
            }
            _ => match &call.turbofish {
                Some(given) if name == "collect" || name == "parse" || name == "into" => {
                    let given = given.args.iter().find_map(|argument| match argument {
                        syn::GenericArgument::Type(ty) => Some(self.index.ty(ty, &self.scope)),
                        _ => None,
                    });
                    match name.as_str() {
                        "parse" => result(given.unwrap_or_default()),
                        _ => given.unwrap_or_default(),
                    }
                }
                _ => yields_of_std(&on.ty, &name, &args),
            },
        };
        let targets_empty = targets.is_empty();
        let what = What::Method {
            name: name.clone(),
            on: on.clone(),
            targets,
            certain,
            args,
            call,
            mode,
        };
        self.fact(call.method.span(), Some(expr), what);
        let owned = certain && !targets_empty && !yields.may_lend() || states::gives_copies(&on.ty);
        let mut out = on.step(Step::Call(name), yields);
        if owned {
            out.from = None; // What is given away is nobody's part.
        }
        // An object that a method lends is an object still.
        if let Some(root) = self.object(&out.ty) {
            out.from = rooted(root, Ty::Unknown).from;
        }
        out
    }

    /// The methods of the crate that a call may mean, and whether the type tells.
    fn targets(&self, on: &Ty, name: &str) -> (Vec<ItemId>, bool, Mode) {
        let all = || self.index.by_method.get(name).cloned().unwrap_or_default();
        match on.bare() {
            Ty::Named(Res::Item(item), _) => {
                if let Kind::Client(id) = self.index.items[*item].kind {
                    let functions = self.index.impls[id].functions.iter().copied();
                    let named = functions.filter(|f| self.index.items[*f].name == name);
                    return (named.collect(), true, Mode::Remote);
                }
                let mut found = self.index.associated(*item, name);
                if found.is_empty() {
                    found = self.for_foreign(on.bare(), name);
                }
                if found.is_empty() && self.derefs(*item) {
                    let found = all();
                    return (found, false, Mode::Here);
                }
                (found, true, Mode::Here)
            }
            Ty::Param(traits) | Ty::Dyn(traits) => {
                let mut found = Vec::new();
                for of in traits.iter().filter_map(Res::item) {
                    found.extend(self.index.associated(of, name));
                }
                (found, true, Mode::Here)
            }
            Ty::Unknown => {
                let found = all();
                let certain = found.is_empty();
                (found, certain, Mode::Here)
            }
            of => (self.for_foreign(of, name), true, Mode::Here),
        }
    }

    /// Methods that traits of the crate give to a type of another.
    fn for_foreign(&self, ty: &Ty, name: &str) -> Vec<ItemId> {
        let all = self
            .index
            .by_method
            .get(name)
            .into_iter()
            .flatten()
            .copied();
        let fits = |id: &ItemId| match &self.index.items[*id].kind {
            Kind::Fn(f) => match f.owner {
                Some(Owner::Impl(of)) => match (&self.index.impls[of].ty, ty) {
                    (Ty::Param(_) | Ty::Unknown, _) => true,
                    (Ty::Named(own, _), Ty::Named(res, _)) => own == res,
                    (Ty::Ref(own), ty) => own.bare() == ty,
                    (own, ty) => own == ty,
                },
                _ => false,
            },
            _ => false,
        };
        all.filter(fits).collect()
    }

    /// Whether methods of something else can be called on a type.
    fn derefs(&self, item: ItemId) -> bool {
        let impls = self.index.impls_of.get(&item).into_iter().flatten();
        impls.copied().any(|id| {
            let of_trait = self.index.impls[id].of_trait.as_ref();
            of_trait.and_then(Res::foreign) == Some("std::ops::Deref")
        })
    }
}

/// An argument without its parentheses.
fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => strip(&inner.expr),
        Expr::Group(inner) => strip(&inner.expr),
        other => other,
    }
}

/// Functions that give their argument back, or only end it.
/// Methods that types have by a `derive`, or by what std implements for all.
const OF_TRAITS: &[&str] = &[
    "as_mut",
    "as_ref",
    "borrow",
    "borrow_mut",
    "clamp",
    "clone",
    "clone_from",
    "cmp",
    "deserialize",
    "eq",
    "fmt",
    "ge",
    "gt",
    "hash",
    "into",
    "le",
    "lt",
    "max",
    "min",
    "ne",
    "partial_cmp",
    "serialize",
    "to_owned",
    "to_string",
    "try_into",
    "type_id",
];

fn is_wrapper(target: &Res) -> bool {
    matches!(
        target.foreign(),
        Some(
            "std::option::Option::Some"
                | "std::result::Result::Ok"
                | "std::result::Result::Err"
                | "std::mem::drop"
        )
    )
}
