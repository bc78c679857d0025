//! Plan → output. Emitters read the plan and judge nothing; equal plans give
//! equal bytes.

mod client;
mod function;
#[cfg(feature = "krate")]
pub(crate) mod graph;
#[cfg(feature = "krate")]
pub(crate) mod krate;
mod object;
mod service;
mod state;

use crate::{
    Ctx,
    lower::{Plan, RecordText, scope_variant},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use skylark_abi::schema;

/// The macro's output.
pub(crate) fn tokens(plan: &Plan, ctx: &Ctx) -> TokenStream {
    match plan {
        Plan::Function(plan) => function::emit(plan, ctx),
        Plan::External(plan) => client::external(plan, ctx),
        Plan::Nondet(plan) => client::nondet(plan, ctx),
        Plan::Object(plan) => object::emit(plan, ctx),
        Plan::Service(plan) => service::emit(plan, ctx),
        Plan::State(plans) => plans.iter().map(|plan| state::emit(plan, ctx)).collect(),
    }
}

/// What the runtime knows of a variable.
fn state_def(state: &schema::State, private: &TokenStream) -> TokenStream {
    let (name, ty) = (&state.name, &state.ty);
    let scope = Ident::new(scope_variant(state.scope), Span::call_site());
    let key = match &state.key {
        Some(key) => quote!(#private::Some(#key)),
        None => quote!(#private::None),
    };
    quote! {
        &#private::StateDef {
            name: #name,
            scope: #private::Scope::#scope,
            type_text: #ty,
            key: #key,
        }
    }
}

fn record(RecordText { before, after }: &RecordText) -> TokenStream {
    quote!([#before, #after])
}

/// A local name that cannot meet one of the user's.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Where an error in what is generated is shown: at the user's tokens. The
/// tokens still count as a macro's, so that lints leave them alone.
fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}
