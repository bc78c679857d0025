//! Routers: which functions are handlers, and of what.

use super::{
    krate::{Function, Krate, path_of},
    plan::Asked,
    rules::{self, Outside, Role},
};
use crate::read::plain;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Expr, ExprCall, ExprLit, ExprMethodCall, Lit, spanned::Spanned as _, visit::Visit};

/// What a router says of the crate.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// What each handler answers: `GET /orders/{id}`.
    pub(super) handlers: BTreeMap<String, Vec<String>>,
    /// Functions that make routers.
    pub(super) routers: BTreeSet<String>,
}

/// Finds the routes in every function of the crate.
pub(super) fn find(krate: &Krate<'_>, asked: &mut Vec<Asked>) -> Routes {
    let mut routes = Routes::default();
    for (path, function) in &krate.functions {
        let makes = function.output().and_then(path_of).is_some_and(|ty| {
            let ty = krate.names.resolve(&function.place.module, ty);
            rules::role(&ty) == Some(Role::Router)
        });
        if makes {
            routes.routers.insert(path.clone());
        }
        let mut finder = Finder {
            krate,
            function,
            routes: &mut routes,
            asked,
        };
        finder.visit_block(function.block);
    }
    routes
}

struct Finder<'a, 'k> {
    krate: &'a Krate<'k>,
    function: &'a Function<'k>,
    routes: &'a mut Routes,
    asked: &'a mut Vec<Asked>,
}

impl Finder<'_, '_> {
    /// The handlers of `get(list).post(place)`.
    fn methods(&mut self, expr: &Expr, route: &str) {
        let module = &self.function.place.module;
        let (name, handlers) = match expr {
            Expr::Call(ExprCall { func, args, .. }) => {
                let Expr::Path(func) = &**func else { return };
                let path = self.krate.names.resolve(module, &func.path);
                let Some(name) = path.strip_prefix("axum::routing::") else {
                    return;
                };
                (name.to_owned(), args)
            }
            Expr::MethodCall(ExprMethodCall {
                receiver,
                method,
                args,
                ..
            }) => {
                self.methods(receiver, route);
                (plain(method), args)
            }
            _ => return,
        };
        let Some((_, verb)) = rules::METHODS.iter().find(|(known, _)| *known == name) else {
            return;
        };
        for handler in handlers {
            let known = match handler {
                Expr::Path(path) => {
                    let path = self.krate.names.resolve(module, &path.path);
                    self.krate.functions.contains_key(&path).then_some(path)
                }
                _ => None,
            };
            match known {
                Some(path) => {
                    let routes = self.routes.handlers.entry(path).or_default();
                    routes.push(format!("{verb} {route}"));
                }
                None => self.asked.push(Asked::about(
                    self.function,
                    handler.span(),
                    format!(
                        "what answers `{verb} {route}` is no function of this crate; which function shall it be?"
                    ),
                )),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_, '_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let module = &self.function.place.module;
        let resolve = |expr: &Expr| match expr {
            Expr::Path(path) => self.krate.names.resolve(module, &path.path),
            _ => String::new(),
        };
        // What is spawned becomes a function, which is called and not waited for.
        if rules::outside(&resolve(&call.func)) == Some(Outside::Spawn)
            && let Some(spawned) = super::spawned::call(call)
        {
            let path = resolve(&spawned.func);
            if self.krate.functions.contains_key(&path) {
                self.routes.handlers.entry(path).or_default();
            }
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let arguments: Vec<&Expr> = call.args.iter().collect();
        match (plain(&call.method).as_str(), arguments.as_slice()) {
            (
                "route",
                [
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(route),
                        ..
                    }),
                    methods,
                ],
            ) => self.methods(methods, &route.value()),
            (what @ ("layer" | "route_layer" | "fallback" | "nest_service"), [_])
            | (what @ "nest_service", [_, _])
                if self.routes.routers.contains(&self.path()) || self.is_main() =>
            {
                self.asked.push(Asked::about(
                    self.function,
                    call.method.span(),
                    format!(
                        "`.{what}(…)` goes with the router; does what it did (authorisation, limits, …) belong to the \
                         functions, or to a proxy before the node?"
                    ),
                ));
            }
            _ => {}
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

impl Finder<'_, '_> {
    fn is_main(&self) -> bool {
        self.function.sig.ident == "main" && self.function.owner.is_none()
    }

    fn path(&self) -> String {
        let module = self
            .function
            .owner
            .as_ref()
            .unwrap_or(&self.function.place.module);
        format!("{module}::{}", plain(&self.function.sig.ident))
    }
}
