//! Skylark's compiler: one lowering behind two front doors, the macros (one
//! item at a time) and `cargo skylark` (the whole crate, feature `krate`).
//!
//! ```text
//! tokens ─ read ─► what was written ─ check ─► what is right ─ lower ─► plan ─ emit ─► tokens, crate, graph
//! ```
//!
//! Every stage reports to one sink and carries on; the pipeline stops only
//! between stages. No I/O happens here.

#[cfg(feature = "krate")]
#[allow(dead_code, unused_imports)] // An index for all that ask: not each asks for everything.
mod analyse;
mod check;
mod emit;
mod errors;
#[cfg(feature = "krate")]
mod lift;
mod lower;
mod read;
#[cfg(feature = "krate")]
mod shape;

#[cfg(feature = "krate")]
pub use {
    analyse::{
        class::Class,
        explain::{Analysis, Because, Explanation, Line, LinePlace, Totals},
    },
    check::{
        app::{broken_promises, check as check_app, check_with as check_app_with},
        code::{Code, Diagnostic, Label, Level, Setting, Settings, Suggestion},
        lints::Handlers,
    },
    emit::{
        graph::{Changes, Edge, EdgeKind, External, Graph, GraphDiff},
        krate::{
            Expansion, annotations_in_macros, expand_crate, expand_file, expand_items, expansions,
            format_expansion,
        },
    },
    lift::{Decision, Kind, Lifted, LiftedFile, Question, Report, lift},
    read::krate::{Model, SourceFile, SourceSpan, load, read as read_crate},
};

use errors::Errors;
use lower::Plan;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use read::Annotation;

/// What an expansion depends on besides the item.
#[derive(Debug, Clone)]
pub struct Ctx {
    runtime: syn::Path,
}

impl Ctx {
    /// For a crate that calls the runtime `runtime` (`::skylark`, or what it
    /// was renamed to in Cargo.toml).
    pub fn new(runtime: syn::Path) -> Self {
        Self { runtime }
    }

    /// The crate's name for the runtime.
    #[cfg(feature = "krate")]
    fn name(&self) -> String {
        let last = self.runtime.segments.last();
        last.map_or_else(|| "skylark".into(), |last| last.ident.to_string())
    }

    /// The one module that generated code names.
    fn private(&self) -> TokenStream {
        let runtime = &self.runtime;
        quote!(#runtime::__private)
    }
}

impl Default for Ctx {
    fn default() -> Self {
        Self::new(syn::parse_quote!(::skylark))
    }
}

/// Expands `#[skylark::state(attr)] item`. The item survives every error.
pub fn expand_state(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::State, attr, item, ctx)
}

/// Expands `#[skylark::function(attr)] item`. The item survives every error.
pub fn expand_function(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::Function, attr, item, ctx)
}

/// Expands `#[skylark::chain(attr)] item`. The item survives every error.
pub fn expand_chain(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::Chain, attr, item, ctx)
}

/// Expands `#[skylark::external(attr)] item`. The item survives every error.
pub fn expand_external(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::External, attr, item, ctx)
}

/// Expands `#[skylark::nondet] item`. The item survives every error.
pub fn expand_nondet(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::Nondet, attr, item, ctx)
}

/// Expands `#[skylark::service(attr)] item`. The item survives every error.
pub fn expand_service(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::Service, attr, item, ctx)
}

/// Expands `#[skylark::accept(attr)] item`: the item itself. What is accepted there
/// concerns `cargo skylark check` alone, which also knows the checks' names.
pub fn expand_accept(attr: TokenStream, item: TokenStream) -> TokenStream {
    match read::accepted(attr) {
        Ok(_) => item,
        Err(error) => errors::keep(item, &error),
    }
}

/// Expands `#[skylark::init] item`. The item survives every error.
pub fn expand_init(attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    expand(Annotation::Init, attr, item, ctx)
}

fn expand(annotation: Annotation, attr: TokenStream, item: TokenStream, ctx: &Ctx) -> TokenStream {
    let (kept, plan) = plan(annotation, Span::call_site(), attr, item, ctx);
    match plan {
        Ok(plan) => emit::tokens(&plan, ctx),
        Err(error) => errors::keep(kept, &error),
    }
}

/// The pipeline up to the plan; beside it the item as it is given back if
/// anything is wrong with it. `span` is where the annotation stands.
fn plan(
    annotation: Annotation,
    span: Span,
    attr: TokenStream,
    item: TokenStream,
    ctx: &Ctx,
) -> (TokenStream, syn::Result<Plan>) {
    let mut errors = Errors::new();
    let read = read::item(annotation, span, attr, item, &ctx.runtime, &mut errors);
    let checked = read.raw.and_then(|raw| check::item(raw, &mut errors));
    let plan = errors.finish().and_then(|()| {
        checked
            .map(lower::lower)
            .ok_or_else(|| syn::Error::new(span, "nothing to expand"))
    });
    (read.kept, plan)
}
