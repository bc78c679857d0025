//! Guards of state that are held across a wait.

use super::Lints;
use crate::{
    analyse::{BodyId, DETACHING, ItemId, Kind, Res, Site, Space},
    check::code::{Code, Diagnostic, Suggestion},
    read::{Annotation, plain},
};
use proc_macro2::Span;
use syn::{
    Block, Expr, ExprAwait, ExprClosure, ExprMethodCall, Ident, Local, Pat, Stmt, spanned::Spanned,
    visit::Visit,
};

/// What gives a guard.
const LOCKS: [&str; 6] = ["lock", "read", "write", "try_lock", "try_read", "try_write"];

/// What hands the guard on.
const UNWRAPS: [&str; 7] = [
    "unwrap",
    "unwrap_or",
    "expect",
    "unwrap_or_else",
    "unwrap_or_default",
    "ok",
    "map_err",
];

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for body in lints.reached() {
        let Kind::Fn(function) = &lints.item(body).kind else {
            continue;
        };
        // What does not wait holds nothing across a wait.
        if let Some(block) = lints.index.bodies[body].block
            && function.sig.asyncness.is_some()
        {
            let mut guards = Guards { lints, body, found };
            guards.visit_block(block);
        }
    }
}

struct Guards<'a, 'm, 'f> {
    lints: &'a Lints<'a, 'm>,
    body: BodyId,
    found: &'f mut Vec<Diagnostic>,
}

/// A guard, and where it is taken.
struct Guard {
    state: ItemId,
    lock: Span,
}

impl Guards<'_, '_, '_> {
    /// The guard that an expression is: `STATE.lock().unwrap()`.
    fn guard(&self, expr: &Expr) -> Option<Guard> {
        match expr {
            Expr::MethodCall(call) if UNWRAPS.iter().any(|name| call.method == name) => {
                self.guard(&call.receiver)
            }
            Expr::Try(inner) => self.guard(&inner.expr),
            Expr::Paren(inner) => self.guard(&inner.expr),
            Expr::MethodCall(call) if LOCKS.iter().any(|name| call.method == name) => {
                let state = self.state(&call.receiver)?;
                Some(Guard {
                    state,
                    lock: call.method.span(),
                })
            }
            _ => None,
        }
    }

    /// The state that a path names.
    fn state(&self, expr: &Expr) -> Option<ItemId> {
        match expr {
            Expr::Path(path) => {
                let module = self.lints.index.bodies[self.body].module;
                let found = self.lints.index.resolve(module, &path.path, Space::Value);
                match found {
                    Res::Item(item) if self.lints.is(item, Annotation::State) => Some(item),
                    _ => None,
                }
            }
            Expr::Reference(inner) => self.state(&inner.expr),
            Expr::Paren(inner) => self.state(&inner.expr),
            Expr::Unary(inner) => self.state(&inner.expr),
            _ => None,
        }
    }

    /// A guard anywhere in what a `match`, `for`, `if let` or `while let` looks at: it
    /// lives as long as that.
    fn temporary(&self, expr: &Expr) -> Option<Guard> {
        struct Find<'a, 'b, 'm, 'f>(&'a Guards<'b, 'm, 'f>, Option<Guard>);
        impl Visit<'_> for Find<'_, '_, '_, '_> {
            fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
                if self.1.is_none() && LOCKS.iter().any(|name| call.method == name) {
                    self.1 = self.0.state(&call.receiver).map(|state| Guard {
                        state,
                        lock: call.method.span(),
                    });
                }
                syn::visit::visit_expr_method_call(self, call);
            }

            fn visit_expr_closure(&mut self, _: &ExprClosure) {}
            fn visit_expr_block(&mut self, _: &syn::ExprBlock) {}
        }
        let mut find = Find(self, None);
        find.visit_expr(expr);
        find.1
    }

    fn held_while(&mut self, looked_at: &Expr, waits: impl Fn(&mut Awaits)) {
        if let Some(guard) = self.temporary(looked_at) {
            let mut awaits = Awaits::default();
            waits(&mut awaits);
            if let Some(wait) = awaits.0.first() {
                let d = self.report(&guard, *wait);
                self.found.push(d);
            }
        }
    }

    fn report(&self, guard: &Guard, wait: Span) -> Diagnostic {
        let lints = self.lints;
        let file = lints.item(self.body).site.file;
        let state = lints.name(guard.state);
        let handler = lints.handler_of(self.body);
        let site = Site { file, span: wait };
        let message = format!("`{handler}` holds a guard of `{state}` across a wait");
        let mut d = lints.on_the_way(Code::GuardAcrossAwait, self.body, site, message);
        d.label = "a node ends the function here".into();
        let lock = Site {
            file,
            span: guard.lock,
        };
        d.labels
            .push(lints.label(lock, format!("the guard of `{state}` is taken here")));
        d.help = vec!["let go of the guard before the wait, and lock again after it".into()];
        d
    }

    /// The guard `name` that statement `at` of a block makes.
    fn bound(&mut self, block: &Block, at: usize, name: &Ident, guard: &Guard) {
        for (later, stmt) in block.stmts.iter().enumerate().skip(at + 1) {
            let mut awaits = Awaits::default();
            awaits.visit_stmt(stmt);
            let gone = Moves::find(stmt, name);
            let first = awaits.0.first().copied();
            let before = |gone: Span, wait: Span| gone.byte_range().start < wait.byte_range().start;
            match (first, gone) {
                // Dropped or given away; what comes after is none of its business.
                (None, Some(_)) => return,
                (Some(wait), Some(gone)) if before(gone, wait) => return,
                (Some(wait), _) => {
                    let mut d = self.report(guard, wait);
                    let lent = lent(&block.stmts[at + 1..later], name);
                    let used = |name| block.stmts[later..].iter().any(|stmt| mentions(stmt, name));
                    if !lent.into_iter().any(used) {
                        d.suggestion = self.drop_before(stmt, name);
                    }
                    self.found.push(d);
                    return;
                }
                (None, None) => {}
            }
        }
    }

    /// `drop(guard);` on a line before the statement.
    fn drop_before(&self, stmt: &Stmt, name: &Ident) -> Option<Suggestion> {
        let file = self.lints.item(self.body).site.file;
        let source = self.lints.index.model.files.get(file)?;
        let at = self.lints.index.locate(Site {
            file,
            span: stmt.span(),
        });
        let line = source.text[..at.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &source.text[line..at.start];
        let end = if source.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        before.trim().is_empty().then(|| Suggestion {
            file: source.path.clone(),
            span: source.span(at.start..at.start),
            replacement: format!("drop({name});{end}{before}"),
            certain: true,
        })
    }
}

impl<'ast> Visit<'ast> for Guards<'_, '_, '_> {
    fn visit_block(&mut self, block: &'ast Block) {
        for (at, stmt) in block.stmts.iter().enumerate() {
            if let Stmt::Local(Local {
                pat,
                init: Some(init),
                ..
            }) = stmt
                && let Some(name) = bound(pat)
                && let Some(guard) = self.guard(&init.expr)
            {
                self.bound(block, at, name, &guard);
            }
        }
        syn::visit::visit_block(self, block);
    }

    fn visit_expr_for_loop(&mut self, looped: &'ast syn::ExprForLoop) {
        self.held_while(&looped.expr, |awaits| awaits.visit_block(&looped.body));
        syn::visit::visit_expr_for_loop(self, looped);
    }

    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        self.held_while(&matched.expr, |awaits| {
            matched.arms.iter().for_each(|arm| awaits.visit_arm(arm));
        });
        syn::visit::visit_expr_match(self, matched);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        // Of a condition that is no pattern, the guard is gone at `{`.
        if let Expr::Let(cond) = &*branch.cond {
            self.held_while(&cond.expr, |awaits| awaits.visit_block(&branch.then_branch));
        }
        syn::visit::visit_expr_if(self, branch);
    }

    fn visit_expr_while(&mut self, looped: &'ast syn::ExprWhile) {
        if let Expr::Let(cond) = &*looped.cond {
            self.held_while(&cond.expr, |awaits| awaits.visit_block(&looped.body));
        }
        syn::visit::visit_expr_while(self, looped);
    }

    /// A closure waits for nothing, and items have bodies of their own.
    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

fn bound(pat: &Pat) -> Option<&Ident> {
    match pat {
        // `let _ = …` drops at once, and is no identifier.
        Pat::Ident(ident) => Some(&ident.ident),
        Pat::Type(typed) => bound(&typed.pat),
        Pat::TupleStruct(inner) if inner.elems.len() == 1 => inner.elems.first().and_then(bound),
        _ => None,
    }
}

/// Where an expression waits.
#[derive(Default)]
struct Awaits(Vec<Span>);

impl Visit<'_> for Awaits {
    fn visit_expr_await(&mut self, expr: &ExprAwait) {
        syn::visit::visit_expr_await(self, expr);
        self.0.push(expr.await_token.span);
    }

    fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
    fn visit_item(&mut self, _: &syn::Item) {}
}

/// Where a variable is given away: `drop(guard)`, `f(guard)`, `return guard`.
struct Moves<'a> {
    name: &'a Ident,
    found: Option<Span>,
}

impl Moves<'_> {
    fn find(stmt: &Stmt, name: &Ident) -> Option<Span> {
        let mut moves = Moves { name, found: None };
        moves.visit_stmt(stmt);
        moves.found
    }

    fn given(&mut self, expr: &Expr) {
        if let Expr::Path(path) = expr
            && path.path.is_ident(self.name)
            && self.found.is_none()
        {
            self.found = Some(path.span());
        }
    }
}

impl Visit<'_> for Moves<'_> {
    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        call.args.iter().for_each(|argument| self.given(argument));
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_return(&mut self, item: &syn::ExprReturn) {
        if let Some(expr) = &item.expr {
            self.given(expr);
        }
    }

    fn visit_local(&mut self, local: &Local) {
        if let Some(init) = &local.init {
            self.given(&init.expr);
        }
        syn::visit::visit_local(self, local);
    }

    fn visit_expr_assign(&mut self, assign: &syn::ExprAssign) {
        self.given(&assign.right);
        syn::visit::visit_expr_assign(self, assign);
    }
}

/// Whether a statement names a variable, also inside macros and texts.
/// A guard, and what may borrow from it: what is bound or changed where it, or a borrow,
/// is named.
fn lent<'a>(stmts: &'a [Stmt], guard: &'a Ident) -> Vec<&'a Ident> {
    let mut lent = vec![guard];
    for stmt in stmts {
        if !lent.iter().any(|name| mentions(stmt, name)) {
            continue;
        }
        let mut borrows = Borrows(Vec::new());
        match stmt {
            Stmt::Local(Local {
                init: Some(init), ..
            }) if init.diverge.is_none() && is_copy(&init.expr, guard) => {}
            stmt => borrows.visit_stmt(stmt),
        }
        lent.extend(borrows.0);
    }
    lent
}

/// The names that a statement binds, assigns to, or calls methods of.
struct Borrows<'a>(Vec<&'a Ident>);

impl<'a> Borrows<'a> {
    fn place(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Path(path) => self.0.extend(path.path.get_ident()),
            Expr::Field(inner) => self.place(&inner.base),
            Expr::Index(inner) => self.place(&inner.expr),
            Expr::MethodCall(inner) => self.place(&inner.receiver),
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Borrows<'a> {
    fn visit_pat_ident(&mut self, pat: &'a syn::PatIdent) {
        self.0.push(&pat.ident);
        syn::visit::visit_pat_ident(self, pat);
    }

    fn visit_expr_assign(&mut self, assign: &'a syn::ExprAssign) {
        self.place(&assign.left);
        syn::visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        self.place(&call.receiver);
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// Whether an expression surely yields what borrows nothing.
fn is_copy(expr: &Expr, guard: &Ident) -> bool {
    match expr {
        Expr::MethodCall(call) => {
            let named = |names: &[&str]| names.iter().any(|name| call.method == name);
            named(DETACHING) || named(&UNWRAPS) && is_copy(&call.receiver, guard)
        }
        // What is behind a guard cannot be moved out, only copied, and is no borrow.
        Expr::Field(of) => matches!(&*of.base, Expr::Path(path) if path.path.is_ident(guard)),
        Expr::Unary(of) => match of.op {
            syn::UnOp::Deref(_) => {
                matches!(&*of.expr, Expr::Path(path) if path.path.is_ident(guard))
            }
            _ => true,
        },
        Expr::Lit(_) | Expr::Binary(_) => true,
        Expr::Cast(cast) => !matches!(&*cast.ty, syn::Type::Reference(_) | syn::Type::Ptr(_)),
        Expr::Macro(mac) => mac.mac.path.is_ident("format"),
        Expr::Paren(inner) => is_copy(&inner.expr, guard),
        _ => false,
    }
}

fn mentions(stmt: &Stmt, name: &Ident) -> bool {
    fn inside(tokens: proc_macro2::TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => plain(&ident) == name,
            proc_macro2::TokenTree::Group(group) => inside(group.stream(), name),
            proc_macro2::TokenTree::Literal(text) => {
                text.to_string().contains(&format!("{{{name}"))
            }
            proc_macro2::TokenTree::Punct(_) => false,
        })
    }
    inside(quote::ToTokens::to_token_stream(stmt), &plain(name))
}
