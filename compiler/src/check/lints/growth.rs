//! State that only grows.

use super::{
    Lints,
    stored::{Variable, variables},
};
use crate::{
    analyse::{ItemId, Root, Scope, Site, Step, Ty, Val, What},
    check::code::{Code, Diagnostic},
    read::plain,
};
use std::collections::BTreeMap;

/// What makes a collection larger.
const ADDS: &[&str] = &[
    "append",
    "entry",
    "extend",
    "extend_from_slice",
    "get_or_insert_with",
    "insert",
    "or_default",
    "or_insert",
    "or_insert_with",
    "push",
    "push_back",
    "push_front",
    "push_str",
];

/// What makes it smaller, or may.
const REMOVES: &[&str] = &[
    "as_mut",
    "clear",
    "dedup",
    "drain",
    "extract_if",
    "pop",
    "pop_back",
    "pop_first",
    "pop_front",
    "pop_last",
    "remove",
    "remove_entry",
    "retain",
    "split_off",
    "swap_remove",
    "take",
    "truncate",
];

/// What leads from a variable to its whole value.
const WHOLE: &[&str] = &[
    "as_mut",
    "borrow_mut",
    "deref_mut",
    "expect",
    "get_mut",
    "lock",
    "unwrap",
    "unwrap_or_else",
    "with",
    "with_borrow_mut",
    "write",
];

/// What is done to a variable.
#[derive(Default)]
struct Done {
    grows: Option<(String, Site)>,
    /// It may get smaller, or what happens to it cannot be seen.
    shrinks: bool,
}

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    let variables: Vec<(Variable<'_>, Code)> = variables(lints)
        .into_iter()
        .filter_map(|variable| grows_at_all(lints, &variable).map(|code| (variable, code)))
        .collect();
    if variables.is_empty() {
        return;
    }
    let mut done: BTreeMap<(ItemId, Option<String>), Done> = BTreeMap::new();
    for body in &lints.index.bodies {
        for fact in &body.facts {
            match &fact.what {
                What::Method { name, on, .. } => {
                    let Some((key, direct)) = variable(on) else {
                        continue;
                    };
                    let done = done.entry(key).or_default();
                    if REMOVES.contains(&name.as_str()) {
                        done.shrinks = true;
                    } else if ADDS.contains(&name.as_str()) && direct && done.grows.is_none() {
                        done.grows = Some((name.clone(), fact.site));
                    }
                }
                // The whole value is another, or it is lent to somebody.
                What::Assign { to: val } => {
                    if let Some((key, true)) = variable(val) {
                        done.entry(key).or_default().shrinks = true;
                    }
                }
                What::BorrowMut { of: val } => {
                    if let Some((key, _)) = variable(val) {
                        done.entry(key).or_default().shrinks = true;
                    }
                }
                _ => {}
            }
        }
    }
    for (variable, code) in variables {
        let field = variable
            .field
            .map(|f| f.ident.as_ref().map_or_else(String::new, plain));
        let Some(done) = done.get(&(variable.item, field)) else {
            continue;
        };
        if let (Some((by, site)), false) = (&done.grows, done.shrinks) {
            found.push(report(lints, code, &variable, by, *site));
        }
    }
}

/// The variable that a value is of, and whether it is its whole value.
fn variable(val: &Val) -> Option<((ItemId, Option<String>), bool)> {
    let place = val.from.as_ref()?;
    let whole = |step: &Step| match step {
        Step::Call(name) => WHOLE.contains(&name.as_str()),
        Step::Field(_) | Step::Index | Step::Part => false,
        _ => true,
    };
    let part = |steps: &[Step]| !steps.iter().all(whole);
    match (&place.root, place.steps.as_slice()) {
        (Root::Static(item), steps) => Some(((*item, None), !part(steps))),
        (Root::Object(item), [Step::Field(name), rest @ ..]) => {
            Some(((*item, Some(name.clone())), !part(rest)))
        }
        _ => None,
    }
}

/// What is said of a collection without a bound of its own.
fn grows_at_all(lints: &Lints<'_, '_>, variable: &Variable<'_>) -> Option<Code> {
    let scope = Scope {
        module: lints.index.items[variable.item].module,
        ..Scope::default()
    };
    fn value(ty: Ty) -> Ty {
        match ty.path() {
            Some(
                "std::sync::Mutex"
                | "std::sync::RwLock"
                | "std::sync::LazyLock"
                | "std::cell::RefCell",
            ) => value(ty.argument(0)),
            _ => ty,
        }
    }
    let ty = value(lints.index.ty(variable.ty, &scope));
    let few = |key: &Ty| matches!(key.path(), Some("bool" | "u8" | "i8")) || key.item().is_some();
    match ty.path()? {
        "std::vec::Vec"
        | "std::collections::VecDeque"
        | "std::string::String"
        | "std::collections::BinaryHeap" => Some(Code::GrowingState),
        // Keys of the crate's own types are often few: the variants of an enum.
        "std::collections::BTreeMap"
        | "std::collections::HashMap"
        | "std::collections::BTreeSet"
        | "std::collections::HashSet" => (!few(&ty.argument(0))).then_some(Code::GrowingMap),
        _ => None,
    }
}

fn report(
    lints: &Lints<'_, '_>,
    code: Code,
    variable: &Variable<'_>,
    by: &str,
    site: Site,
) -> Diagnostic {
    let name = &variable.name;
    let message = format!("nothing is ever removed from the state `{name}`");
    let mut d = lints.finding(code, variable.site, message);
    d.label = "read and written whole".into();
    d.labels
        .push(lints.label(site, format!("it grows here (`{by}`)")));
    let instead = match code {
        Code::GrowingMap => "Map",
        _ => "List` or a `skylark::Map",
    };
    let mut states = lints.index.model.states.iter();
    let is_keyed = states.any(|state| state.schema.ident == *name && state.schema.key.is_some());
    let or = match is_keyed {
        true => "or make it",
        false => "keep one variable per key with `scope = key(…)`, or make it",
    };
    d.help = vec![format!(
        "remove what is old, {or} a `skylark::{instead}`, whose entries are read and written one by one"
    )];
    d
}
