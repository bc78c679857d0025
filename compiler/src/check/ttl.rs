//! How long state lasts after it was last written.

use super::{option, state::collection_of};
use crate::{
    errors::Errors,
    read::{RawOptions, text},
};
use skylark_abi::call::Scope;
use std::time::Duration;
use syn::Type;

/// Reads the option `ttl` of what has this type.
pub(super) fn check(
    options: &RawOptions,
    scope: Scope,
    ty: &Type,
    errors: &mut Errors,
) -> Option<Duration> {
    let (name, value) = options.entry("ttl")?;
    if scope == Scope::Chain {
        errors.on(
            name,
            "`scope = chain` state goes with its run and ends with it; leave `ttl` out",
        );
        return None;
    }
    if let Some(why) = unfit(ty) {
        errors.on(
            name,
            format_args!("a `{}` cannot have a `ttl`: {why}", text(ty)),
        );
        return None;
    }
    option::ttl(value, errors)
}

/// The `ttl` of a struct, for its field of this name and type that has none of its own.
pub(super) fn inherited(
    options: &RawOptions,
    ttl: Option<Duration>,
    (ident, ty): (&str, &Type),
    errors: &mut Errors,
) -> Option<Duration> {
    let (name, _) = options.entry("ttl")?;
    if let Some(why) = unfit(ty) {
        errors.on(
            name,
            format_args!(
                "field `{ident}` is a `{}`, which cannot have a `ttl`: {why}; or write the `ttl` on the \
                 fields that you mean",
                text(ty)
            ),
        );
    }
    ttl
}

/// Why what has this type can only last.
fn unfit(ty: &Type) -> Option<&'static str> {
    match collection_of(ty)?.name.as_str() {
        "List" => Some(
            "its entries are found by their places, which would move; use a `Map`, whose entries \
             each have their own",
        ),
        _ => None,
    }
}
