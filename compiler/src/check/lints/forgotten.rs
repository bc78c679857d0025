//! Functions that look like the app's and are not annotated.

use super::Lints;
use crate::{
    analyse::{ItemId, Kind, Mode, Res, Root, Site, What},
    check::code::{Code, Diagnostic, Level},
    read::Annotation,
};
use std::collections::{BTreeMap, BTreeSet};
use syn::{FnArg, Type};

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    let mut called: BTreeMap<ItemId, Site> = BTreeMap::new();
    let mut used: BTreeSet<ItemId> = BTreeSet::new();
    for body in &lints.index.bodies {
        for fact in &body.facts {
            match &fact.what {
                What::Call {
                    target: Res::Item(item),
                    mode,
                    ..
                } => {
                    used.insert(*item);
                    if *mode == Mode::Remote {
                        called.entry(*item).or_insert(fact.site);
                    }
                }
                What::Path {
                    target: Res::Item(item),
                } => drop(used.insert(*item)),
                _ => {}
            }
        }
    }
    for (item, site) in &called {
        if is_free(lints, *item) {
            found.push(report(lints, *item, Some(*site)));
        }
    }
    let modules: BTreeSet<_> = (lints.index.items.iter())
        .filter(|item| {
            let annotation = item.annotation.map(|(annotation, _)| annotation);
            matches!(annotation, Some(Annotation::Function | Annotation::Chain))
        })
        .map(|item| item.module)
        .collect();
    for (id, item) in lints.index.items.iter().enumerate() {
        let alike = item.public && modules.contains(&item.module) && !used.contains(&id);
        if alike && is_free(lints, id) && takes_messages(lints, id) && uses_state(lints, id) {
            let mut d = report(lints, id, None);
            d.level = Level::Note;
            found.push(d);
        }
    }
}

/// Whether it is a function that belongs to no type and has no annotation.
fn is_free(lints: &Lints<'_, '_>, id: ItemId) -> bool {
    let item = &lints.index.items[id];
    let free = matches!(&item.kind, Kind::Fn(function) if function.owner.is_none());
    free && item.annotation.is_none()
}

/// Whether its arguments could come in a message.
fn takes_messages(lints: &Lints<'_, '_>, id: ItemId) -> bool {
    let Kind::Fn(function) = &lints.index.items[id].kind else {
        return false;
    };
    let owned = |input: &FnArg| match input {
        FnArg::Typed(argument) => !matches!(
            *argument.ty,
            Type::Reference(_) | Type::ImplTrait(_) | Type::Ptr(_) | Type::FnPtr(_)
        ),
        FnArg::Receiver(_) => false,
    };
    function.sig.generics.params.is_empty() && function.sig.inputs.iter().all(owned)
}

/// Whether it touches state itself.
fn uses_state(lints: &Lints<'_, '_>, id: ItemId) -> bool {
    let Some(body) = lints.index.body_of.get(&id) else {
        return false;
    };
    lints.index.bodies[*body]
        .facts
        .iter()
        .any(|fact| match &fact.what {
            What::Path {
                target: Res::Item(item),
            } => lints.is(*item, Annotation::State),
            What::Method { on, .. } => matches!(
                on.from.as_ref().map(|place| &place.root),
                Some(Root::Object(_))
            ),
            _ => false,
        })
}

fn report(lints: &Lints<'_, '_>, id: ItemId, called: Option<Site>) -> Diagnostic {
    let item = &lints.index.items[id];
    let name = lints.name(id);
    let message = match called {
        Some(_) => format!("`{name}` is called by a message and is no function of the app"),
        None => format!("`{name}` is not annotated, so nobody can call it"),
    };
    let mut d = lints.finding(Code::UnannotatedFunction, item.site, message);
    match called {
        Some(site) => {
            d.label = "not annotated".into();
            d.labels.push(lints.label(site, "called here"));
            d.help = vec!["annotate it with `#[skylark::function]`".into()];
        }
        None => {
            d.label = "`pub`, uses state, and nothing in the crate calls it".into();
            d.help = vec![
                "annotate it with `#[skylark::function]`, or make it private if it is a helper"
                    .into(),
            ];
        }
    }
    d.suggestion = lints
        .annotate(item.site, "fn", "function")
        .map(|mut suggestion| {
            suggestion.certain = called.is_some() && takes_messages(lints, id);
            suggestion
        });
    d
}
