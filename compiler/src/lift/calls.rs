//! Calls: of handlers, of helpers that were lent shared state, of what is outside.

use super::{
    body::Rewriter,
    krate::Function,
    plan::{Fails, Plan},
    report::Kind,
    rules::{self, Outside},
    values::{self, is_wrapper},
    waits::{Awaited, awaited, local},
};
use crate::read::plain;
use proc_macro2::Span;
use std::{collections::BTreeSet, ops::Range};
use syn::{
    Expr, ExprAwait, ExprCall, ExprMethodCall, Token, punctuated::Punctuated,
    spanned::Spanned as _, visit::Visit as _,
};

impl Rewriter<'_, '_, '_> {
    /// Leaves out the arguments that lend shared state, and visits the others;
    /// `unwrap` takes extractors off them.
    fn arguments(
        &mut self,
        arguments: &Punctuated<Expr, Token![,]>,
        close: Span,
        callee: Option<&Function<'_>>,
        unwrap: bool,
    ) {
        let lends: BTreeSet<usize> = match callee {
            Some(callee) => {
                let mut places = self.out.plan.lent(self.out.krate, callee).places;
                if callee.sig.receiver().is_some() {
                    places = places.into_iter().map(|place| place + 1).collect();
                    let shared = callee
                        .owner
                        .as_ref()
                        .is_some_and(|o| self.out.plan.shared.contains_key(o));
                    places.extend(shared.then_some(0));
                }
                places
            }
            None => BTreeSet::new(),
        };
        let elements: Vec<Range<usize>> = arguments
            .iter()
            .map(|argument| self.range(argument))
            .collect();
        let mut dropped = BTreeSet::new();
        for (index, argument) in arguments.iter().enumerate() {
            if lends.contains(&index) && self.is_shared(argument) {
                dropped.insert(index);
                continue;
            }
            let wrapped = match argument {
                Expr::Call(ExprCall { func, args, .. }) if unwrap && args.len() == 1 => {
                    match &**func {
                        Expr::Path(func) if is_wrapper(&self.resolve(&func.path)) => args.first(),
                        _ => None,
                    }
                }
                _ => None,
            };
            match wrapped {
                // `Path((a, b))` is two arguments.
                Some(Expr::Tuple(tuple)) if !tuple.elems.is_empty() => {
                    let (outer, close) = (
                        self.range(argument),
                        self.range(tuple.paren_token.span.close()),
                    );
                    let open = self.range(tuple.paren_token.span.open());
                    self.delete(outer.start..open.end);
                    self.delete(close.start..outer.end);
                    tuple
                        .elems
                        .iter()
                        .for_each(|element| self.visit_expr(element));
                }
                Some(inner) => {
                    self.unwrap(argument, inner);
                    self.visit_expr(inner);
                }
                None => self.visit_expr(argument),
            }
        }
        if !dropped.is_empty() {
            let (file, close) = (self.file(), self.range(close).start);
            self.out.drop_elements(file, &elements, &dropped, close);
        }
    }

    /// `handler(…).await` becomes an awaited call.
    pub(super) fn call_handler(
        &mut self,
        path: &str,
        whole: &ExprAwait,
        call: &ExprCall,
        tried: bool,
    ) {
        let Some(callee) = self.out.krate.functions.get(path) else {
            return;
        };
        let shown = path
            .split_once("::")
            .map_or(path, |(_, rest)| rest)
            .to_owned();
        values::note_call(self.out, callee);
        let at = self.range(call);
        self.insert(at.start, "skylark::call!(");
        self.insert(at.end, ")");
        self.arguments(
            &call.args,
            call.paren_token.span.close(),
            Some(callee),
            true,
        );
        let end = self.range(whole).end;
        match (Plan::fails(self.out.krate, callee), tried) {
            (Fails::Refused, true) => self.refuses(),
            (Fails::Refused, false) => {
                self.refuses();
                let name = self.out.refusal.name;
                self.insert(end, format!(".map_err({name}::from)"));
            }
            (Fails::Text, _) => self.insert(end, ".map_err(|failure| failure.message)"),
            (Fails::Never, _) => {
                let name = path.rsplit("::").next().unwrap_or(path);
                self.insert(end, format!(".expect(\"`{name}` answers\")"));
            }
            (Fails::Own, _) => self.ask(
                call.span(),
                format!("a call fails with `skylark::Failure`, whose message is what `{shown}` refused with: how is it made \
                         the error that is wanted here?"),
            ),
        }
        self.out.decide(
            Kind::Call,
            (&self.function.place, call.span()),
            shown.clone(),
            format!("skylark::call!({shown}(…)).await"),
            "it is a function too: the call takes effect once, and what was done before it is committed",
        );
    }

    pub(super) fn awaited(&mut self, whole: &ExprAwait, tried: bool) {
        if self.request(whole) {
            return;
        }
        let found = awaited(
            self.out.krate,
            self.out.plan,
            self.function,
            &self.lent,
            &whole.base,
        );
        let base = &*whole.base;
        let after = self.range(base).end..self.range(whole).end;
        match found {
            Awaited::Handler(path) => {
                if let Expr::Call(call) = base {
                    return self.call_handler(&path, whole, call, tried);
                }
            }
            Awaited::Lock => self.replace(after, ".unwrap()"),
            Awaited::Function(path) => {
                let is_async = self.out.krate.functions.get(&path).is_some_and(|f| f.sig.asyncness.is_some());
                if is_async && !self.out.plan.waits.contains(&path) {
                    self.delete(after);
                }
            }
            Awaited::Outside(Outside::Instead(path), was) => {
                if let Expr::Call(call) = base {
                    let at = self.range(&call.func);
                    self.replace(at, path);
                    self.out.decide(Kind::Call, (&self.function.place, call.span()), was, path, "the function holds no instance meanwhile");
                }
            }
            Awaited::Outside(Outside::Request, _) => {
                self.ask(base.span(), request(&plain(&self.function.sig.ident)));
                self.handled = Some(base.span());
                return;
            }
            Awaited::Outside(..) => {}
            Awaited::Unknown if self.is_request(base) => {
                self.ask(base.span(), request(&plain(&self.function.sig.ident)));
                self.handled = Some(base.span());
                return;
            }
            Awaited::Unknown => self.ask(
                base.span(),
                "what does this wait for? A function waits for other functions, for time and for the world outside \
                 (`skylark::call!`, `skylark::sleep`, `skylark::promise`, `#[skylark::external]`), and for nothing else",
            ),
        }
        if let Expr::Call(call) = base {
            self.handled = Some(call.span());
        }
        self.visit_expr(base);
    }

    /// A call that nobody has dealt with yet.
    pub(super) fn called(&mut self, call: &ExprCall, path: &str) {
        let dealt = self
            .handled
            .take()
            .is_some_and(|span| self.range(span) == self.range(call));
        if self.out.plan.handlers.contains_key(path) {
            let path = path.split_once("::").map_or(path, |(_, rest)| rest);
            self.ask(
                call.span(),
                format!("`{path}` is a function now: is this call to be awaited (`skylark::call!(…).await`), or begun \
                         and awaited later (`.start()`)?"),
            );
        }
        if dealt {
            return;
        }
        match rules::outside(path) {
            Some(Outside::Recorded(what)) => self.out.decide(
                Kind::Fine,
                (&self.function.place, call.span()),
                path,
                "as it was",
                format!("{what} is recorded: another execution sees the same"),
            ),
            Some(Outside::Absent(what)) => self.ask(
                call.span(),
                format!("a guest goes without {what}: what stands in for `{path}`?"),
            ),
            Some(Outside::Request) if path.starts_with("reqwest::Client::") => {
                self.ask(call.span(), super::requests::client_question(path));
            }
            Some(Outside::Request) => {
                self.ask(call.span(), request(&plain(&self.function.sig.ident)))
            }
            Some(Outside::Spawn) => super::spawned::write(self, call),
            _ => {}
        }
    }

    /// `state.take()` is `State::take()`, now that there is no state to pass. Whether it was one.
    pub(super) fn method_of_shared(&mut self, call: &ExprMethodCall) -> bool {
        let receiver = local(&call.receiver).unwrap_or_default();
        let Some(shared) = self.lent.names.get(&receiver).copied() else {
            return false;
        };
        let owner = plain(&shared.item.ident);
        let path = format!("{}::{owner}", shared.place.module);
        let krate = self.out.krate;
        let Some(callee) = krate.functions.get(&format!("{path}::{}", call.method)) else {
            return false;
        };
        let by = if receiver == "self" {
            "Self".to_owned()
        } else {
            let file = self.file();
            self.out.import(file, &self.function.place.module, &path);
            owner
        };
        let from = self.range(&call.receiver).start..self.range(&call.method).start;
        self.replace(from, format!("{by}::"));
        let lends = self.out.plan.lent(krate, callee).places;
        for (index, argument) in call.args.iter().enumerate() {
            if !lends.contains(&index) {
                self.visit_expr(argument);
            }
        }
        if !lends.is_empty() {
            let elements: Vec<Range<usize>> = call.args.iter().map(|a| self.range(a)).collect();
            let (file, close) = (self.file(), self.range(call.paren_token.span.close()).start);
            self.out.drop_elements(file, &elements, &lends, close);
        }
        true
    }

    /// Arguments of a call of a function of this crate.
    pub(super) fn own_arguments(&mut self, call: &ExprCall, path: &str, unwrap: bool) {
        let callee = self.out.krate.functions.get(path);
        self.arguments(&call.args, call.paren_token.span.close(), callee, unwrap);
    }
}

fn request(function: &str) -> String {
    format!(
        "is this request to be made at least once, with its idempotency key? Then declare \
         `#[skylark::external(url = \"…\")] async fn {function}_outside(…) -> Result<…, skylark::Failure>;` and await it here"
    )
}
