//! Unit tests that name what has changed: they are left, and listed.

use super::{
    krate::{Krate, Place},
    plan::{Asked, Plan},
    rules,
};
use crate::read::plain;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use std::collections::BTreeSet;
use syn::{ItemMod, spanned::Spanned as _};

/// How many names a question shows.
const SHOWN: usize = 4;

/// Asks about the `#[cfg(test)]` modules that will not compile, or not mean the same.
pub(super) fn ask(krate: &Krate<'_>, plan: &Plan<'_>, asked: &mut Vec<Asked>) {
    let changed = changed(krate, plan);
    for (place, module) in &krate.tests {
        asked.extend(about(place, module, &changed));
    }
}

fn about(place: &Place, module: &ItemMod, changed: &BTreeSet<String>) -> Option<Asked> {
    let name = plain(&module.ident);
    let Some((_, items)) = &module.content else {
        let question = format!(
            "lift does not look into the tests in the file of `{name}`: they are left as they were, where they name \
             handlers or state too; may they call the functions as they are now?"
        );
        return (!changed.is_empty()).then(|| Asked::at(place, module.span(), question));
    };
    let mut named = BTreeSet::new();
    for item in items {
        identifiers(item.to_token_stream(), &mut named);
    }
    let server = |name: &&String| rules::is_server(&[name.to_string()]);
    let found: Vec<String> = named
        .iter()
        .filter(|name| changed.contains(*name) || server(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if found.is_empty() {
        return None;
    }
    let more = if found.len() > SHOWN { ", …" } else { "" };
    let shown = found.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    let question = format!(
        "the tests in `{name}` are left as they were, and name what has changed or is gone ({shown}{more}): may they call the \
         functions as they are now?"
    );
    Some(Asked::at(place, module.span(), question))
}

/// Names of what is called otherwise, or gone.
fn changed(krate: &Krate<'_>, plan: &Plan<'_>) -> BTreeSet<String> {
    // Of names that many functions have, nobody knows which is meant.
    const COMMON: &[&str] = &["default", "main", "new"];
    let mut found: BTreeSet<String> = plan
        .shared
        .values()
        .map(|shared| plain(&shared.item.ident))
        .collect();
    for (path, function) in &krate.functions {
        let plainer = function.sig.asyncness.is_some() && !plan.waits.contains(path);
        let changes = plan.handlers.contains_key(path)
            || plan.removed.contains_key(path)
            || !plan.lent(krate, function).places.is_empty();
        let name = plain(&function.sig.ident);
        if !plan.untouched.contains(path)
            && (plainer || changes)
            && !COMMON.contains(&name.as_str())
        {
            found.insert(name);
        }
    }
    found
}

fn identifiers(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(into.insert(plain(&ident))),
            TokenTree::Group(group) => identifiers(group.stream(), into),
            _ => {}
        }
    }
}
