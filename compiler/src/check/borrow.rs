//! Types that borrow: what comes out of a message or a store is owned.

use crate::{errors::Errors, read::text};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericArgument, Lifetime, PathArguments, Type};

/// Reports `ty` if it borrows from anything, and says what to write instead.
/// `place` begins the sentence: ``argument `name` ``; `why` ends its first half.
pub(super) fn refuse(ty: &Type, place: &str, why: &str, errors: &mut Errors) -> bool {
    if let Some(hidden) = impl_trait(ty) {
        errors.on(
            hidden,
            format_args!(
                "{place} has a type that only rustc knows (`{}`), but its values are sent and \
                 stored: name a concrete type",
                text(ty)
            ),
        );
        return true;
    }
    let Some(first) = first_borrow(ty) else {
        return false;
    };
    let owned = text(owned(ty));
    let instead = if owned == text(ty) {
        "use a type that owns its data".to_owned()
    } else {
        format!("write `{owned}`")
    };
    errors.on(
        first,
        format_args!("{place} borrows (`{}`), but {why}; {instead}", text(ty)),
    );
    true
}

/// Why what comes in cannot borrow.
pub(super) const INCOMING: &str =
    "its value comes from a message or a store, where there is nothing to borrow from";

/// What `ty` borrows first: a reference, or a lifetime given to a type.
fn first_borrow(ty: &Type) -> Option<TokenStream> {
    match ty {
        Type::Reference(reference) => Some(reference.to_token_stream()),
        _ => find(ty, &mut first_borrow, &mut |lifetime| {
            // `Cow<'static, str>` owns whatever serde makes of it.
            (lifetime.ident != "static").then(|| lifetime.to_token_stream())
        }),
    }
}

fn impl_trait(ty: &Type) -> Option<TokenStream> {
    match ty {
        Type::ImplTrait(it) => Some(it.to_token_stream()),
        _ => find(ty, &mut impl_trait, &mut |_| None),
    }
}

/// Looks into the types that `ty` is made of.
fn find(
    ty: &Type,
    in_type: &mut dyn FnMut(&Type) -> Option<TokenStream>,
    in_lifetime: &mut dyn FnMut(&Lifetime) -> Option<TokenStream>,
) -> Option<TokenStream> {
    match ty {
        Type::Array(array) => in_type(&array.elem),
        Type::Slice(slice) => in_type(&slice.elem),
        Type::Group(group) => in_type(&group.elem),
        Type::Paren(paren) => in_type(&paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(in_type),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| {
            let PathArguments::AngleBracketed(args) = &segment.arguments else {
                return None;
            };
            args.args.iter().find_map(|arg| match arg {
                GenericArgument::Type(ty) => in_type(ty),
                GenericArgument::Lifetime(lifetime) => in_lifetime(lifetime),
                _ => None,
            })
        }),
        _ => None,
    }
}

/// The owning type that a borrowing one stands for: `String` for `&str`.
fn owned(ty: &Type) -> TokenStream {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) => {
                let elem = owned(&slice.elem);
                quote!(Vec<#elem>)
            }
            Type::Path(path) => match path.path.segments.last() {
                Some(last) if last.ident == "str" => quote!(String),
                Some(last) if last.ident == "Path" => quote!(PathBuf),
                Some(last) if last.ident == "OsStr" => quote!(OsString),
                _ => owned(&reference.elem),
            },
            elem => owned(elem),
        },
        Type::Tuple(tuple) => {
            let elems = tuple.elems.iter().map(owned);
            quote!((#(#elems),*))
        }
        Type::Array(array) => {
            let (elem, len) = (owned(&array.elem), &array.len);
            quote!([#elem; #len])
        }
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(args) = &mut segment.arguments {
                    for arg in &mut args.args {
                        if let GenericArgument::Type(inner) = arg {
                            *inner = Type::Verbatim(owned(inner));
                        }
                        if let GenericArgument::Lifetime(lifetime) = arg {
                            lifetime.ident =
                                proc_macro2::Ident::new("static", lifetime.ident.span());
                        }
                    }
                }
            }
            path.to_token_stream()
        }
        other => other.to_token_stream(),
    }
}

/// Whether a result borrows from anything but `'static`: that can be sent, too.
pub(super) fn refuse_output(ty: &Type, errors: &mut Errors) -> bool {
    let outlives = |ty: &Type| {
        matches!(ty, Type::Reference(r)
            if r.mutability.is_none() && r.lifetime.as_ref().is_some_and(|l| l.ident == "static"))
    };
    let why = "it is sent on when what it borrows from is gone";
    !outlives(ty) && refuse(ty, "the result", why, errors)
}
