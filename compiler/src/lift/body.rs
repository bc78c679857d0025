//! Bodies: shared state by its statics, calls of handlers as awaited calls, answers
//! as plain values.

use super::{
    cells::Held,
    krate::{Function, Krate, type_arguments},
    out::Out,
    plan::Lent,
    report::Kind,
    rules::{self, Lock, Outside, Role},
    shared::Static,
    values::is_wrapper,
    waits::{field, held, is_lock, local, resolve},
};
use crate::read::plain;
use proc_macro2::Span;
use std::{collections::BTreeSet, ops::Range};
use syn::{
    Expr, ExprAwait, ExprCall, ExprMethodCall, ExprTry, ExprTuple, Macro, Pat, Type,
    spanned::Spanned as _,
    visit::{self, Visit},
};

/// Rewrites one function, or one type outside of any.
pub(super) struct Rewriter<'o, 'a, 'k> {
    pub(super) out: &'o mut Out<'a, 'k>,
    pub(super) function: &'a Function<'k>,
    pub(super) lent: Lent<'a, 'k>,
    /// The call that an `.await` around it has dealt with.
    pub(super) handled: Option<Span>,
}

/// Writes the body of a function, and the types of its signature.
pub(super) fn write<'a, 'k>(out: &mut Out<'a, 'k>, function: &'a Function<'k>) {
    let lent = out.plan.lent(out.krate, function);
    let plain_status = function.output().is_some_and(|ty| {
        let path = out
            .krate
            .type_path(&function.place.module, ty)
            .unwrap_or_default();
        rules::role(&path) == Some(Role::Status)
    });
    let mut rewriter = Rewriter {
        out,
        function,
        lent,
        handled: None,
    };
    for (pattern, ty, _) in function.arguments() {
        // What an extractor wraps is the signature's.
        let path = rewriter
            .out
            .krate
            .type_path(&function.place.module, ty)
            .unwrap_or_default();
        if rules::role(&path).is_none() {
            rewriter.visit_pat(pattern);
            rewriter.visit_type(ty);
        }
    }
    if plain_status {
        super::answers::status_only(rewriter.out, function);
    } else if let Some(output) = function.output() {
        rewriter.visit_type(output);
    }
    rewriter.visit_block(function.block);
    super::guards::look(rewriter.out, function, &rewriter.lent);
}

impl<'k> Rewriter<'_, '_, 'k> {
    pub(super) fn file(&self) -> usize {
        self.function.place.file
    }

    pub(super) fn range(&self, of: impl syn::spanned::Spanned) -> Range<usize> {
        self.out.range(self.file(), of)
    }

    pub(super) fn delete(&mut self, range: Range<usize>) {
        let file = self.file();
        self.out.edits.delete(file, range);
    }

    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        let file = self.file();
        self.out.edits.replace(file, range, text);
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        let file = self.file();
        self.out.edits.insert(file, at, text);
    }

    pub(super) fn resolve(&self, path: &syn::Path) -> String {
        resolve(self.out.krate, self.function, path)
    }

    pub(super) fn ask(&mut self, span: Span, question: impl Into<String>) {
        self.out.ask(&self.function.place, span, question);
    }

    pub(super) fn refuses(&mut self) {
        let file = self.file();
        self.out.refuses = true;
        let (root, refusal) = (self.root(), self.out.refusal);
        self.out.import(
            file,
            &self.function.place.module,
            &format!("{root}::{}::{}", refusal.module, refusal.name),
        );
    }

    fn root(&self) -> String {
        self.out
            .krate
            .files
            .first()
            .map_or_else(String::new, |f| f.source.module.clone())
    }

    pub(super) fn role(&self, path: &syn::Path) -> Option<Role> {
        rules::role(&self.resolve(path))
    }

    /// Leaves out what stands around `inner`.
    pub(super) fn unwrap(
        &mut self,
        outer: impl syn::spanned::Spanned,
        inner: impl syn::spanned::Spanned,
    ) {
        let (outer, inner) = (self.range(outer), self.range(inner));
        self.delete(outer.start..inner.start);
        self.delete(inner.end..outer.end);
    }

    /// Names a static here.
    pub(super) fn name(&mut self, found: &Static) -> String {
        let file = self.file();
        let path = format!("{}::{}", found.module, found.name);
        self.out.import(file, &self.function.place.module, &path);
        found.name.clone()
    }

    /// Whether an expression is shared state as a whole, lent on: `state`, `&state`,
    /// `state.clone()`, `State(state)`.
    pub(super) fn is_shared(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(_) => local(expr).is_some_and(|name| self.lent.names.contains_key(&name)),
            Expr::Reference(reference) => self.is_shared(&reference.expr),
            Expr::Paren(paren) => self.is_shared(&paren.expr),
            Expr::MethodCall(call) => call.method == "clone" && self.is_shared(&call.receiver),
            Expr::Call(call) => match (&*call.func, call.args.first()) {
                (Expr::Path(func), Some(argument)) => {
                    let path = self.resolve(&func.path);
                    let wraps =
                        rules::role(&path) == Some(Role::State) || path == "std::sync::Arc::clone";
                    wraps && self.is_shared(argument)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

impl<'ast> Visit<'ast> for Rewriter<'_, '_, '_> {
    fn visit_expr_try(&mut self, expr: &'ast ExprTry) {
        match &*expr.expr {
            _ if self.text_of_answer(self.range(expr).end, &expr.expr) => {}
            Expr::Await(inner) => self.awaited(inner, true),
            inner => self.visit_expr(inner),
        }
    }

    fn visit_expr_await(&mut self, expr: &'ast ExprAwait) {
        self.awaited(expr, false);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        let lender = super::thrift::lender(expr);
        if let Some(client) = field(&self.lent, lender)
            .filter(|f| f.held == Held::Client)
            .cloned()
        {
            let name = self.name(&client);
            let at = self.range(expr);
            self.out.decide(
                Kind::Call,
                (&self.function.place, expr.span()),
                self.out
                    .text(self.function.place.file, expr)
                    .split_whitespace()
                    .collect::<String>(),
                format!("{name}()"),
                "the client's calls go to a function of this app, and take effect once",
            );
            return self.replace(at, format!("{name}()"));
        }
        if let Some(found) = field(&self.lent, expr).cloned() {
            let name = self.name(&found);
            let at = self.range(expr);
            return self.replace(at, name);
        }
        if let Expr::Path(_) = expr
            && self.is_shared(expr)
        {
            let name = local(expr).unwrap_or_default();
            return self.ask(
                expr.span(),
                format!(
                    "`{name}` is no value any more, its fields are statics: what is wanted here?"
                ),
            );
        }
        visit::visit_expr(self, expr);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let (at, receiver) = (self.range(call), self.range(&call.receiver));
        let method = plain(&call.method);
        // `.map(Json)`
        if let (Some(Expr::Path(path)), 1) = (call.args.first(), call.args.len())
            && is_wrapper(&self.resolve(&path.path))
        {
            self.visit_expr(&call.receiver);
            return self.delete(receiver.end..at.end);
        }
        if self.method_of_shared(call) || self.status_of_answer(call) {
            return;
        }
        if matches!(method.as_str(), "unwrap" | "expect")
            && self.text_of_answer(at.end, &call.receiver)
        {
            return;
        }
        // A clone of an `Arc` is the same state.
        if method == "clone"
            && call.args.is_empty()
            && let Some(found) = field(&self.lent, &call.receiver).filter(|f| f.arc).cloned()
        {
            let name = self.name(&found);
            return self.replace(at, format!("&*{name}"));
        }
        // A lock that gave its guard gives a result now.
        if is_lock(call) {
            let krate = self.out.krate;
            let held = held(
                krate,
                self.out.plan,
                self.function,
                &self.lent,
                &call.receiver,
            );
            if held == Some(Held::State { lock: Lock::Guard }) {
                self.insert(at.end, ".unwrap()");
            }
        }
        if method == "into_response" {
            self.ask(
                call.method.span(),
                "a function yields plain data: what is it that is answered here?",
            );
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let Expr::Path(func) = &*call.func else {
            return visit::visit_expr_call(self, call);
        };
        let path = self.resolve(&func.path);
        if let (true, Some(inner), 1) = (is_wrapper(&path), call.args.first(), call.args.len()) {
            self.unwrap(call, inner);
            return self.visit_expr(inner);
        }
        if path == "std::sync::Arc::clone"
            && let Some(Expr::Reference(reference)) = call.args.first()
            && let Some(found) = field(&self.lent, &reference.expr).cloned()
        {
            let (name, at) = (self.name(&found), self.range(call));
            return self.replace(at, format!("&*{name}"));
        }
        let is_spawn = rules::outside(&path) == Some(Outside::Spawn);
        self.called(call, &path);
        if is_spawn {
            return;
        }
        if self.out.krate.functions.contains_key(&path) {
            return self.own_arguments(call, &path, false);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_tuple(&mut self, tuple: &'ast ExprTuple) {
        if !super::answers::tuple(self, tuple) {
            visit::visit_expr_tuple(self, tuple);
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        super::answers::status(self, &path.path);
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        match pattern {
            Pat::TupleStruct(tuple)
                if tuple.elems.len() == 1 && is_wrapper(&self.resolve(&tuple.path)) =>
            {
                self.unwrap(tuple, &tuple.elems[0]);
                self.visit_pat(&tuple.elems[0]);
            }
            // `(_, Json(order))`
            Pat::Tuple(tuple) if tuple.elems.len() == 2 => match (&tuple.elems[0], &tuple.elems[1])
            {
                (Pat::Wild(_), Pat::TupleStruct(second))
                    if second.elems.len() == 1 && is_wrapper(&self.resolve(&second.path)) =>
                {
                    self.unwrap(tuple, &second.elems[0]);
                    self.visit_pat(&second.elems[0]);
                }
                _ => visit::visit_pat(self, pattern),
            },
            _ => visit::visit_pat(self, pattern),
        }
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        if !super::answers::ty(self, ty) {
            visit::visit_type(self, ty);
        }
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let name = mac
            .path
            .segments
            .last()
            .map(|s| plain(&s.ident))
            .unwrap_or_default();
        let krate = self.out.krate;
        if let Some(arguments) = krate.files[self.file()].syntax.exprs(mac) {
            return arguments.iter().for_each(|argument| match argument {
                // `name = value`
                Expr::Assign(assign) => self.visit_expr(&assign.right),
                argument => self.visit_expr(argument),
            });
        }
        let names: BTreeSet<&String> = self
            .lent
            .names
            .keys()
            .chain(self.lent.fields.keys())
            .collect();
        if mentions(mac.tokens.clone(), &names) {
            self.ask(
                mac.path.span(),
                format!(
                    "`{name}!` uses shared state, and lift cannot see how: which statics are meant?"
                ),
            );
        }
    }

    // Items in a function are looked at by themselves.
    fn visit_item(&mut self, _item: &'ast syn::Item) {}
}

fn mentions(tokens: proc_macro2::TokenStream, names: &BTreeSet<&String>) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => names.contains(&plain(&ident)),
        proc_macro2::TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}

/// The only argument of a type.
pub(super) fn only<'t>(krate: &Krate<'_>, module: &str, ty: &'t Type) -> Option<&'t Type> {
    let path = krate.type_path(module, ty)?;
    type_arguments(ty)
        .first()
        .copied()
        .filter(|_| is_wrapper(&path))
}
