//! `#[skylark::state]` on a struct: each field is a variable.

use super::{Annotation, Raw, RawOptions, Read, strip_annotations};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{ItemStruct, Meta, Path};

/// What `#[skylark::state]` takes on a field.
const FIELD_OPTIONS: &[&str] = &["migrate", "rename", "ttl", "was"];

/// An annotated struct, as it was read.
#[derive(Debug)]
pub(crate) struct RawObject {
    /// What the annotation says.
    pub(crate) options: RawOptions,
    /// The struct, without Skylark's attributes.
    pub(crate) item: ItemStruct,
    /// What those of its fields say, in their order; `None` of one that is built.
    pub(crate) fields: Vec<Option<RawOptions>>,
}

pub(super) fn read(
    options: RawOptions,
    mut item: ItemStruct,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    strip_annotations(Annotation::State, &mut item.attrs, runtime, errors);
    let mut fields = Vec::new();
    for field in &mut item.fields {
        let mut given = TokenStream::new();
        let mut built = None;
        field.attrs.retain(|attr| {
            match Annotation::of(attr.path(), runtime) {
                Some(Annotation::State) => {}
                Some(Annotation::Init) => {
                    if let Meta::List(list) = &attr.meta {
                        errors.on(
                            &list.tokens,
                            "a field with `#[skylark::init]` is what the struct begins with: build it in \
                             `Default`, or in `#[skylark::state(default = …)]` of the struct",
                        );
                    }
                    built = Some(attr.clone());
                    return false;
                }
                _ => return true,
            }
            if let Meta::List(list) = &attr.meta {
                given.extend(list.tokens.clone());
            }
            false
        });
        let path = "skylark::state";
        match built {
            Some(attr) if !given.is_empty() => {
                errors.on(
                    attr,
                    "a field is remembered or built: leave one of its annotations out",
                );
                fields.push(None);
            }
            Some(_) => fields.push(None),
            None => fields.push(Some(RawOptions::read(given, path, FIELD_OPTIONS, errors))),
        }
        strip_annotations(Annotation::State, &mut field.attrs, runtime, errors);
    }
    Read {
        kept: item.to_token_stream(),
        raw: Some(Raw::Object(Box::new(RawObject {
            options,
            item,
            fields,
        }))),
    }
}
