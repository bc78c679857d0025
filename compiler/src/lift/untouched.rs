//! What lift leaves as it was: it would lose its meaning unseen.

use super::{
    krate::{Function, Krate},
    plan::{Asked, Plan},
    rules::{self, Role},
    waits::resolve,
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{
    Expr, ExprCall, ExprMethodCall, Macro, Type,
    visit::{self, Visit},
};

/// Takes what cannot be a function from the handlers, and asks about it.
pub(super) fn find(krate: &Krate<'_>, plan: &mut Plan<'_>, asked: &mut Vec<Asked>) {
    for (path, function) in &krate.functions {
        let name = shown(path);
        // `#[skylark::function]` stands on free functions.
        if function.owner.is_some()
            && let Some(handler) = plan.handlers.remove(path)
        {
            let what = match handler.routes.as_slice() {
                [] => "is started by others".to_owned(),
                routes => format!("answers `{}`", routes.join(", ")),
            };
            asked.push(Asked::about(
                function,
                function.sig.ident.span(),
                format!(
                    "`{name}`, which {what}, stands in an impl, where nothing can be a `#[skylark::function]`; it is left as \
                     it was: shall it be a free function?"
                ),
            ));
            plan.untouched.insert(path.clone());
        }
    }
    let called = called(krate, plan);
    for (path, function) in &krate.functions {
        let known = plan.handlers.contains_key(path)
            || plan.removed.contains_key(path)
            || plan.untouched.contains(path)
            || function.of_trait.is_some();
        let calls = called.contains(path) || called.contains(&plain(&function.sig.ident));
        if !known && !calls && answers(krate, function) {
            asked.push(Asked::about(
                function,
                function.sig.ident.span(),
                format!(
                    "`{}` takes or answers what axum passes, and no route that lift sees leads to it; it is left as it was: is \
                     it called by its name (then as `#[skylark::function]`, of plain values), or does it go with the router?",
                    shown(path)
                ),
            ));
            plan.untouched.insert(path.clone());
        }
    }
}

fn shown(path: &str) -> &str {
    path.split_once("::").map_or(path, |(_, rest)| rest)
}

/// Whether a function looks like a handler, or what stands around one.
fn answers(krate: &Krate<'_>, function: &Function<'_>) -> bool {
    let role = |ty: &Type| {
        let path = krate.type_path(&function.place.module, ty)?;
        rules::role(&path)
    };
    let takes = function
        .arguments()
        .any(|(_, ty, _)| matches!(role(ty), Some(Role::State | Role::Argument | Role::Request)));
    let yields = function
        .output()
        .and_then(role)
        .is_some_and(|role| matches!(role, Role::Argument | Role::Request));
    takes || yields
}

/// Functions that others call, by their paths, and methods, by their names.
fn called(krate: &Krate<'_>, plan: &Plan<'_>) -> BTreeSet<String> {
    struct Calls<'a, 'k> {
        krate: &'a Krate<'k>,
        function: &'a Function<'k>,
        found: BTreeSet<String>,
    }
    impl<'ast> Visit<'ast> for Calls<'_, '_> {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            if let Expr::Path(func) = &*call.func {
                let path = resolve(self.krate, self.function, &func.path);
                self.found.insert(path);
            }
            visit::visit_expr_call(self, call);
        }

        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            let own = |f: &Function<'_>| f.owner.is_some() && call.method == f.sig.ident;
            if self.krate.functions.values().any(own) {
                self.found.insert(plain(&call.method));
            }
            visit::visit_expr_method_call(self, call);
        }

        fn visit_macro(&mut self, mac: &'ast Macro) {
            let krate = self.krate;
            let syntax = krate.files[self.function.place.file].syntax;
            for expr in syntax.exprs(mac).into_iter().flatten() {
                self.visit_expr(expr);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (path, function) in &krate.functions {
        if !plan.removed.contains_key(path) {
            let mut calls = Calls {
                krate,
                function,
                found: std::mem::take(&mut found),
            };
            calls.visit_block(function.block);
            found = calls.found;
        }
    }
    found
}
