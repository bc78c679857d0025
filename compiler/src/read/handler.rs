//! `#[skylark::function]` and `#[skylark::chain]`: a handler.

use super::{Annotation, Raw, RawOptions, Read, kind_of, strip_annotations};
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    Attribute, Path, Signature, Visibility,
    parse::{Parse, ParseStream},
};

/// What `#[skylark::function]` takes.
const FUNCTION_OPTIONS: &[&str] = &[
    "backoff",
    "fuse",
    "idempotent",
    "memory",
    "name",
    "on",
    "on_error",
    "pure",
    "retries",
    "timeout",
];
/// What `#[skylark::chain]` takes.
const CHAIN_OPTIONS: &[&str] = &[
    "backoff",
    "fuse",
    "idempotent",
    "join",
    "memory",
    "name",
    "next",
    "on",
    "on_error",
    "pure",
    "retries",
    "timeout",
];

/// An annotated handler, as it was read.
#[derive(Debug)]
pub(crate) struct RawFunction {
    /// Which of the two annotations it has.
    pub(crate) annotation: Annotation,
    /// Where to report what is missing from the annotation.
    pub(crate) span: Span,
    /// What the annotation says.
    pub(crate) options: RawOptions,
    /// The handler itself; of a method, without its `self`.
    pub(crate) item: Handler,
    /// What it is a method of.
    pub(crate) method: Option<Method>,
}

/// What is known of a function because it belongs to a type.
#[derive(Debug, Clone)]
pub(crate) struct Method {
    /// Its path with the type: `Hotel::reserve`.
    pub(crate) ident: String,
    /// What stands before its name in URLs: `Hotel`.
    pub(crate) prefix: String,
    /// How to name it from outside: `Hotel::reserve`, `<Hotel as Booking>::reserve`.
    pub(crate) callee: TokenStream,
    /// The type.
    pub(crate) ty: Path,
    /// Its `self`, if it has one.
    pub(crate) receiver: Option<Receiver>,
    /// The `#[cfg(…)]`s of the impl.
    pub(crate) cfgs: Vec<Attribute>,
}

/// The `self` of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// Whether it is `&mut self`.
    pub(crate) mutable: bool,
    /// The fields that can be touched through it; `None` if that cannot be seen.
    pub(crate) fields: Option<std::collections::BTreeSet<String>>,
}

/// A function whose body is left alone: rustc parses it anyway, and a slip in
/// it must not cost the user the rest.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Parse for Handler {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Handler {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attr in &self.attrs {
            attr.to_tokens(tokens);
        }
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// What one of the two annotations says.
pub(super) fn options(
    annotation: Annotation,
    attr: TokenStream,
    errors: &mut Errors,
) -> RawOptions {
    let allowed = match annotation {
        Annotation::Chain => CHAIN_OPTIONS,
        _ => FUNCTION_OPTIONS,
    };
    RawOptions::read(attr, annotation.path(), allowed, errors)
}

pub(super) fn read(
    annotation: Annotation,
    span: Span,
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    let options = options(annotation, attr, errors);
    let mut handler = match syn::parse2::<Handler>(item.clone()) {
        Ok(handler) => handler,
        Err(error) => {
            match kind_of(&item).filter(|kind| kind != "a function") {
                Some(kind) => errors.on(&item, not_a_function(annotation, &kind)),
                None => errors.push(error),
            }
            return Read {
                kept: item,
                raw: None,
            };
        }
    };
    strip_annotations(annotation, &mut handler.attrs, runtime, errors);
    Read {
        kept: handler.to_token_stream(),
        raw: Some(Raw::Function(Box::new(RawFunction {
            annotation,
            span,
            options,
            item: handler,
            method: None,
        }))),
    }
}

fn not_a_function(annotation: Annotation, kind: &str) -> String {
    let meant = if matches!(kind, "a static" | "a const") {
        "; did you mean `#[skylark::state]`?"
    } else {
        ""
    };
    format!(
        "`#[{}]` goes on a `fn` or an `async fn`, and this is {kind}{meant}",
        annotation.path()
    )
}
