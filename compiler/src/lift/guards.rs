//! Locks of state that are held where a function waits.

use super::{
    cells::Held,
    krate::Function,
    out::Out,
    plan::Lent,
    thrift,
    waits::{self, Awaited, field},
};
use crate::read::plain;
use proc_macro2::Span;
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Block, Expr, ExprAwait, ExprCall, ExprMethodCall, Pat, Stmt,
    visit::{self, Visit},
};

/// Asks about guards that are alive at an `.await` that stays.
pub(super) fn look(out: &mut Out<'_, '_>, function: &Function<'_>, lent: &Lent<'_, '_>) {
    let mut look = Look {
        out,
        function,
        lent,
        held: BTreeMap::new(),
        clients: BTreeSet::new(),
    };
    look.visit_block(function.block);
}

struct Look<'o, 'a, 'k, 'f> {
    out: &'o mut Out<'a, 'k>,
    function: &'f Function<'f>,
    lent: &'f Lent<'f, 'f>,
    /// Guards by their names, and where they were taken.
    held: BTreeMap<String, Span>,
    /// Names of clients.
    clients: BTreeSet<String>,
}

impl Look<'_, '_, '_, '_> {
    /// Whether an expression is the guard of a lock: `STATE.lock().unwrap()`.
    fn is_guard(&self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(call) => match plain(&call.method).as_str() {
                "lock" | "read" | "write" if call.args.is_empty() => {
                    field(self.lent, &call.receiver).is_some() || self.is_global(&call.receiver)
                }
                "unwrap" | "expect" | "unwrap_or_else" => self.is_guard(&call.receiver),
                _ => false,
            },
            Expr::Await(wait) => self.is_guard(&wait.base),
            Expr::Try(tried) => self.is_guard(&tried.expr),
            _ => false,
        }
    }

    /// What waits here has others write meanwhile.
    fn waits(&mut self) {
        for (name, span) in std::mem::take(&mut self.held) {
            self.out.ask(
                &self.function.place,
                span,
                format!(
                    "`{name}` is held while the function waits, which Skylark ends with an error, since others may write \
                     meanwhile: may it be let go before (`drop({name})`), and what is read of it be copied?"
                ),
            );
        }
    }

    fn is_global(&self, expr: &Expr) -> bool {
        let Expr::Path(path) = expr else { return false };
        let path = self
            .out
            .krate
            .names
            .resolve(&self.function.place.module, &path.path);
        self.out.plan.globals.contains_key(&path)
    }

    fn stays(&self, expr: &ExprAwait) -> bool {
        let found = waits::awaited(
            self.out.krate,
            self.out.plan,
            self.function,
            self.lent,
            &expr.base,
        );
        match found {
            Awaited::Lock => false,
            Awaited::Function(path) => self.out.plan.waits.contains(&path),
            _ => true,
        }
    }
}

impl<'ast> Visit<'ast> for Look<'_, '_, '_, '_> {
    fn visit_block(&mut self, block: &'ast Block) {
        let outer = self.held.clone();
        for statement in &block.stmts {
            self.visit_stmt(statement);
            if let Stmt::Local(local) = statement
                && let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
            {
                let lender = thrift::lender(&init.expr);
                if field(self.lent, lender).is_some_and(|f| f.held == Held::Client) {
                    self.clients.insert(plain(&name.ident));
                } else if self.is_guard(&init.expr) {
                    self.held.insert(plain(&name.ident), name.ident.span());
                }
            }
        }
        self.held = outer;
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let (Expr::Path(func), Some(argument)) = (&*call.func, call.args.first())
            && func
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "drop")
            && let Some(name) = waits::local(argument)
        {
            self.held.remove(&name);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        // A client's call waits: on itself, or on a name given to it.
        let lender = thrift::lender(&call.receiver);
        let is_client = field(self.lent, lender).is_some_and(|f| f.held == Held::Client);
        let named = waits::local(&call.receiver).is_some_and(|name| self.clients.contains(&name));
        visit::visit_expr_method_call(self, call);
        if (is_client && !is_lock(call)) || named {
            self.waits();
        }
    }

    fn visit_expr_await(&mut self, expr: &'ast ExprAwait) {
        if self.stays(expr) {
            self.waits();
        }
        visit::visit_expr_await(self, expr);
    }
}

/// Whether a call only lends what it is called on.
fn is_lock(call: &ExprMethodCall) -> bool {
    let whole = Expr::MethodCall(call.clone());
    !matches!(thrift::lender(&whole), Expr::MethodCall(_))
}
