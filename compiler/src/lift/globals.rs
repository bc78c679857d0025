//! Statics of the crate: which are state, and which are built.

use super::{
    cells::Held,
    inside,
    krate::{Krate, Place, type_arguments},
    plan::Asked,
    rules::{self, Lock},
};
use crate::read::plain;
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::{StaticMutability, Type, spanned::Spanned as _, visit::Visit};

/// A static of the crate that Skylark must know of.
#[derive(Debug, Clone)]
pub(super) struct Global {
    pub(super) place: Place,
    pub(super) held: Held,
    /// Its name in the store, where it is not its own.
    pub(super) rename: Option<String>,
    /// Its name in the source.
    pub(super) ident: Span,
    /// Where the annotation goes.
    pub(super) at: Span,
    /// Whether it is built, and has a cell in it.
    pub(super) changes: bool,
    /// Its type and value, whose paths may need others.
    pub(super) cells: Vec<(Span, &'static str)>,
}

/// Finds the statics that change, or that are built at their first use.
pub(super) fn find(krate: &Krate<'_>, asked: &mut Vec<Asked>) -> BTreeMap<String, Global> {
    let mut found = BTreeMap::new();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (place, item) in &krate.statics {
        let name = plain(&item.ident);
        let mut ask = |question: String| asked.push(Asked::at(place, item.ident.span(), question));
        if !matches!(item.mutability, StaticMutability::None) {
            ask(format!(
                "nobody can see what is written to the `static mut` `{name}`; shall it be a `Mutex` or an atomic, and \
                 state?"
            ));
            continue;
        }
        let held = match what(krate, &place.module, &item.ty) {
            What::Constant => {
                if let Some(cell) = inside::changes(krate, &place.module, &item.ty) {
                    ask(inside::question(&name, &cell));
                }
                continue;
            }
            What::Unknown(why) => {
                ask(format!("`{name}`: {why}"));
                continue;
            }
            What::Held(held) => held,
        };
        if super::requests::is_client(krate, &place.module, &item.ty) {
            ask(super::requests::client_question(&name));
        }
        if held != Held::Init
            && let Some(why) = unstorable(krate, &place.module, &item.ty)
        {
            ask(format!(
                "`{name}` holds a `{why}`, which cannot be stored; is it built again in each instance (a `LazyLock` \
                 with `#[skylark::init]`), or can it hold plain data instead?"
            ));
            continue;
        }
        let changes =
            inside::changes(krate, &place.module, &item.ty).filter(|_| held == Held::Init);
        if let Some(cell) = &changes {
            ask(inside::question(&name, cell));
        }
        let mut cells = Cells {
            krate,
            module: &place.module,
            found: Vec::new(),
        };
        cells.visit_type(&item.ty);
        cells.visit_expr(&item.expr);
        if held != Held::Init {
            *count.entry(name.clone()).or_default() += 1;
        }
        let global = Global {
            place: place.clone(),
            held,
            rename: None,
            changes: changes.is_some(),
            ident: item.ident.span(),
            at: match &item.vis {
                syn::Visibility::Inherited => item.static_token.span(),
                vis => vis.span(),
            },
            cells: cells.found,
        };
        found.insert(format!("{}::{name}", place.module), global);
    }
    macros(krate, asked);
    let root = krate.files.first().map_or("", |f| f.source.module.as_str());
    for (path, global) in &mut found {
        let name = path.rsplit("::").next().unwrap_or(path);
        if count.get(name).is_some_and(|n| *n > 1) && global.held != Held::Init {
            let inside = path.strip_prefix(root).unwrap_or(path);
            global.rename = Some(inside.trim_start_matches("::").replace("::", "-"));
        }
    }
    found
}

/// Statics that macros declare.
fn macros(krate: &Krate<'_>, asked: &mut Vec<Asked>) {
    for (place, item) in &krate.macros {
        let name = item.mac.path.segments.last().map(|s| plain(&s.ident));
        let question = match name.as_deref() {
            Some("thread_local") => {
                "is this remembered between calls? Then write `#[skylark::state]` before it; else it is as empty in each \
                 call as at first"
            }
            Some("lazy_static") => {
                "lift does not look into `lazy_static!`: write `static NAME: LazyLock<T> = LazyLock::new(|| …);`, and lift again"
            }
            _ => continue,
        };
        asked.push(Asked::at(place, item.mac.path.span(), question));
    }
}

enum What {
    /// It never changes, and is not built.
    Constant,
    Held(Held),
    /// What to ask.
    Unknown(String),
}

fn what(krate: &Krate<'_>, module: &str, ty: &Type) -> What {
    let path = krate.type_path(module, ty).unwrap_or_default();
    if let Some(cell) = rules::cell_of(&path) {
        return What::Held(Held::State { lock: cell.lock });
    }
    if rules::atomic(&path).is_some() {
        return What::Held(Held::State { lock: Lock::Tried });
    }
    if let Some(why) = super::cells::unknown(&path) {
        return What::Unknown(why);
    }
    if rules::is_lazy(&path) {
        let inner = type_arguments(ty).first().copied();
        return match inner.map(|ty| what(krate, module, ty)) {
            Some(What::Held(held)) => What::Held(held),
            Some(What::Unknown(why)) => What::Unknown(why),
            _ => What::Held(Held::Init),
        };
    }
    What::Constant
}

/// A type in `ty` that no store can keep.
pub(super) fn unstorable(krate: &Krate<'_>, module: &str, ty: &Type) -> Option<String> {
    let path = krate.type_path(module, ty)?;
    if rules::is_unstorable(&path) {
        return Some(path);
    }
    let mut inner = type_arguments(ty).into_iter();
    inner.find_map(|ty| unstorable(krate, module, ty))
}

/// The paths of cells, which Skylark wants from the standard library.
struct Cells<'a, 'k> {
    krate: &'a Krate<'k>,
    module: &'a str,
    found: Vec<(Span, &'static str)>,
}

impl<'ast> Visit<'ast> for Cells<'_, '_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let whole = self.krate.names.resolve(self.module, path);
        let ty = whole.strip_suffix("::new").unwrap_or(&whole);
        let std = match rules::cell_of(ty) {
            Some(cell) if cell.path != cell.std => Some(cell.std),
            _ if rules::is_lazy(ty) && !ty.starts_with("std::") => Some("std::sync::LazyLock"),
            _ => None,
        };
        if let Some(std) = std {
            // `Mutex<T>`, or `Mutex::new`: the segment before `new`.
            let segments: Vec<_> = path.segments.iter().collect();
            let last = if ty.len() < whole.len() {
                segments.len().checked_sub(2)
            } else {
                segments.len().checked_sub(1)
            };
            if let (Some(first), Some(last)) =
                (segments.first(), last.and_then(|l| segments.get(l)))
            {
                let span = first.ident.span();
                self.found
                    .push((span.join(last.ident.span()).unwrap_or(span), std));
            }
        }
        syn::visit::visit_path(self, path);
    }
}
