//! A struct whose fields are state.

use super::{
    borrow, init, joined,
    key::Key,
    name,
    past::{self, Past},
    service, state, ttl,
};
use crate::{
    errors::Errors,
    read::{RawObject, plain},
};
use quote::ToTokens;
use skylark_abi::{call::Scope, names::is_valid_name};
use std::time::Duration;
use syn::{Attribute, Expr, Generics, ItemStruct, Member, Path, Type};

/// A struct whose fields are state.
#[derive(Debug)]
pub(crate) struct Object {
    /// The struct, without Skylark's attributes.
    pub(crate) item: ItemStruct,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
    /// The names of those that are built, not stored.
    pub(crate) built: Vec<String>,
    pub(crate) scope: Scope,
    /// What chooses the bundle.
    pub(crate) key: Option<Key>,
    /// Its value while the store has none, if not `Default`'s.
    pub(crate) default: Option<Expr>,
}

/// A field, which is a state variable.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) member: Member,
    /// As it is named in the source: `rooms`, `0`.
    pub(crate) ident: String,
    pub(crate) ty: Type,
    /// Its name in the store.
    pub(crate) name: String,
    pub(crate) past: Past,
    /// How long after a write it lasts.
    pub(crate) ttl: Option<Duration>,
    pub(crate) cfgs: Vec<Attribute>,
}

pub(super) fn check(raw: RawObject, errors: &mut Errors) -> Option<Object> {
    let RawObject {
        options,
        item,
        fields: given,
    } = raw;
    generics(&item.generics, "a struct that is state", errors);
    let (scope, key) = state::scope(&options, errors);
    let what = "state variable";
    let prefix = name(&item.ident, "rename", options.get("rename"), what, errors);
    if let Some((migrate, _)) = options.entry("migrate") {
        errors.on(
            migrate,
            "each field is stored by itself: write `#[skylark::state(migrate = …)]` on the field whose \
             type has changed",
        );
    }
    let renamed = past::was(&options, prefix.as_deref(), errors);
    let own = Path::from(item.ident.clone());
    let whole: Type = syn::parse_quote!(#own);
    let lasts = ttl::check(&options, scope, &whole, errors);
    let mut fields = Vec::new();
    let mut built = Vec::new();
    for ((member, field), given) in item.fields.members().zip(&item.fields).zip(&given) {
        let Some(given) = given else {
            let place = format!("field `{}` of `{}`", member.to_token_stream(), item.ident);
            init::changes(&field.ty, &place, errors);
            built.push(match &member {
                Member::Named(ident) => plain(ident),
                Member::Unnamed(index) => index.index.to_string(),
            });
            continue;
        };
        let ident = match &member {
            Member::Named(ident) => plain(ident),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let place = format!("state `{}::{ident}`", item.ident);
        if borrow::refuse(&field.ty, &place, borrow::INCOMING, errors) {
            continue;
        }
        let at = match &field.ident {
            Some(ident) => ident.to_token_stream(),
            None => field.ty.to_token_stream(),
        };
        if scope == Scope::Chain && state::collection_of(&field.ty).is_some() {
            errors.on(
                &field.ty,
                format_args!(
                    "`scope = chain` state moves with its run as one value, and a `{}` is for what is too \
                     large for that; put it into a struct without that scope, or hold what belongs to \
                     one run in a `Vec` or a `BTreeMap`",
                    crate::read::text(&field.ty)
                ),
            );
        }
        let name = match (given.get("rename"), &prefix) {
            (Some(given), _) => name(&item.ident, "rename", Some(given), what, errors),
            (None, Some(prefix)) => joined(prefix, &ident, at, "rename", what, errors),
            (None, None) => None,
        };
        let Some(name) = name else { continue };
        let mut past = past::check(given, Some(&name), errors);
        if state::collection_of(&field.ty).is_some() {
            state::past_of_collection(&field.ty, given, errors);
            if let (Some(before), None) = (renamed.first(), given.get("rename")) {
                errors.on(
                    &field.ty,
                    format_args!(
                        "the entries of a `{}` stay where they are when its struct gets another name; keep \
                         its name in the store with `#[skylark::state(rename = \"{before}-{ident}\")]` on \
                         the field",
                        crate::read::text(&field.ty)
                    ),
                );
            }
        } else if given.get("was").is_none() && given.get("rename").is_none() {
            let earlier = renamed.iter().map(|prefix| format!("{prefix}-{ident}"));
            past.was = earlier.filter(|name| is_valid_name(name)).collect();
        }
        let ttl = match given.get("ttl") {
            Some(_) => ttl::check(given, scope, &field.ty, errors),
            None => ttl::inherited(&options, lasts, (&ident, &field.ty), errors),
        };
        fields.push(Field {
            member,
            ident,
            ty: field.ty.clone(),
            name,
            past,
            ttl,
            cfgs: crate::read::cfgs(&field.attrs),
        });
    }
    let default = options.get("default");
    let default = default.and_then(|value| service::concrete(value, &own, None, errors));
    prefix.map(|_| Object {
        item,
        fields,
        built,
        scope,
        key,
        default,
    })
}

/// Reports every parameter: `whose` is what has them.
pub(super) fn generics(generics: &Generics, whose: &str, errors: &mut Errors) {
    for param in &generics.params {
        errors.on(
            param,
            format_args!(
                "{whose} is stored and called without Rust's types, so it cannot be generic over \
                 `{}`; put a concrete type in its place",
                crate::read::text(match param {
                    syn::GenericParam::Type(param) => param.ident.to_token_stream(),
                    syn::GenericParam::Const(param) => param.ident.to_token_stream(),
                    syn::GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
                })
            ),
        );
    }
}
