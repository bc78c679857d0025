//! A struct whose fields are state.

use super::{borrow, joined, name, service, state};
use crate::{
    errors::Errors,
    read::{RawObject, plain},
};
use quote::ToTokens;
use skylark_abi::call::Scope;
use syn::{Attribute, Expr, Generics, ItemStruct, Member, Path, Type};

/// A struct whose fields are state.
#[derive(Debug)]
pub(crate) struct Object {
    /// The struct, without Skylark's attributes.
    pub(crate) item: ItemStruct,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
    pub(crate) scope: Scope,
    /// The argument that chooses the bundle.
    pub(crate) key: Option<String>,
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
    let mut fields = Vec::new();
    for ((member, field), given) in item.fields.members().zip(&item.fields).zip(&given) {
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
        let name = match (given.get("rename"), &prefix) {
            (Some(given), _) => name(&item.ident, "rename", Some(given), what, errors),
            (None, Some(prefix)) => joined(prefix, &ident, at, "rename", what, errors),
            (None, None) => None,
        };
        let Some(name) = name else { continue };
        fields.push(Field {
            member,
            ident,
            ty: field.ty.clone(),
            name,
            cfgs: crate::read::cfgs(&field.attrs),
        });
    }
    let own = Path::from(item.ident.clone());
    let default = options.get("default");
    let default = default.and_then(|value| service::concrete(value, &own, None, errors));
    prefix.map(|_| Object {
        item,
        fields,
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
