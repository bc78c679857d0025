//! `#[skylark::external]` and `#[skylark::nondet]`: functions that others do not
//! call, but that reach outside.

use super::{Annotation, Handler, Raw, RawOptions, Read, kind_of, strip_annotations};
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

/// A function of a server outside, as it was read.
#[derive(Debug)]
pub(crate) struct RawExternal {
    /// Where to report what is missing from the annotation.
    pub(crate) span: Span,
    /// What the annotation says.
    pub(crate) options: RawOptions,
    /// The declaration.
    pub(crate) item: Handler,
}

/// A function whose value is recorded, as it was read.
#[derive(Debug)]
pub(crate) struct RawNondet {
    /// The function.
    pub(crate) item: Handler,
}

pub(super) fn external(
    span: Span,
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    let options = RawOptions::read(attr, "skylark::external", &["method", "url"], errors);
    let Some(item) = function(Annotation::External, item.clone(), runtime, errors) else {
        return Read {
            kept: item,
            raw: None,
        };
    };
    let Handler {
        attrs, vis, sig, ..
    } = &item;
    Read {
        // Without a body it would be no function to rustc.
        kept: quote!(#(#attrs)* #[allow(unused_variables)] #vis #sig { loop {} }),
        raw: Some(Raw::External(Box::new(RawExternal {
            span,
            options,
            item,
        }))),
    }
}

pub(super) fn nondet(
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    if !attr.is_empty() {
        errors.on(&attr, "`#[skylark::nondet]` has no options");
    }
    let Some(item) = function(Annotation::Nondet, item.clone(), runtime, errors) else {
        return Read {
            kept: item,
            raw: None,
        };
    };
    Read {
        kept: item.to_token_stream(),
        raw: Some(Raw::Nondet(Box::new(RawNondet { item }))),
    }
}

fn function(
    annotation: Annotation,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Option<Handler> {
    match syn::parse2::<Handler>(item.clone()) {
        Ok(mut handler) => {
            strip_annotations(annotation, &mut handler.attrs, runtime, errors);
            Some(handler)
        }
        Err(error) => {
            let path = annotation.path();
            match kind_of(&item).filter(|kind| kind != "a function") {
                Some(kind) => errors.on(
                    &item,
                    format_args!("`#[{path}]` goes on a function, and this is {kind}"),
                ),
                None => errors.push(error),
            }
            None
        }
    }
}
