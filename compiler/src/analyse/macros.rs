//! Macros in a body: what is inside, or that it cannot be seen.

use super::{
    facts::{Root, Step, Unseen, Val, What},
    items::Kind,
    names::{Res, Space},
    types::Ty,
    walk::{Walker, rooted},
};
use crate::read::plain;
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Expr, Macro, Path, spanned::Spanned};

impl<'m> Walker<'_, 'm> {
    pub(super) fn mac(&mut self, mac: &'m Macro, expr: Option<&'m Expr>) -> Val {
        let target = self.resolved(&mac.path, Space::Macro);
        let span = mac
            .path
            .segments
            .last()
            .map_or_else(Span::call_site, |s| s.ident.span());
        let exprs = self.syntax.exprs(mac);
        let what = What::Macro {
            target: target.clone(),
            mac,
            seen: exprs.is_some(),
        };
        self.fact(span, expr, what);
        if let Some(exprs) = exprs
            && target.foreign() == Some("skylark::call")
            && let [Expr::Call(call)] = exprs
        {
            return self.remote(call, expr);
        }
        for expr in exprs.into_iter().flatten() {
            let val = self.expr(expr);
            // Formatting looks at what it is given.
            if val.from.is_some()
                && target
                    .foreign()
                    .is_none_or(|path| !path.starts_with("std::"))
            {
                self.escape(&val, expr.span());
            }
        }
        // A macro of the crate may do anything with what it is given.
        let own = matches!(target, Res::Item(_));
        if (exprs.is_none() || own) && !self.syntax.locals(mac).is_empty() {
            return Val::default();
        }
        if exprs.is_none() || own {
            self.names_in(mac.tokens.clone());
            if !is_log(&mac.path) {
                let why = Unseen::Macro(crate::read::text(&mac.path));
                self.fact(span, expr, What::Unseen { why });
            }
        }
        Val::of(match target.foreign() {
            Some("std::format") => Ty::foreign("std::string::String"),
            Some("std::vec") => Ty::foreign("std::vec::Vec"),
            _ => Ty::Unknown,
        })
    }

    /// Every name of an item among tokens that cannot be read counts as a use of it.
    pub(super) fn names_in(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.names_in(group.stream()),
                TokenTree::Ident(ident)
                    if ident == "self" || self.local(&plain(&ident)).is_some() =>
                {
                    let val = self.local(&plain(&ident)).cloned().unwrap_or_default();
                    self.escape(&val, ident.span());
                }
                TokenTree::Ident(ident) => {
                    let name = [plain(&ident)];
                    for space in [Space::Value, Space::Type] {
                        let target = self.index.resolve_segments(self.module(), &name, space);
                        if let Res::Item(item) = target {
                            self.types.insert(item);
                            if let Kind::Static { .. } = self.index.items[item].kind {
                                let of = rooted(Root::Static(item), Ty::Unknown);
                                self.fact(ident.span(), None, What::Escape { of });
                            }
                            self.fact(ident.span(), None, What::Path { target });
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Macros that write a line and do nothing else, in whatever syntax.
fn is_log(path: &Path) -> bool {
    const LOGS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "log"];
    let last = path.segments.last();
    last.is_some_and(|last| LOGS.iter().any(|log| last.ident == log))
}
