//! What holds a value, and the static that holds it for Skylark.

use super::{
    krate::{Krate, Place, path_of, type_arguments},
    rules::{self, Lock},
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Expr, ExprCall, Type, spanned::Spanned as _};

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// In the store.
    State { lock: Lock },
    /// As long as the instance.
    Init,
    /// Nowhere: a function makes a client of another service.
    Client,
}

/// The line of a static.
pub(super) struct Made {
    /// What it holds; or a question, if that cannot be kept or built again.
    pub(super) held: Result<Held, String>,
    pub(super) line: String,
    pub(super) imports: BTreeSet<String>,
}

/// What becomes of a value of type `ty` that begins as `value`. `declares` is the line
/// up to the type.
pub(super) fn make(
    krate: &Krate<'_>,
    place: &Place,
    declares: &str,
    ty: &Type,
    value: Option<&Expr>,
) -> Made {
    let mut imports = BTreeSet::new();
    let path = krate.type_path(&place.module, ty).unwrap_or_default();
    let text = krate.text(place.file, ty.span());
    if let Some(cell) = rules::cell_of(&path) {
        let inner = type_arguments(ty)
            .first()
            .map(|ty| krate.text(place.file, ty.span()));
        let inner = inner.unwrap_or("()");
        let name = short(krate, &place.module, cell.std, &mut imports);
        let held = Ok(Held::State { lock: cell.lock });
        let written = format!("{name}<{inner}>");
        let argument =
            value.and_then(|value| argument_of_new(krate, &place.module, value, cell.path));
        let begins = match (value, argument) {
            (_, Some(argument)) => {
                let constant = is_constant(argument);
                let text = krate.text(place.file, argument.span());
                (format!("{name}::new({text})"), constant)
            }
            (Some(value), None) if !is_default(value) => {
                (krate.text(place.file, value.span()).to_owned(), false)
            }
            _ => match type_arguments(ty).first().and_then(|ty| empty(ty)) {
                Some(empty) => (format!("{name}::new({empty})"), true),
                None => ("Default::default()".to_owned(), false),
            },
        };
        return line(krate, place, declares, &written, begins, held, imports);
    }
    if let Some(first) = rules::atomic(&path) {
        let begins = match value {
            Some(value) if !is_default(value) => {
                (krate.text(place.file, value.span()).to_owned(), true)
            }
            _ => (format!("{text}::new({first})"), true),
        };
        let held = Ok(Held::State { lock: Lock::Tried });
        return line(krate, place, declares, text, begins, held, imports);
    }
    let begins = match value {
        Some(value) => krate.text(place.file, value.span()).to_owned(),
        None => "Default::default()".to_owned(),
    };
    let held = match unknown(&path) {
        Some(why) => Err(why),
        None => Ok(Held::Init),
    };
    line(krate, place, declares, text, (begins, false), held, imports)
}

fn line(
    krate: &Krate<'_>,
    place: &Place,
    declares: &str,
    ty: &str,
    (begins, constant): (String, bool),
    held: Result<Held, String>,
    mut imports: BTreeSet<String>,
) -> Made {
    let line = if constant {
        format!("{declares}: {ty} = {begins};")
    } else {
        let lazy = short(krate, &place.module, "std::sync::LazyLock", &mut imports);
        match begins.strip_suffix("Default::default()") {
            Some("") => format!("{declares}: {lazy}<{ty}> = {lazy}::new(Default::default);"),
            _ => format!("{declares}: {lazy}<{ty}> = {lazy}::new(|| {begins});"),
        }
    };
    Made {
        held,
        line,
        imports,
    }
}

/// The last segment of a path, which is imported where it is not.
fn short(krate: &Krate<'_>, module: &str, path: &str, imports: &mut BTreeSet<String>) -> String {
    let name = path.rsplit("::").next().unwrap_or(path).to_owned();
    let Ok(ident) = syn::parse_str::<syn::Path>(&name) else {
        return path.to_owned();
    };
    let means = krate.names.resolve(module, &ident);
    if means == path {
        return name;
    }
    // The awaited one of this name goes, and with it its import.
    let replaced = rules::cell_of(&means).is_some_and(|cell| cell.std == path);
    if krate.names.has(module, &name) && !replaced {
        return path.to_owned();
    }
    imports.insert(path.to_owned());
    name
}

/// `x` of `Arc::new(x)`.
pub(super) fn without_arc_new<'e>(krate: &Krate<'_>, module: &str, expr: &'e Expr) -> &'e Expr {
    match argument_of_new(krate, module, expr, "std::sync::Arc") {
        Some(inner) => without_arc_new(krate, module, inner),
        None => expr,
    }
}

/// `x` of `path::new(x)`.
fn argument_of_new<'e>(
    krate: &Krate<'_>,
    module: &str,
    expr: &'e Expr,
    path: &str,
) -> Option<&'e Expr> {
    let Expr::Call(ExprCall { func, args, .. }) = expr else {
        return None;
    };
    let Expr::Path(func) = &**func else {
        return None;
    };
    let wanted = format!("{path}::new");
    let is = krate.names.resolve(module, &func.path) == wanted;
    args.first().filter(|_| is && args.len() == 1)
}

/// `Default::default()`, `Arc::default()` and their like.
fn is_default(expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    let Expr::Path(func) = &*call.func else {
        return false;
    };
    let last = func.path.segments.last();
    call.args.is_empty() && last.is_some_and(|last| last.ident == "default")
}

/// Whether a static may begin with it.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Path(path) => path.path.is_ident("None"),
        Expr::Unary(unary) => is_constant(&unary.expr),
        Expr::Call(call) => {
            let Expr::Path(func) = &*call.func else {
                return false;
            };
            let segments: Vec<String> =
                func.path.segments.iter().map(|s| plain(&s.ident)).collect();
            let path = segments.join("::");
            call.args.is_empty()
                && rules::EMPTY.iter().any(|(_, empty)| {
                    empty
                        .strip_suffix("()")
                        .is_some_and(|new| path.ends_with(new))
                })
        }
        _ => false,
    }
}

/// The empty value of a type, as a static may begin with.
fn empty(ty: &Type) -> Option<&'static str> {
    let last = path_of(ty)?.segments.last()?;
    let found = rules::EMPTY.iter().find(|(name, _)| last.ident == name);
    found.map(|(_, empty)| *empty)
}

/// Why a type that changes cannot be state as it is.
pub(super) fn unknown(path: &str) -> Option<String> {
    const UNKNOWN: &[(&str, &str)] = &[
        (
            "dashmap::DashMap",
            "a `Mutex<BTreeMap<…>>`, or Skylark's `Map`",
        ),
        ("std::cell::Cell", "a `Mutex` or an atomic"),
        ("std::cell::RefCell", "a `Mutex`"),
        (
            "std::sync::OnceLock",
            "a `Mutex<Option<…>>` if handlers write it, or a `LazyLock` if not",
        ),
        (
            "once_cell::sync::OnceCell",
            "a `Mutex<Option<…>>` if handlers write it, or a `LazyLock` if not",
        ),
    ];
    let (_, instead) = UNKNOWN.iter().find(|(known, _)| *known == path)?;
    Some(format!(
        "Skylark cannot keep a `{path}`; shall it be {instead}?"
    ))
}
