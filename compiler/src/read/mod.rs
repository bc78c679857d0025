//! Tokens → what the user wrote: one annotated item, or a whole crate's files.
//! Nothing is judged here but whether it can be read.

mod accept;
mod client;
mod handler;
mod init;
#[cfg(feature = "krate")]
pub(crate) mod krate;
mod object;
mod options;
mod service;
mod text;
mod variable;

pub(crate) use accept::accepted;
pub(crate) use client::{RawExternal, RawNondet};
pub(crate) use handler::{Handler, Method, RawFunction, Receiver};
pub(crate) use init::RawInit;
pub(crate) use object::RawObject;
pub(crate) use options::RawOptions;
pub(crate) use service::{RawMethod, RawService};
pub(crate) use text::text;
pub(crate) use variable::{Holder, RawState, RawVariable};

use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Path};

/// An attribute of Skylark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotation {
    /// `#[skylark::state]`
    State,
    /// `#[skylark::function]`
    Function,
    /// `#[skylark::chain]`
    Chain,
    /// `#[skylark::external]`
    External,
    /// `#[skylark::nondet]`
    Nondet,
    /// `#[skylark::service]`
    Service,
    /// `#[skylark::init]`
    Init,
}

impl Annotation {
    pub(crate) const ALL: [Self; 7] = [
        Self::State,
        Self::Function,
        Self::Chain,
        Self::External,
        Self::Nondet,
        Self::Service,
        Self::Init,
    ];

    /// Its path, as users write it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::State => "skylark::state",
            Self::Function => "skylark::function",
            Self::Chain => "skylark::chain",
            Self::External => "skylark::external",
            Self::Nondet => "skylark::nondet",
            Self::Service => "skylark::service",
            Self::Init => "skylark::init",
        }
    }

    fn ident(self) -> &'static str {
        self.path().rsplit(':').next().unwrap_or_default()
    }

    /// Which annotation `path` is: `runtime::state`, or the bare `state`.
    pub(crate) fn of(path: &Path, runtime: &Path) -> Option<Self> {
        let last = &path.segments.last()?.ident;
        let home = match path.segments.len() {
            1 => true,
            2 => {
                let first = &path.segments[0].ident;
                first == "skylark" || runtime.segments.last().is_some_and(|s| s.ident == *first)
            }
            _ => false,
        };
        Self::ALL.into_iter().find(|a| home && last == a.ident())
    }
}

/// An annotated item as it was read.
#[derive(Debug)]
pub(crate) enum Raw {
    /// A handler.
    Function(Box<RawFunction>),
    /// One or several statics.
    State(RawState),
    /// A struct whose fields are state.
    Object(Box<RawObject>),
    /// An impl whose methods are functions.
    Service(Box<RawService>),
    /// A server outside.
    External(Box<RawExternal>),
    /// A function whose value is recorded.
    Nondet(Box<RawNondet>),
    /// A static that is built.
    Init(Box<RawInit>),
}

/// What the reader makes of an item: what to give back to rustc if anything is
/// wrong with it, and what it is, if that could be read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The item without Skylark's attributes.
    pub(crate) kept: TokenStream,
    /// The item, unless an error says why not.
    pub(crate) raw: Option<Raw>,
}

/// Reads one annotated item.
pub(crate) fn item(
    annotation: Annotation,
    span: Span,
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    match annotation {
        Annotation::State => variable::read(attr, item, runtime, errors),
        Annotation::Function | Annotation::Chain => {
            handler::read(annotation, span, attr, item, runtime, errors)
        }
        Annotation::External => client::external(span, attr, item, runtime, errors),
        Annotation::Nondet => client::nondet(attr, item, runtime, errors),
        Annotation::Init => init::read(attr, item, runtime, errors),
        Annotation::Service => service::read(span, attr, item, runtime, errors),
    }
}

/// Takes Skylark's attributes off an item and reports each: one is enough.
fn strip_annotations(
    annotation: Annotation,
    attrs: &mut Vec<Attribute>,
    runtime: &Path,
    errors: &mut Errors,
) {
    attrs.retain(|attr| match Annotation::of(attr.path(), runtime) {
        None => true,
        Some(other) => {
            let (one, two) = (annotation.path(), other.path());
            let message = if other == annotation {
                format!("`#[{one}]` is given twice; leave one of them out")
            } else if other == Annotation::Service || annotation == Annotation::Service {
                format!(
                    "`#[skylark::service]` stands alone on an `impl`: leave `#[{}]` out there",
                    if other == Annotation::Service {
                        one
                    } else {
                        two
                    }
                )
            } else if [annotation, other] == [Annotation::State, Annotation::Init]
                || [other, annotation] == [Annotation::State, Annotation::Init]
            {
                format!("a static is remembered or built: leave `#[{one}]` or `#[{two}]` out")
            } else if other == Annotation::State || annotation == Annotation::State {
                format!("an item is either state or a function: leave `#[{one}]` or `#[{two}]` out")
            } else if matches!(annotation, Annotation::External | Annotation::Nondet)
                || matches!(other, Annotation::External | Annotation::Nondet)
            {
                format!(
                    "`#[{one}]` and `#[{two}]` are for different functions: leave one of them out"
                )
            } else {
                "a function with a successor is `#[skylark::chain(next = …)]` alone: leave \
                 `#[skylark::function]` out and give its options to `chain`"
                    .to_owned()
            };
            errors.on(attr, message);
            false
        }
    });
}

/// What kind of item `tokens` are, for people: `a struct`, `an impl`, …
fn kind_of(tokens: &TokenStream) -> Option<String> {
    const KINDS: &[(&str, &str)] = &[
        ("fn", "a function"),
        ("static", "a static"),
        ("const", "a const"),
        ("struct", "a struct"),
        ("enum", "an enum"),
        ("union", "a union"),
        ("trait", "a trait"),
        ("impl", "an impl"),
        ("mod", "a module"),
        ("type", "a type alias"),
        ("use", "a use"),
        ("macro_rules", "a macro"),
    ];
    let idents = tokens.clone().into_iter().filter_map(|t| match t {
        proc_macro2::TokenTree::Ident(ident) => Some(ident),
        _ => None,
    });
    // `const fn` and `unsafe impl`: the last keyword of those in front counts.
    let mut found = None;
    for ident in idents {
        match KINDS.iter().find(|(keyword, _)| ident == keyword) {
            Some((_, kind)) => found = Some((*kind).to_owned()),
            None if found.is_some() => break,
            None => {}
        }
    }
    found
}

/// The `#[cfg(…)]`s among `attrs`: what is generated beside an item is there
/// under the same conditions.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    let cfgs = attrs.iter().filter(|a| a.path().is_ident("cfg"));
    cfgs.cloned().collect()
}

/// The first line of an item's documentation.
pub(crate) fn doc_line(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| {
        let meta = attr.meta.require_name_value().ok()?;
        if !meta.path.is_ident("doc") {
            return None;
        }
        match &meta.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        }
    });
    let all = lines.collect::<Vec<_>>().join("\n");
    let first = all.lines().map(str::trim).find(|line| !line.is_empty());
    first.unwrap_or_default().to_owned()
}

/// An identifier as the schema spells it: without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

/// Whether two pieces of source read the same.
pub(crate) fn same(a: impl ToTokens, b: impl ToTokens) -> bool {
    text(a) == text(b)
}
