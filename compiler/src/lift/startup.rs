//! What a program did when it started, and does no more: asked, never dropped unsaid.

use super::{
    cells::Held,
    krate::{Function, Krate},
    plan::{Asked, Plan},
    rules::{self, Outside},
    waits::{local, resolve},
};
use proc_macro2::Span;
use std::collections::BTreeSet;
use syn::{
    Expr, ExprCall, ExprField, ExprMethodCall, ExprStruct, Macro, Pat, Stmt,
    spanned::Spanned as _,
    visit::{self, Visit},
};

/// How much of a statement a question shows, in characters.
const SHOWN: usize = 72;

/// Asks about the statements of functions that go which touch state or start something.
pub(super) fn ask(krate: &Krate<'_>, plan: &Plan<'_>, asked: &mut Vec<Asked>) {
    let touching = touching(krate, plan);
    for path in plan.removed.keys() {
        // What makes shared state says what its statics begin with.
        let makes = plan.shared.values().any(|s| s.makers.contains(path));
        let Some(function) = krate.functions.get(path).filter(|_| !makes) else {
            continue;
        };
        let mut look = Look::new(krate, plan, function, &touching);
        for statement in &function.block.stmts {
            look.touches = false;
            look.visit_stmt(statement);
            let spawns = std::mem::take(&mut look.spawns);
            if look.touches {
                asked.push(Asked::about(
                    function,
                    statement.span(),
                    format!(
                        "`{}` {}, which goes: shall its effect be what the static begins with, a function that is called \
                         once, or nothing?",
                        shown(krate, function, statement.span()),
                        at(krate, function, statement.span())
                    ),
                ));
            }
            for span in spawns {
                asked.push(Asked::about(
                    function,
                    span,
                    format!(
                        "`{}` {}, which goes: nothing runs beside functions. Shall it be a function that calls itself \
                         again (`.after(…)`), one that is called at an event, or nothing?",
                        shown(krate, function, span),
                        at(krate, function, span)
                    ),
                ));
            }
        }
    }
}

fn at(krate: &Krate<'_>, function: &Function<'_>, span: Span) -> String {
    format!(
        "stood in line {} in `{}`",
        krate.locate(function.place.file, span).line,
        function.sig.ident
    )
}

/// The beginning of a text, on one line.
fn shown(krate: &Krate<'_>, function: &Function<'_>, span: Span) -> String {
    let text = krate.text(function.place.file, span);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace('`', "'");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let cut: String = line.chars().take(SHOWN - 1).collect();
    format!("{cut}…")
}

/// Functions that stay and touch state, or call such.
fn touching(krate: &Krate<'_>, plan: &Plan<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let mut more = BTreeSet::new();
        for (path, function) in &krate.functions {
            if plan.removed.contains_key(path) || found.contains(path) {
                continue;
            }
            let mut look = Look::new(krate, plan, function, &found);
            look.visit_block(function.block);
            if look.touches || !look.spawns.is_empty() {
                more.insert(path.clone());
            }
        }
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

struct Look<'a, 'k> {
    krate: &'a Krate<'k>,
    plan: &'a Plan<'k>,
    function: &'a Function<'k>,
    touching: &'a BTreeSet<String>,
    /// Names of shared state.
    lent: BTreeSet<String>,
    /// Whether what was seen reads or writes state.
    touches: bool,
    /// What is started beside.
    spawns: Vec<Span>,
}

impl<'a, 'k> Look<'a, 'k> {
    fn new(
        krate: &'a Krate<'k>,
        plan: &'a Plan<'k>,
        function: &'a Function<'k>,
        touching: &'a BTreeSet<String>,
    ) -> Self {
        let lent = plan.lent(krate, function);
        let names = lent.names.keys().chain(lent.fields.keys());
        Self {
            krate,
            plan,
            function,
            touching,
            lent: names.cloned().collect(),
            touches: false,
            spawns: Vec::new(),
        }
    }

    /// Whether an expression is shared state as a whole, made or lent.
    fn is_shared(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(_) => local(expr).is_some_and(|name| self.lent.contains(&name)),
            Expr::Reference(reference) => self.is_shared(&reference.expr),
            Expr::Paren(paren) => self.is_shared(&paren.expr),
            Expr::Await(wait) => self.is_shared(&wait.base),
            Expr::Try(tried) => self.is_shared(&tried.expr),
            Expr::MethodCall(call) => {
                let lends = ["clone", "unwrap", "expect"];
                lends.iter().any(|name| call.method == name) && self.is_shared(&call.receiver)
            }
            Expr::Struct(literal) => self.is_literal(literal),
            Expr::Call(call) => match &*call.func {
                Expr::Path(func) => {
                    let path = resolve(self.krate, self.function, &func.path);
                    let owner = path.rsplit_once("::").map_or("", |(owner, _)| owner);
                    self.makes(&path)
                        || (path.ends_with("::default") && self.plan.shared.contains_key(owner))
                        || (matches!(
                            path.as_str(),
                            "std::sync::Arc::new" | "std::sync::Arc::clone"
                        ) && call.args.first().is_some_and(|a| self.is_shared(a)))
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn is_literal(&self, literal: &ExprStruct) -> bool {
        let path = resolve(self.krate, self.function, &literal.path);
        self.plan.shared.contains_key(&path)
    }

    fn makes(&self, path: &str) -> bool {
        self.plan.shared.values().any(|s| s.makers.contains(path))
    }
}

impl<'ast> Visit<'ast> for Look<'_, '_> {
    fn visit_local(&mut self, statement: &'ast syn::Local) {
        visit::visit_local(self, statement);
        let mut pattern = &statement.pat;
        while let Pat::Type(typed) = pattern {
            pattern = &typed.pat;
        }
        if let (Pat::Ident(name), Some(init)) = (pattern, &statement.init)
            && self.is_shared(&init.expr)
        {
            self.lent.insert(crate::read::plain(&name.ident));
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let path = resolve(self.krate, self.function, &path.path);
        let global = self.plan.globals.get(&path);
        self.touches |= global.is_some_and(|g| g.held != Held::Init || g.changes);
    }

    fn visit_expr_field(&mut self, field: &'ast ExprField) {
        self.touches |= self.is_shared(&field.base);
        visit::visit_expr_field(self, field);
    }

    fn visit_expr_struct(&mut self, literal: &'ast ExprStruct) {
        // Its fields are what the statics begin with.
        if !self.is_literal(literal) {
            visit::visit_expr_struct(self, literal);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        // `state.seed()`: of its methods, those that touch it.
        let method = |path: &String| {
            let function = &self.krate.functions[path];
            call.method == function.sig.ident
                && function
                    .owner
                    .as_ref()
                    .is_some_and(|owner| self.plan.shared.contains_key(owner))
        };
        self.touches |= self.touching.iter().any(method);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(func) = &*call.func {
            let path = resolve(self.krate, self.function, &func.path);
            if rules::outside(&path) == Some(Outside::Spawn) {
                return self.spawns.push(call.span());
            }
            if self.makes(&path) {
                return;
            }
            self.touches |= self.touching.contains(&path);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let krate = self.krate;
        let exprs = krate.files[self.function.place.file].syntax.exprs(mac);
        for expr in exprs.iter().flat_map(|exprs| exprs.iter()) {
            // What was parsed of a macro lives as long as the crate.
            self.visit_expr(expr);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if !matches!(statement, Stmt::Item(_)) {
            visit::visit_stmt(self, statement);
        }
    }
}
