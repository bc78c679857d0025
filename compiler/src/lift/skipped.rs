//! What serde leaves out of a value: the store would lose it.

use super::{krate::path_of, out::Out};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Attribute, Field, Item, Type, spanned::Spanned as _};

/// Asks about the fields and variants of a stored type that would not come back.
pub(super) fn ask(out: &mut Out<'_, '_>, path: &str) {
    let Some(found) = out.krate.types.get(path) else {
        return;
    };
    let ty = path.rsplit("::").next().unwrap_or(path);
    let defaults = settings(found.attrs).contains("default");
    let mut questions = Vec::new();
    match found.item {
        Item::Struct(item) => {
            for (index, field) in item.fields.iter().enumerate() {
                questions.extend(of_field(ty, index, field, defaults));
            }
        }
        Item::Enum(item) => {
            for variant in &item.variants {
                let name = format!("{ty}::{}", plain(&variant.ident));
                let set = settings(&variant.attrs);
                let skips = ["skip", "skip_serializing", "skip_deserializing"];
                if let Some(skip) = skips.iter().find(|skip| set.contains(**skip)) {
                    let question = format!(
                        "a `{name}` cannot be stored and read back, for its `#[serde({skip})]`: is that never stored, or may \
                         the attribute go?"
                    );
                    questions.push((variant.span(), question));
                }
                for (index, field) in variant.fields.iter().enumerate() {
                    questions.extend(of_field(&name, index, field, false));
                }
            }
        }
        _ => {}
    }
    let place = found.place.clone();
    for (span, question) in questions {
        out.ask(&place, span, question);
    }
}

fn of_field(
    ty: &str,
    index: usize,
    field: &Field,
    defaults: bool,
) -> Option<(proc_macro2::Span, String)> {
    let set = settings(&field.attrs);
    let has = |name: &str| set.contains(name);
    let name = field
        .ident
        .as_ref()
        .map_or_else(|| index.to_string(), plain);
    let default = defaults
        || has("default")
        || (is_option(&field.ty) && !has("with") && !has("deserialize_with"));
    let question = if has("skip") || (has("skip_serializing") && has("skip_deserializing")) {
        format!(
            "`{name}` of a `{ty}` is not stored (`#[serde(skip)]`): it is its default in the next call. Is that right, or \
             may the attribute go?"
        )
    } else if has("skip_serializing") && default {
        format!(
            "`{name}` of a `{ty}` is not stored (`#[serde(skip_serializing)]`): it is its default in the next call. Is that \
             right, or shall what callers see be a type of its own?"
        )
    } else if has("skip_serializing") {
        format!(
            "`{name}` of a `{ty}` is not stored (`#[serde(skip_serializing)]`), and a stored `{ty}` cannot be read back \
             without it: shall what callers see be a type of its own?"
        )
    } else if has("skip_deserializing") {
        format!(
            "`{name}` of a `{ty}` is not read back from the store (`#[serde(skip_deserializing)]`): it is its default in \
             the next call. Is that right, or shall what callers send be a type of its own?"
        )
    } else if has("skip_serializing_if") && !default {
        format!(
            "a `{ty}` that was stored without `{name}` (`#[serde(skip_serializing_if)]`) cannot be read back: may it have \
             `#[serde(default)]` too?"
        )
    } else {
        return None;
    };
    Some((field.span(), question))
}

fn is_option(ty: &Type) -> bool {
    let last = path_of(ty).and_then(|path| path.segments.last());
    last.is_some_and(|last| last.ident == "Option")
}

/// The names in `#[serde(…)]`, in `#[cfg_attr(…, serde(…))]` too.
fn settings(attrs: &[Attribute]) -> BTreeSet<String> {
    use proc_macro2::{TokenStream, TokenTree};
    fn names(tokens: TokenStream, of_serde: bool, into: &mut BTreeSet<String>) {
        let mut serde = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    serde = ident == "serde";
                    if of_serde {
                        into.insert(plain(&ident));
                    }
                }
                TokenTree::Group(group) if serde => names(group.stream(), true, into),
                _ => serde = false,
            }
        }
    }
    let mut found = BTreeSet::new();
    for attr in attrs {
        if let syn::Meta::List(list) = &attr.meta {
            let of_serde = list.path.is_ident("serde");
            if of_serde || list.path.is_ident("cfg_attr") {
                names(list.tokens.clone(), of_serde, &mut found);
            }
        }
    }
    found
}
