//! Requests of reqwest's as those of `skylark::http`, where every step of one is known.

use super::{
    body::Rewriter,
    krate::{Function, Krate, type_arguments},
    plan::Lent,
    report::Kind,
    waits::{field, local, resolve},
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Expr, ExprAwait, ExprMethodCall, Pat, Stmt, Type, spanned::Spanned as _, visit::Visit};

/// What a step has made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// What sends requests.
    Client,
    /// A request in the making.
    Builder,
    /// A future of the answer.
    Sent,
    /// The answer, or why there was none.
    Answered,
    /// The answer.
    Response,
    /// A future of its text.
    Text,
    /// A future of a value that its text is read as.
    Json,
    /// Its text, or why it has none.
    TextRead,
}

/// Methods that begin a request.
const BEGINS: [&str; 6] = ["delete", "get", "head", "patch", "post", "put"];
/// Methods that `skylark::http::Request` has, too, with the same meaning.
const BUILDS: [&str; 3] = ["body", "header", "json"];

/// Where requests are looked for.
pub(super) struct Scope<'s, 'k> {
    pub(super) krate: &'s Krate<'k>,
    pub(super) function: &'s Function<'k>,
    pub(super) lent: &'s Lent<'s, 'k>,
    /// Locals that hold an answer or a client.
    locals: BTreeSet<(String, bool)>,
}

impl<'s, 'k> Scope<'s, 'k> {
    pub(super) fn new(
        krate: &'s Krate<'k>,
        function: &'s Function<'k>,
        lent: &'s Lent<'s, 'k>,
    ) -> Self {
        let mut scope = Self {
            krate,
            function,
            lent,
            locals: BTreeSet::new(),
        };
        for (pattern, ty, _) in function.arguments() {
            let ty = match ty {
                Type::Reference(reference) => &*reference.elem,
                ty => ty,
            };
            if let Pat::Ident(name) = pattern
                && is_client(krate, &function.place.module, ty)
            {
                scope.locals.insert((plain(&name.ident), true));
            }
        }
        let mut lets = Lets { scope };
        lets.visit_block(function.block);
        lets.scope
    }

    /// What an expression is of a request.
    pub(super) fn step(&self, expr: &Expr) -> Option<Step> {
        match expr {
            Expr::Paren(paren) => self.step(&paren.expr),
            Expr::Reference(reference) => self.step(&reference.expr),
            Expr::Path(_) | Expr::Field(_) => self.named(expr),
            Expr::Call(call) => {
                let Expr::Path(func) = &*call.func else {
                    return None;
                };
                match resolve(self.krate, self.function, &func.path).as_str() {
                    "reqwest::Client::new" | "reqwest::Client::default" => Some(Step::Client),
                    "reqwest::get" => Some(Step::Sent),
                    _ => None,
                }
            }
            Expr::MethodCall(call) => self.method(call),
            Expr::Await(wait) => match self.step(&wait.base)? {
                Step::Sent => Some(Step::Answered),
                Step::Text => Some(Step::TextRead),
                _ => None,
            },
            Expr::Try(tried) => match self.step(&tried.expr)? {
                Step::Answered => Some(Step::Response),
                _ => None,
            },
            _ => None,
        }
    }

    fn method(&self, call: &ExprMethodCall) -> Option<Step> {
        let method = plain(&call.method);
        match (self.step(&call.receiver)?, method.as_str()) {
            (Step::Client, begins) if BEGINS.contains(&begins) => Some(Step::Builder),
            (Step::Client, "clone") => Some(Step::Client),
            (Step::Builder, builds) if BUILDS.contains(&builds) => Some(Step::Builder),
            (Step::Builder, "send") => Some(Step::Sent),
            (Step::Answered, "map_err") => Some(Step::Answered),
            (Step::Answered, "expect" | "unwrap") => Some(Step::Response),
            (Step::Response, "json") => Some(Step::Json),
            (Step::Response, "text") => Some(Step::Text),
            _ => None,
        }
    }

    /// A local, a static, or a field of what handlers share.
    fn named(&self, expr: &Expr) -> Option<Step> {
        if let Some(name) = local(expr) {
            for (client, step) in [(true, Step::Client), (false, Step::Response)] {
                if self.locals.contains(&(name.clone(), client)) {
                    return Some(step);
                }
            }
        }
        let client = |module: &str, ty: &Type| is_client(self.krate, module, ty);
        if let Some(found) = field(self.lent, expr) {
            let line = syn::parse_str::<syn::ItemStatic>(&found.line).ok()?;
            return client(&found.module, &line.ty).then_some(Step::Client);
        }
        let Expr::Path(path) = expr else { return None };
        let path = self
            .krate
            .names
            .resolve(&self.function.place.module, &path.path);
        let mut statics = self.krate.statics.iter();
        let (place, item) = statics
            .find(|(place, item)| path == format!("{}::{}", place.module, plain(&item.ident)))?;
        client(&place.module, &item.ty).then_some(Step::Client)
    }

    /// Whether a request begins somewhere in what `expr` is called on.
    pub(super) fn begins(&self, expr: &Expr) -> bool {
        self.step(expr).is_some()
            || match expr {
                Expr::MethodCall(call) => self.begins(&call.receiver),
                Expr::Await(wait) => self.begins(&wait.base),
                Expr::Try(tried) => self.begins(&tried.expr),
                _ => false,
            }
    }
}

/// `reqwest::Client`, also in a `LazyLock`.
pub(super) fn is_client(krate: &Krate<'_>, module: &str, ty: &Type) -> bool {
    let path = krate.type_path(module, ty).unwrap_or_default();
    let wraps = super::rules::is_lazy(&path) || path == "std::sync::Arc";
    path == "reqwest::Client"
        || wraps
            && type_arguments(ty)
                .first()
                .is_some_and(|inner| is_client(krate, module, inner))
}

/// What is asked about a client that is called so.
pub(super) fn client_question(name: &str) -> String {
    format!(
        "`{name}` is a client of reqwest's, which has no sockets in a guest, and requests of `skylark::http` need none: may it \
         go, when nothing uses it any more?"
    )
}

/// Finds the locals that hold an answer or a client, in the order of the text.
struct Lets<'s, 'k> {
    scope: Scope<'s, 'k>,
}

impl<'ast> Visit<'ast> for Lets<'_, '_> {
    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        syn::visit::visit_stmt(self, stmt);
        let Stmt::Local(bound) = stmt else { return };
        let pattern = match &bound.pat {
            Pat::Type(typed) => &*typed.pat,
            pattern => pattern,
        };
        if let (Pat::Ident(name), Some(init)) = (pattern, &bound.init) {
            let client = match self.scope.step(&init.expr) {
                Some(Step::Client) => true,
                Some(Step::Response) => false,
                _ => return,
            };
            self.scope.locals.insert((plain(&name.ident), client));
        }
    }

    fn visit_item(&mut self, _item: &'ast syn::Item) {}
}

impl<'k> Rewriter<'_, '_, 'k> {
    /// What an expression is of a request.
    fn step(&self, expr: &Expr) -> Option<Step> {
        Scope::new(self.out.krate, self.function, &self.lent).step(expr)
    }

    /// Whether a request begins in it.
    pub(super) fn is_request(&self, expr: &Expr) -> bool {
        Scope::new(self.out.krate, self.function, &self.lent).begins(expr)
    }

    /// Writes what an `.await` of a request waits for. Whether it was one that is known.
    pub(super) fn request(&mut self, whole: &ExprAwait) -> bool {
        let base = &*whole.base;
        let after = self.range(base).end..self.range(whole).end;
        match (self.step(base), base) {
            (Some(Step::Sent), _) => {
                self.sent(base);
                self.ask(
                    base.span(),
                    "this request is made at least once, each time with the same `Idempotency-Key`: does the server tell a \
                     repeated one by it? A node sends it only where `--allow-egress` allows, over plain HTTP",
                );
                self.out.decide(
                    Kind::Call,
                    (&self.function.place, base.span()),
                    "a request of reqwest's",
                    "skylark::http",
                    "the function holds no instance meanwhile, and the answer is recorded; it fails with \
                     `skylark::Failure`, and its `json` on a status of no success, too",
                );
                true
            }
            // What has arrived is there.
            (Some(Step::Json), Expr::MethodCall(read)) => {
                self.delete(after);
                self.visit_expr(&read.receiver);
                true
            }
            (Some(Step::Text), Expr::MethodCall(read)) => {
                let at = self.range(base);
                self.insert(at.start, "Ok::<_, skylark::Failure>(");
                self.replace(after, ")");
                self.visit_expr(&read.receiver);
                true
            }
            _ => false,
        }
    }

    /// `response.text().await?` and `.unwrap()` are `response.text()`. Whether it was one.
    pub(super) fn text_of_answer(&mut self, end: usize, inner: &Expr) -> bool {
        let (Expr::Await(wait), Some(Step::TextRead)) = (inner, self.step(inner)) else {
            return false;
        };
        let at = self.range(&wait.base).end;
        self.delete(at..end);
        if let Expr::MethodCall(read) = &*wait.base {
            self.visit_expr(&read.receiver);
        }
        true
    }

    /// `response.status().is_success()` is `response.is_success()`, and
    /// `response.status().as_u16()` its field. Whether it was one.
    pub(super) fn status_of_answer(&mut self, call: &ExprMethodCall) -> bool {
        let Expr::MethodCall(status) = &*call.receiver else {
            return false;
        };
        if status.method != "status" || self.step(&status.receiver) != Some(Step::Response) {
            return false;
        }
        let (of, status_end) = (self.range(&status.receiver).end, self.range(status).end);
        match plain(&call.method).as_str() {
            "is_success" => self.delete(of..status_end),
            "as_u16" => {
                let end = self.range(call).end;
                self.replace(of..end, ".status");
            }
            _ => return false,
        }
        self.visit_expr(&status.receiver);
        true
    }

    /// A request up to where it is sent.
    fn sent(&mut self, expr: &Expr) {
        match expr {
            Expr::Paren(paren) => self.sent(&paren.expr),
            Expr::Call(call) => {
                let func = self.range(&call.func);
                self.replace(func, "skylark::http::get");
                call.args
                    .iter()
                    .for_each(|argument| self.visit_expr(argument));
            }
            Expr::MethodCall(call) => {
                let receiver = self.range(&call.receiver);
                if self.step(&call.receiver) == Some(Step::Client) {
                    let method = self.range(&call.method);
                    let named = format!("skylark::http::{}", plain(&call.method));
                    self.replace(receiver.start..method.end, named);
                } else {
                    self.sent(&call.receiver);
                    if call.method == "send" {
                        let end = self.range(call).end;
                        self.delete(receiver.end..end);
                    }
                }
                call.args
                    .iter()
                    .for_each(|argument| self.visit_expr(argument));
            }
            _ => {}
        }
    }
}
