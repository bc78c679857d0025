//! Statics that handlers write and nobody keeps.

use super::Lints;
use crate::{
    analyse::{BodyId, Item, ItemId, Kind, Res, Root, Scope, Site, Ty, What},
    check::code::{Code, Diagnostic},
};
use std::collections::BTreeMap;

/// Types whose value changes behind `&`.
const CELLS: &[&str] = &[
    "std::cell::Cell",
    "std::cell::OnceCell",
    "std::cell::RefCell",
    "std::cell::UnsafeCell",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "parking_lot::Mutex",
    "parking_lot::RwLock",
    "tokio::sync::Mutex",
    "tokio::sync::RwLock",
    "dashmap::DashMap",
    "dashmap::DashSet",
    "arc_swap::ArcSwap",
    "spin::Mutex",
    "spin::RwLock",
];

/// What looks at a value and cannot change it.
const READS: &[&str] = &["borrow", "get", "load", "read", "try_borrow", "try_read"];

/// Whether a type of another crate changes behind `&`.
pub(super) fn is_cell(path: &str) -> bool {
    CELLS.contains(&path) || is_atomic(path)
}

fn is_atomic(path: &str) -> bool {
    path.strip_prefix("std::sync::atomic::Atomic")
        .is_some_and(|kind| !kind.is_empty())
}

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    // Where each static is first changed, or used in a way that may change it.
    let mut used: BTreeMap<ItemId, (BodyId, Site)> = BTreeMap::new();
    for body in lints.reached() {
        let facts = &lints.index.bodies[body].facts;
        let mut reads: BTreeMap<ItemId, usize> = BTreeMap::new();
        for fact in facts {
            if let What::Method { name, on, .. } = &fact.what
                && READS.contains(&name.as_str())
                && let Some(place) = &on.from
                && let (Root::Static(item), []) = (&place.root, place.steps.as_slice())
            {
                *reads.entry(*item).or_default() += 1;
            }
        }
        let paths = facts.iter().filter_map(|fact| match &fact.what {
            What::Path {
                target: Res::Item(item),
            } => Some((*item, fact.site)),
            _ => None,
        });
        let mut named: BTreeMap<ItemId, Vec<Site>> = BTreeMap::new();
        for (item, site) in paths {
            named.entry(item).or_default().push(site);
        }
        for (item, sites) in named {
            if sites.len() > reads.get(&item).copied().unwrap_or(0) {
                used.entry(item).or_insert((body, sites[0]));
            }
        }
    }
    for (id, (body, site)) in used {
        let item = &lints.index.items[id];
        let Kind::Static { mutable, ty, .. } = item.kind else {
            continue;
        };
        if item.annotation.is_some() {
            continue;
        }
        let scope = Scope {
            module: item.module,
            ..Scope::default()
        };
        let of = lints.index.ty(ty, &scope);
        if mutable || cell(&of) {
            found.push(report(lints, item, &of, mutable, body, site));
        }
    }
}

/// Whether what is in a static changes: its type itself, or what is built lazily.
fn cell(ty: &Ty) -> bool {
    match ty.path() {
        Some("std::sync::LazyLock" | "once_cell::sync::Lazy" | "std::sync::OnceLock") => {
            cell(&ty.argument(0))
        }
        Some("std::boxed::Box" | "std::sync::Arc" | "std::rc::Rc") => cell(&ty.argument(0)),
        // Written once, and then read: built, not remembered.
        Some("std::cell::OnceCell") => false,
        Some("std::sync::Mutex" | "std::sync::RwLock") => {
            // `Mutex<()>` keeps others out, and has nothing to lose.
            ty.argument(0) != Ty::Tuple(Vec::new())
        }
        Some(path) => is_cell(path),
        None => false,
    }
}

fn report(
    lints: &Lints<'_, '_>,
    item: &Item<'_>,
    of: &Ty,
    mutable: bool,
    body: BodyId,
    site: Site,
) -> Diagnostic {
    let handler = lints.handler_of(body);
    let name = &item.name;
    let message = format!("what `{handler}` leaves in `{name}` is gone when the call is over");
    let mut d = lints.on_the_way(Code::UnannotatedStatic, body, item.site, message);
    d.label = "is no state: every call begins with its initializer".into();
    d.labels
        .push(lints.label(site, format!("`{name}` is used here")));
    if mutable {
        d.help = vec![format!(
            "make `{name}` a `Mutex` or an atomic with `#[skylark::state]`"
        )];
        return d;
    }
    d.help =
        vec!["annotate it with `#[skylark::state]`, if calls are to find what others left".into()];
    d.suggestion = lints
        .annotate(item.site, "static", "state")
        .map(|mut suggestion| {
            suggestion.certain = is_plain(of);
            suggestion
        });
    d
}

/// Whether it surely can be state: all of it is known to have serde's traits.
fn is_plain(ty: &Ty) -> bool {
    fn value(ty: &Ty) -> bool {
        const HOLDS: &[&str] = &[
            "std::vec::Vec",
            "std::option::Option",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::collections::VecDeque",
            "std::string::String",
        ];
        match ty {
            Ty::Named(Res::Foreign(path), of) => {
                let primitive = !path.contains(':') && path != "str";
                primitive || HOLDS.contains(&path.as_str()) && of.iter().all(value)
            }
            Ty::Tuple(of) => of.len() <= 8 && of.iter().all(value),
            _ => false,
        }
    }
    match ty.path() {
        Some("std::sync::Mutex" | "std::sync::RwLock") => value(&ty.argument(0)),
        Some("std::sync::LazyLock") => {
            let inner = ty.argument(0);
            matches!(inner.path(), Some("std::sync::Mutex" | "std::sync::RwLock"))
                && value(&inner.argument(0))
        }
        Some(path) => is_atomic(path) && !path.ends_with("AtomicPtr"),
        None => false,
    }
}
