//! Signatures: extractors become plain arguments, and shared state is no argument.

use super::{
    krate::{Function, path_of, type_arguments},
    out::Out,
    plan::inner,
    report::Kind,
    rules::{self, Role},
    values::{self, Use},
    waits::local,
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Expr, FnArg, Pat, Stmt, Type, spanned::Spanned as _};

/// Writes the signature of a function.
pub(super) fn write(out: &mut Out<'_, '_>, path: &str, function: &Function<'_>) {
    let lent = out.plan.lent(out.krate, function).places;
    // A method of a trait keeps what the trait says.
    let shared_self = function.of_trait.is_none()
        && function.sig.receiver().is_some()
        && function
            .owner
            .as_ref()
            .is_some_and(|owner| out.plan.shared.contains_key(owner));
    let file = function.place.file;
    let elements: Vec<_> = function
        .sig
        .inputs
        .iter()
        .map(|input| out.range(file, input))
        .collect();
    let mut dropped = BTreeSet::new();
    let mut typed = 0;
    for (index, input) in function.sig.inputs.iter().enumerate() {
        let drop = match input {
            FnArg::Receiver(_) => shared_self,
            FnArg::Typed(_) => {
                typed += 1;
                lent.contains(&(typed - 1))
            }
        };
        if drop {
            dropped.insert(index);
        }
    }
    let close = out.range(file, function.sig.paren_token.span.close()).start;
    if !dropped.is_empty() {
        out.drop_elements(file, &elements, &dropped, close);
    }
    if function.sig.asyncness.is_some() && !out.plan.waits.contains(path) {
        let start = out.range(file, function.sig.asyncness).start;
        let end = out.range(file, function.sig.fn_token).start;
        out.edits.delete(file, start..end);
    }
    if out.plan.handlers.contains_key(path) {
        handler(out, path, function, &lent);
    }
}

fn handler(out: &mut Out<'_, '_>, path: &str, function: &Function<'_>, lent: &BTreeSet<usize>) {
    let mut sound = true;
    let mut arguments = Vec::new();
    let all: Vec<(Pat, Type)> = function
        .arguments()
        .map(|(p, t, _)| (p.clone(), t.clone()))
        .collect();
    for (index, (pattern, ty)) in all.iter().enumerate() {
        if lent.contains(&index) {
            continue;
        }
        let routed = out
            .plan
            .handlers
            .get(path)
            .is_some_and(|handler| !handler.routes.is_empty());
        let found = if routed {
            argument(out, function, pattern, ty)
        } else {
            plain_argument(out, function, pattern, ty)
        };
        match found {
            Some(name) => arguments.push(name),
            None => sound = false,
        }
    }
    sound &= output(out, function);
    let Some(handler) = out.plan.handlers.get(path) else {
        return;
    };
    let own = plain(&function.sig.ident);
    let name = handler.name.clone().unwrap_or_else(|| own.clone());
    if sound {
        let start = match function.vis {
            Some(syn::Visibility::Inherited) | None => {
                out.range(function.place.file, function.sig.span()).start
            }
            Some(vis) => out.range(function.place.file, vis).start,
        };
        let attribute = match &handler.name {
            Some(name) => format!("#[skylark::function(name = \"{name}\")]"),
            None => "#[skylark::function]".to_owned(),
        };
        out.annotate(function.place.file, start, &attribute);
        for attr in function.attrs {
            let path: Vec<String> = attr
                .path()
                .segments
                .iter()
                .map(|s| plain(&s.ident))
                .collect();
            if rules::HANDLER_ATTRIBUTES.contains(&path.join("::").as_str()) {
                let range = out.range(function.place.file, attr);
                out.edits.delete(function.place.file, range);
            }
        }
        let routes = match handler.routes.as_slice() {
            [] => format!("fn {own}"),
            routes => routes.join(", "),
        };
        let why = match handler.name {
            None if handler.routes.is_empty() => "another function starts it",
            Some(_) => "a route leads to it; an app has each name once",
            None => "a route leads to it",
        };
        out.decide(
            Kind::Function,
            (&function.place, function.sig.ident.span()),
            routes,
            format!("{name}({})", arguments.join(", ")),
            why,
        );
    }
}

/// The argument of a function that other functions start.
fn plain_argument(
    out: &mut Out<'_, '_>,
    function: &Function<'_>,
    pattern: &Pat,
    ty: &Type,
) -> Option<String> {
    if let Type::Reference(_) = ty {
        out.ask(
            &function.place,
            pattern.span(),
            "what a function takes must be its own: shall this be an owned value, cloned where it is passed?",
        );
        return None;
    }
    values::note(out, &function.place.module, ty, Use::Taken);
    Some(out.text(function.place.file, pattern).to_owned())
}

/// Unwraps an argument, and gives its name; a question if there is none.
fn argument(
    out: &mut Out<'_, '_>,
    function: &Function<'_>,
    pattern: &Pat,
    ty: &Type,
) -> Option<String> {
    let (file, module) = (function.place.file, &function.place.module);
    let path = out.krate.type_path(module, ty).unwrap_or_default();
    let written = out.text(file, ty).to_owned();
    let extracted = type_arguments(ty).first().copied();
    let Some((value, true)) =
        extracted.map(|value| (value, rules::role(&path) == Some(Role::Argument)))
    else {
        let question = match rules::role(&path) {
            Some(Role::Request) => format!(
                "a function gets its arguments and nothing else of the request: what of `{written}` shall be an argument?"
            ),
            _ => format!(
                "what a function takes is plain data: which argument shall stand for `{written}`?"
            ),
        };
        out.ask(&function.place, pattern.span(), question);
        return None;
    };
    values::note(out, module, value, Use::Taken);
    let (whole_pattern, whole_type) = (out.range(file, pattern), out.range(file, ty));
    let inside = inner(pattern);
    match (inside, value) {
        (Pat::Ident(ident), _) => {
            let at = out.range(file, inside);
            out.edits.delete(file, whole_pattern.start..at.start);
            out.edits.delete(file, at.end..whole_pattern.end);
            let at = out.range(file, value);
            out.edits.delete(file, whole_type.start..at.start);
            out.edits.delete(file, at.end..whole_type.end);
            Some(plain(&ident.ident))
        }
        (Pat::Tuple(names), Type::Tuple(types))
            if names.elems.len() == types.elems.len()
                && names.elems.iter().all(|p| matches!(p, Pat::Ident(_))) =>
        {
            let parts: Vec<String> = names
                .elems
                .iter()
                .zip(&types.elems)
                .map(|(name, ty)| format!("{}: {}", out.text(file, name), out.text(file, ty)))
                .collect();
            out.edits
                .supersede(file, whole_pattern.start..whole_type.end, parts.join(", "));
            let names = names.elems.iter().map(|name| out.text(file, name));
            Some(names.collect::<Vec<_>>().join(", "))
        }
        _ => {
            let last = path_of(value).and_then(|path| path.segments.last());
            let own = last
                .map(|last| plain(&last.ident))
                .filter(|name| name.starts_with(char::is_uppercase));
            let name = own.map_or_else(|| "input".to_owned(), |name| snake(&name));
            let value = out.text(file, value);
            out.edits.supersede(
                file,
                whole_pattern.start..whole_type.end,
                format!("{name}: {value}"),
            );
            let pattern = out.text(file, inside);
            let open = out.range(file, function.block.brace_token.span.open()).end;
            if !matches!(inside, Pat::Wild(_)) {
                out.edits
                    .insert(file, open, format!("\n    let {pattern} = {name};"));
            }
            Some(name)
        }
    }
}

/// Looks at what a handler returns. What can be told from the type alone is
/// rewritten wherever such a type stands.
fn output(out: &mut Out<'_, '_>, function: &Function<'_>) -> bool {
    let Some(output) = function.output() else {
        return true;
    };
    let (file, module) = (function.place.file, &function.place.module);
    if let Type::ImplTrait(_) = output {
        let Some(ty) = tail(function).and_then(|tail| type_of(out, function, tail)) else {
            out.ask(
                &function.place,
                output.span(),
                format!(
                    "of what type is what `{}` answers? Write it in place of `{}`",
                    function.sig.ident,
                    out.text(file, output)
                ),
            );
            return false;
        };
        let range = out.range(file, output);
        out.edits.supersede(file, range, ty);
        return true;
    }
    let path = out.krate.type_path(module, output).unwrap_or_default();
    if rules::role(&path) == Some(Role::Request) || matches!(output, Type::Reference(_)) {
        out.ask(
            &function.place,
            output.span(),
            format!(
                "a function yields plain data: of what type, in place of `{}`?",
                out.text(file, output)
            ),
        );
        return false;
    }
    values::note(out, module, output, Use::Yielded);
    true
}

/// The expression that a function ends with.
pub(super) fn tail<'f>(function: &Function<'f>) -> Option<&'f Expr> {
    match function.block.stmts.last()? {
        Stmt::Expr(expr, None) => Some(expr),
        _ => None,
    }
}

/// The type of `Json(Stats { … })`, of a local with a type, of a call.
fn type_of(out: &mut Out<'_, '_>, function: &Function<'_>, expr: &Expr) -> Option<String> {
    let (file, module) = (function.place.file, &function.place.module);
    match expr {
        Expr::Call(call) => {
            let Expr::Path(func) = &*call.func else {
                return None;
            };
            let path = super::waits::resolve(out.krate, function, &func.path);
            if rules::role(&path) == Some(Role::Argument) {
                return type_of(out, function, call.args.first()?);
            }
            let called = out.krate.functions.get(&path)?;
            let ty = called.output()?;
            (called.place.module == *module)
                .then(|| out.krate.text(called.place.file, ty.span()).to_owned())
        }
        Expr::Struct(literal) => {
            let path = out.krate.names.resolve(module, &literal.path);
            values::note_path(out, &path, Use::Yielded);
            Some(out.text(file, &literal.path).to_owned())
        }
        Expr::Path(_) => {
            let name = local(expr)?;
            function
                .block
                .stmts
                .iter()
                .find_map(|statement| match statement {
                    Stmt::Local(syn::Local {
                        pat: Pat::Type(typed),
                        ..
                    }) => match &*typed.pat {
                        Pat::Ident(ident) if plain(&ident.ident) == name => {
                            values::note(out, module, &typed.ty, Use::Yielded);
                            Some(out.text(file, &typed.ty).to_owned())
                        }
                        _ => None,
                    },
                    _ => None,
                })
        }
        Expr::Macro(mac) if mac.mac.path.is_ident("format") => Some("String".to_owned()),
        _ => None,
    }
}

pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
