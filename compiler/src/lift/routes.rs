//! Routers: which functions are handlers, and of what.

use super::{
    krate::{Function, Krate, path_of},
    plan::Asked,
    prefix::{Nests, Node, join},
    rules::{self, Outside, Role},
};
use crate::read::plain;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Expr, ExprCall, ExprLit, ExprMethodCall, Lit, Pat, spanned::Spanned as _, visit::Visit};

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
    let mut nests = Nests::default();
    let mut found = Vec::new();
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
            found: &mut found,
            nests: &mut nests,
            local: None,
            under: None,
            in_route: false,
            makes: false,
        };
        finder.visit_block(function.block);
        if finder.makes && !makes && !finder.is_main() {
            asked.push(Asked::about(
                function,
                function.sig.ident.span(),
                format!(
                    "`{}` makes routes, and there is nothing to route any more: may it go, or what of it is wanted?",
                    function.sig.ident
                ),
            ));
        }
    }
    for Found {
        handler,
        verb,
        route,
        of,
    } in found
    {
        let routes = routes.handlers.entry(handler).or_default();
        for path in nests.paths(&of, &route) {
            let route = format!("{verb} {path}");
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
    }
    routes
}

/// A route of a handler.
struct Found {
    handler: String,
    verb: &'static str,
    route: String,
    of: Node,
}

/// The path of a route that is computed.
const COMPUTED: &str = "…";

struct Finder<'a, 'k> {
    krate: &'a Krate<'k>,
    function: &'a Function<'k>,
    routes: &'a mut Routes,
    asked: &'a mut Vec<Asked>,
    found: &'a mut Vec<Found>,
    nests: &'a mut Nests,
    /// The local that what is visited is bound to.
    local: Option<String>,
    /// Where what is visited is nested in its router.
    under: Option<String>,
    /// Whether what is visited belongs to a route that is known already.
    in_route: bool,
    /// Whether a route was seen.
    makes: bool,
}

impl Finder<'_, '_> {
    fn node(&self) -> Node {
        Node {
            function: self.function.path(),
            local: self.local.clone(),
        }
    }

    /// Another router is part of the one that is visited.
    fn nested(&mut self, inner: Node) {
        let outer = self.node();
        if inner != outer {
            let under = self.under.clone().unwrap_or_default();
            self.nests.nest(&outer, inner, under);
        }
    }

    fn resolve(&self, path: &syn::Path) -> String {
        self.krate.names.resolve(&self.function.place.module, path)
    }

    /// Whether an expression is `get(list)`, `get(list).post(place)`.
    fn is_methods(&self, expr: &Expr) -> bool {
        let known = |name: &str| rules::METHODS.iter().any(|(known, _)| *known == name);
        match expr {
            Expr::Call(call) => match &*call.func {
                Expr::Path(func) => {
                    let path = self.resolve(&func.path);
                    path.strip_prefix("axum::routing::").is_some_and(known)
                }
                _ => false,
            },
            Expr::MethodCall(call) => {
                known(&plain(&call.method)) && self.is_methods(&call.receiver)
            }
            _ => false,
        }
    }

    /// The handlers of `get(list).post(place)`.
    fn methods(&mut self, expr: &Expr, route: &str) {
        let (name, handlers) = match expr {
            Expr::Call(ExprCall { func, args, .. }) => {
                let Expr::Path(func) = &**func else { return };
                let path = self.resolve(&func.path);
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
                    let path = self.resolve(&path.path);
                    self.krate.functions.contains_key(&path).then_some(path)
                }
                _ => None,
            };
            match known {
                Some(handler) => self.found.push(Found {
                    handler,
                    verb,
                    route: join(self.under.as_deref().unwrap_or_default(), route),
                    of: self.node(),
                }),
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

    fn is_main(&self) -> bool {
        self.function.sig.ident == "main" && self.function.owner.is_none()
    }

    fn routed(&mut self, methods: &Expr, route: &str) {
        self.makes = true;
        self.methods(methods, route);
        let outer = std::mem::replace(&mut self.in_route, true);
        syn::visit::visit_expr(self, methods);
        self.in_route = outer;
    }

    /// Visits what is bound to a local.
    fn bound(&mut self, local: Option<String>, expr: &Expr) {
        let outer = std::mem::replace(&mut self.local, local);
        self.visit_expr(expr);
        self.local = outer;
    }
}

impl<'ast> Visit<'ast> for Finder<'_, '_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        if !self.in_route && self.is_methods(expr) {
            return self.routed(expr, COMPUTED);
        }
        syn::visit::visit_expr(self, expr);
    }

    fn visit_local(&mut self, statement: &'ast syn::Local) {
        let mut pattern = &statement.pat;
        while let Pat::Type(typed) = pattern {
            pattern = &typed.pat;
        }
        match (pattern, &statement.init) {
            (Pat::Ident(name), Some(init)) if init.diverge.is_none() => {
                self.bound(Some(plain(&name.ident)), &init.expr);
            }
            _ => syn::visit::visit_local(self, statement),
        }
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        self.bound(super::waits::local(&assign.left), &assign.right);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let (Some(_), false, Some(name)) = (&self.under, self.in_route, path.path.get_ident()) {
            self.nested(Node {
                function: self.function.path(),
                local: Some(plain(name)),
            });
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let resolve = |expr: &Expr| match expr {
            Expr::Path(path) => self.resolve(&path.path),
            _ => String::new(),
        };
        let path = resolve(&call.func);
        // What is spawned becomes a function, which is called and not waited for.
        if rules::outside(&path) == Some(Outside::Spawn)
            && let Some(spawned) = super::spawned::call(call)
        {
            let path = resolve(&spawned.func);
            if self.krate.functions.contains_key(&path) {
                self.routes.handlers.entry(path).or_default();
            }
        }
        if self.krate.functions.contains_key(&path) {
            self.nested(Node {
                function: path,
                local: None,
            });
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let text = |expr: &Expr| match expr {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        };
        match (plain(&call.method).as_str(), arguments.as_slice()) {
            ("route", [route, methods]) => {
                let route = text(route).unwrap_or_else(|| COMPUTED.to_owned());
                self.visit_expr(&call.receiver);
                return self.routed(methods, &route);
            }
            (what @ ("nest" | "merge"), [.., inner]) => {
                let path = match (what, arguments.first().copied().and_then(text)) {
                    ("merge", _) => String::new(),
                    (_, path) => path.unwrap_or_else(|| format!("/{COMPUTED}")),
                };
                self.visit_expr(&call.receiver);
                let outer = self.under.clone();
                self.under = Some(join(outer.as_deref().unwrap_or_default(), &path));
                self.visit_expr(inner);
                self.under = outer;
                return;
            }
            (what @ ("layer" | "route_layer" | "fallback" | "nest_service"), [_])
            | (what @ "nest_service", [_, _])
                if self.routes.routers.contains(&self.function.path()) || self.is_main() =>
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
