//! A parsed file, and in it what stands inside macros that take expressions.

use crate::read::variable::{RawVariable, locals};
use std::collections::BTreeMap;
use syn::{
    Expr, Macro, MetaList, Pat, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    visit::Visit,
};

/// A file's syntax. It is parsed once, and shared by everything that looks at it.
#[derive(Debug)]
pub(crate) struct Syntax {
    pub(crate) file: syn::File,
    /// By where the macro's `!` is.
    macros: BTreeMap<usize, Inside>,
}

/// What stands inside a macro.
#[derive(Debug)]
enum Inside {
    /// `format!(a, b)`, `vec![a; n]`, `matches!(a, pattern if b)`
    Exprs(Vec<Expr>),
    /// `thread_local! { … }`
    Locals(Vec<RawVariable>),
}

impl Syntax {
    pub(crate) fn new(file: syn::File) -> Self {
        let mut finder = Finder(BTreeMap::new());
        finder.visit_file(&file);
        Self {
            macros: finder.0,
            file,
        }
    }

    /// The expressions that a macro of this file is given; `None` if it takes
    /// something else.
    pub(crate) fn exprs(&self, mac: &Macro) -> Option<&[Expr]> {
        match self.macros.get(&key(mac))? {
            Inside::Exprs(exprs) => Some(exprs),
            Inside::Locals(_) => None,
        }
    }

    /// The statics of a `thread_local!` of this file.
    pub(crate) fn locals(&self, mac: &Macro) -> &[RawVariable] {
        match self.macros.get(&key(mac)) {
            Some(Inside::Locals(locals)) => locals,
            _ => &[],
        }
    }
}

fn key(mac: &Macro) -> usize {
    mac.bang_token.span.byte_range().start
}

/// Finds macros, and macros in macros.
struct Finder(BTreeMap<usize, Inside>);

impl Visit<'_> for Finder {
    fn visit_macro(&mut self, mac: &Macro) {
        let Some(inside) = inside(mac) else { return };
        match &inside {
            Inside::Exprs(exprs) => exprs.iter().for_each(|expr| self.visit_expr(expr)),
            Inside::Locals(locals) => locals.iter().for_each(|local| self.visit_expr(&local.init)),
        }
        self.0.insert(key(mac), inside);
    }

    /// `scope = key(format!(…))`
    fn visit_meta_list(&mut self, meta: &MetaList) {
        if meta
            .path
            .segments
            .last()
            .is_some_and(|s| s.ident == "state")
        {
            let options = list.parse2(meta.tokens.clone());
            let options = options.into_iter().flatten();
            options.for_each(|option| self.visit_expr(&option));
        }
    }
}

fn inside(mac: &Macro) -> Option<Inside> {
    let name = mac.path.segments.last()?.ident.to_string();
    let tokens = mac.tokens.clone();
    let exprs = match name.as_str() {
        "macro_rules" => return None,
        "thread_local" => return locals(tokens, &[]).ok().map(Inside::Locals),
        "matches" | "assert_matches" => matches_like.parse2(tokens),
        _ => list.parse2(tokens),
    };
    exprs.ok().map(Inside::Exprs)
}

/// `a, b, c` or `a; n`
fn list(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let mut exprs = Vec::new();
    while !input.is_empty() {
        exprs.push(input.parse()?);
        if input.parse::<Option<Token![,]>>()?.is_none()
            && input.parse::<Option<Token![;]>>()?.is_none()
            && !input.is_empty()
        {
            return Err(input.error("expected `,`"));
        }
    }
    Ok(exprs)
}

/// `a, pattern if b`; what is matched and the guard.
fn matches_like(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let mut exprs = vec![input.parse()?];
    input.parse::<Token![,]>()?;
    Pat::parse_multi_with_leading_vert(input)?;
    if input.parse::<Option<Token![if]>>()?.is_some() {
        exprs.push(input.parse()?);
    }
    if input.parse::<Option<Token![,]>>()?.is_some() {
        exprs.extend(Punctuated::<Expr, Token![,]>::parse_terminated(input)?);
    }
    Ok(exprs)
}
