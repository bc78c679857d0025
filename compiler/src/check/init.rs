//! Init objects: nothing in them may change, as nothing of it would be kept.

use crate::{
    errors::Errors,
    read::{RawInit, text},
};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ItemStatic, StaticMutability};

/// A static that is built, not remembered.
#[derive(Debug)]
pub(crate) struct Init {
    pub(crate) item: ItemStatic,
}

/// Types whose contents change behind a shared reference, and what is meant by one.
const CHANGES: &[(&str, &str)] = &[
    ("Mutex", STATE),
    ("RwLock", STATE),
    ("Cell", STATE),
    ("RefCell", STATE),
    ("UnsafeCell", STATE),
    ("OnceLock", BUILT),
    ("OnceCell", BUILT),
];
const STATE: &str = "what is to be remembered is `#[skylark::state]`";
const BUILT: &str = "what is built at its first use is a `LazyLock`";

pub(super) fn check(raw: RawInit, errors: &mut Errors) -> Option<Init> {
    let item = raw.item;
    if let StaticMutability::Mut(token) = &item.mutability {
        errors.on(
            token,
            format_args!(
                "what is written to an init object is gone with the call: leave `mut` out, and {STATE}"
            ),
        );
        return None;
    }
    changes(&item.ty, &format!("init object `{}`", item.ident), errors).then_some(Init { item })
}

/// Reports what in a type can change, and tells whether nothing can. A type that
/// hides such a thing inside is not seen through: it may well be a cache.
pub(super) fn changes(ty: &impl ToTokens, place: &str, errors: &mut Errors) -> bool {
    let Some((span, name)) = find(ty.to_token_stream()) else {
        return true;
    };
    let instead = CHANGES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(STATE, |(_, instead)| *instead);
    errors.at(
        span,
        format_args!(
            "the `{name}` in {place} of type `{}` can change, and what changes in a call is gone with \
             it: an init object is built, not remembered; {instead}",
            text(ty)
        ),
    );
    false
}

fn find(tokens: TokenStream) -> Option<(Span, String)> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            let known = CHANGES.iter().any(|(known, _)| *known == name);
            (known || is_atomic(&name)).then(|| (ident.span(), name))
        }
        TokenTree::Group(group) => find(group.stream()),
        _ => None,
    })
}

fn is_atomic(name: &str) -> bool {
    name.strip_prefix("Atomic").is_some_and(|of| {
        matches!(
            of,
            "Bool" | "Ptr" | "Isize" | "Usize" | "I8" | "I16" | "I32" | "I64"
        ) || matches!(of, "U8" | "U16" | "U32" | "U64")
    })
}
