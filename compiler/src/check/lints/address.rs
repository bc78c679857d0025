//! Addresses of memory that are shown or made numbers.

use super::Lints;
use crate::{
    analyse::{BodyId, Site, What},
    check::code::{Code, Diagnostic},
};
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{Expr, ExprCast, Type, spanned::Spanned, visit::Visit};

/// Macros whose text may show values.
const FORMATS: [&str; 10] = [
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "write",
    "writeln",
    "log",
];

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for body in lints.reached() {
        let of = &lints.index.bodies[body];
        for fact in &of.facts {
            if let What::Macro { mac, .. } = &fact.what {
                let name = mac.path.segments.last().map(|last| last.ident.to_string());
                if name.is_some_and(|name| FORMATS.contains(&name.as_str()))
                    && let Some(span) = pointer(mac.tokens.clone())
                {
                    found.push(report(lints, body, span, "shows"));
                }
            }
        }
        if let Some(block) = of.block {
            let mut casts = Casts(Vec::new());
            casts.visit_block(block);
            found.extend(
                casts
                    .0
                    .into_iter()
                    .map(|span| report(lints, body, span, "computes with")),
            );
        }
    }
}

/// The text with `{:p}`.
fn pointer(tokens: TokenStream) -> Option<Span> {
    // The first text is the template; the others are shown as they are.
    let template = tokens.into_iter().find_map(|token| match token {
        TokenTree::Literal(literal) if literal.to_string().ends_with(['"', '#']) => Some(literal),
        _ => None,
    });
    template.and_then(|literal| {
        let text = literal.to_string().replace("{{", "").replace("}}", "");
        let mut places = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        let shows = |place: &str| {
            place
                .split_once(':')
                .is_some_and(|(_, format)| format.trim_start_matches('#').ends_with('p'))
        };
        places.any(shows).then(|| literal.span())
    })
}

/// `… as *const T as usize`, `x.as_ptr() as usize`
struct Casts(Vec<Span>);

impl Visit<'_> for Casts {
    fn visit_expr_cast(&mut self, cast: &ExprCast) {
        let number = matches!(&*cast.ty, Type::Path(path) if path.path.is_ident("usize")
            || path.path.is_ident("u64") || path.path.is_ident("u32"));
        let pointer = match inner(&cast.expr) {
            Expr::Cast(inner) => matches!(&*inner.ty, Type::Ptr(_)),
            Expr::MethodCall(call) => call.method == "as_ptr" || call.method == "as_mut_ptr",
            _ => false,
        };
        if number && pointer {
            self.0.push(cast.span());
        }
        syn::visit::visit_expr_cast(self, cast);
    }

    /// Items have bodies of their own.
    fn visit_item(&mut self, _: &syn::Item) {}
}

fn inner(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => inner(&paren.expr),
        other => other,
    }
}

fn report(lints: &Lints<'_, '_>, body: BodyId, span: Span, does: &str) -> Diagnostic {
    let file = lints.item(body).site.file;
    let handler = lints.handler_of(body);
    let message = format!("`{handler}` {does} an address of memory");
    let mut d = lints.on_the_way(Code::Address, body, Site { file, span }, message);
    d.label = "another one in another build".into();
    d.help = vec!["show the value, or a number of your own".into()];
    d
}
