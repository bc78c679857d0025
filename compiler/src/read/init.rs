//! `#[skylark::init]`: a static that is built, not remembered.

use super::{Annotation, Raw, Read, kind_of, strip_annotations};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{ItemStatic, Path};

/// An annotated static, as it was read.
#[derive(Debug)]
pub(crate) struct RawInit {
    pub(crate) item: ItemStatic,
}

pub(super) fn read(
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    if !attr.is_empty() {
        errors.on(
            &attr,
            "`#[skylark::init]` has no options: the static's initializer builds it",
        );
    }
    match syn::parse2::<ItemStatic>(item.clone()) {
        Ok(mut parsed) => {
            strip_annotations(Annotation::Init, &mut parsed.attrs, runtime, errors);
            Read {
                kept: parsed.to_token_stream(),
                raw: Some(Raw::Init(Box::new(RawInit { item: parsed }))),
            }
        }
        Err(error) => {
            match kind_of(&item).filter(|kind| kind != "a static") {
                Some(kind) => errors.on(
                    &item,
                    format_args!(
                        "`#[skylark::init]` goes on a `static`, or on a field of a struct that is \
                         `#[skylark::state]`, and this is {kind}"
                    ),
                ),
                None => errors.push(error),
            }
            Read {
                kept: item,
                raw: None,
            }
        }
    }
}
