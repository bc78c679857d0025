//! What stands around an expression in its body, which facts do not say.

use crate::analyse::{BodyId, Index, Res, Site, What};
use std::{collections::BTreeMap, ops::Range};
use syn::{
    Block, Expr, ExprForLoop, ExprMacro, ExprMethodCall, Local, Macro, Pat, Type, spanned::Spanned,
    visit::Visit,
};

/// Parts of a body whose value is recorded by `skylark::nondet(…)`.
pub(super) struct Recorded(Vec<Range<usize>>);

impl Recorded {
    pub(super) fn of(index: &Index<'_>, body: BodyId) -> Self {
        let calls = index.bodies[body].facts.iter().filter_map(|fact| {
            let What::Call {
                target: Res::Foreign(path),
                exprs,
                ..
            } = &fact.what
            else {
                return None;
            };
            let argument = exprs.first().filter(|_| path == "skylark::nondet")?;
            Some(argument.span().byte_range())
        });
        Self(calls.collect())
    }

    pub(super) fn around(&self, site: Site) -> bool {
        let at = site.span.byte_range().start;
        self.0.iter().any(|range| range.contains(&at))
    }
}

/// What is done with the value of a method call or a macro.
#[derive(Debug, Clone, Default)]
pub(super) struct Use<'m> {
    /// The methods called on it, one after the other.
    pub(super) methods: Vec<&'m ExprMethodCall>,
    /// The variable that it becomes in the end.
    pub(super) bound: Option<String>,
    /// The type that is written there.
    pub(super) ty: Option<&'m Type>,
    /// The loop over it.
    pub(super) looped: Option<&'m ExprForLoop>,
    /// It is what the function yields.
    pub(super) yielded: bool,
}

/// By the first byte of a method's name or of a macro's `!`: what becomes of its value.
pub(super) fn uses<'m>(
    index: &Index<'m>,
    file: usize,
    block: &'m Block,
) -> BTreeMap<usize, Use<'m>> {
    let mut uses = Uses {
        index,
        file,
        now: Use::default(),
        found: BTreeMap::new(),
    };
    uses.block(block, true);
    uses.found
}

struct Uses<'a, 'm> {
    index: &'a Index<'m>,
    file: usize,
    now: Use<'m>,
    found: BTreeMap<usize, Use<'m>>,
}

impl<'m> Uses<'_, 'm> {
    fn block(&mut self, block: &'m Block, yields: bool) {
        for (at, stmt) in block.stmts.iter().enumerate() {
            let last = at + 1 == block.stmts.len();
            match stmt {
                syn::Stmt::Expr(expr, None) if last && yields => self.with(
                    Use {
                        yielded: true,
                        ..Use::default()
                    },
                    |this| this.visit_expr(expr),
                ),
                stmt => self.with(Use::default(), |this| this.visit_stmt(stmt)),
            }
        }
    }

    fn with(&mut self, now: Use<'m>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.now, now);
        visit(self);
        self.now = outer;
    }
}

impl<'m> Visit<'m> for Uses<'_, 'm> {
    fn visit_block(&mut self, block: &'m Block) {
        self.block(block, false);
    }

    fn visit_local(&mut self, local: &'m Local) {
        let (pat, ty) = match &local.pat {
            Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
            pat => (pat, None),
        };
        let bound = match pat {
            Pat::Ident(ident) => Some(crate::read::plain(&ident.ident)),
            _ => None,
        };
        let now = Use {
            bound,
            ty,
            ..Use::default()
        };
        self.with(now, |this| syn::visit::visit_local(this, local));
    }

    fn visit_expr(&mut self, expr: &'m Expr) {
        match expr {
            Expr::MethodCall(call) => {
                let at = call.method.span().byte_range().start;
                self.found.insert(at, self.now.clone());
                let mut now = self.now.clone();
                now.methods.insert(0, call);
                self.with(now, |this| this.visit_expr(&call.receiver));
                for argument in &call.args {
                    self.with(Use::default(), |this| this.visit_expr(argument));
                }
            }
            Expr::Reference(inner) => self.visit_expr(&inner.expr),
            Expr::Paren(inner) => self.visit_expr(&inner.expr),
            Expr::Try(inner) => self.visit_expr(&inner.expr),
            Expr::Await(inner) => self.visit_expr(&inner.base),
            Expr::Macro(ExprMacro { mac, .. }) => self.visit_macro(mac),
            Expr::ForLoop(looped) => {
                let now = Use {
                    looped: Some(looped),
                    ..Use::default()
                };
                self.with(now, |this| this.visit_expr(&looped.expr));
                self.block(&looped.body, false);
            }
            _ => self.with(Use::default(), |this| syn::visit::visit_expr(this, expr)),
        }
    }

    fn visit_macro(&mut self, mac: &'m Macro) {
        let at = mac.bang_token.span.byte_range().start;
        self.found.insert(at, self.now.clone());
        let syntax = self.index.model.syntax.get(self.file);
        if let Some(Some(syntax)) = syntax {
            for expr in syntax.exprs(mac).into_iter().flatten() {
                self.with(Use::default(), |this| this.visit_expr(expr));
            }
        }
    }

    /// Items have bodies of their own.
    fn visit_item(&mut self, _: &'m syn::Item) {}
}
