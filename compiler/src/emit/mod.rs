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
    check::{Key, Take},
    lower::{Plan, RecordText, scope_variant},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use skylark_abi::schema;
use syn::{Path, Type, spanned::Spanned};

/// Most arguments that a call can have, and elements that a successor takes as
/// arguments.
const MAX_ARGUMENTS: usize = 12;

/// The macro's output.
pub(crate) fn tokens(plan: &Plan, ctx: &Ctx) -> TokenStream {
    match plan {
        Plan::Function(plan) => function::emit(plan, ctx),
        Plan::External(plan) => client::external(plan, ctx),
        Plan::Nondet(plan) => client::nondet(plan, ctx),
        // An ordinary static, in an instance of its own for each call.
        Plan::Init(plan) => plan.item.to_token_stream(),
        Plan::Object(plan) => object::emit(plan, ctx),
        Plan::Service(plan) => service::emit(plan, ctx),
        Plan::State(plans) => plans.iter().map(|plan| state::emit(plan, ctx)).collect(),
    }
}

/// What the runtime knows of a variable.
fn state_def(state: &schema::State, key: Option<&Key>, private: &TokenStream) -> TokenStream {
    let (name, ty) = (&state.name, &state.ty);
    let scope = Ident::new(scope_variant(state.scope), Span::call_site());
    let key = match key {
        Some(key) => {
            let def = key_def(key, private);
            quote!(#private::Some(&#def))
        }
        None => quote!(#private::None),
    };
    let was = &state.was;
    quote! {
        &#private::StateDef {
            name: #name,
            scope: #private::Scope::#scope,
            type_text: #ty,
            key: #key,
            was: &[#(#was),*],
        }
    }
}

/// How the runtime finds a key: what is taken of the arguments, and what is made of
/// that.
fn key_def(key: &Key, private: &TokenStream) -> TokenStream {
    let arguments = local("__arguments");
    let takes = key.takes.iter().map(|take| {
        let Take {
            local,
            argument,
            fields,
            ty,
        } = take;
        match ty {
            Some(ty) => {
                let typed = quote_spanned!(at(ty.span())=> #arguments.typed::<#ty>(#argument)?);
                quote!(let #local: #ty = #typed;)
            }
            // Lent, so that it may be named twice.
            None => quote!(let #local = &#arguments.part(#argument, &[#(#fields),*])?;),
        }
    });
    let (text, value) = (key.text(), &key.value);
    let made = quote_spanned!(at(value.span())=> #arguments.key(&(#value)));
    quote! {
        #private::KeyDef {
            text: #text,
            of: |#arguments| {
                #(#takes)*
                #made
            },
        }
    }
}

/// How the runtime writes and reads a stored type, and what earlier builds wrote.
fn codec(ty: &Type, migrate: &[Path], private: &TokenStream) -> TokenStream {
    let codec = quote_spanned!(at(ty.span())=> #private::codec::<#ty>());
    if migrate.is_empty() {
        return codec;
    }
    migrating(&codec, &quote!(#ty), migrate, private)
}

/// That a type is a collection, and how its values are read and written.
fn collection(ty: &Type, migrate: &[Path], private: &TokenStream) -> TokenStream {
    if migrate.is_empty() {
        return quote_spanned!(at(ty.span())=> #private::collection::<#ty>());
    }
    let value = quote!(<#ty as #private::Collection>::Value);
    let codec = quote_spanned!(at(ty.span())=> #private::codec::<#value>());
    let codec = migrating(&codec, &value, migrate, private);
    quote!({
        const __SKYLARK_VALUES: #private::StateCodec<#value> = #codec;
        #private::collection_of::<#ty>(&__SKYLARK_VALUES)
    })
}

/// A codec of `ty` that knows what it was before its migrations.
fn migrating(
    codec: &TokenStream,
    ty: &TokenStream,
    migrate: &[Path],
    private: &TokenStream,
) -> TokenStream {
    let (stored, old) = (local("__stored"), local("__old"));
    let from = (0..migrate.len()).map(|first| {
        let steps = migrate.iter().enumerate().skip(first).map(|(index, step)| {
            // What the last one makes is said, so that rustc speaks of that step.
            let made = (index + 1 == migrate.len()).then(|| quote!(::<_, _, #ty>));
            quote_spanned!(at(step.span())=> .and_then(|#old| #private::migrated #made(#step, #old)))
        });
        quote!(|#stored| #private::older(#stored)#(#steps)*)
    });
    quote!({
        const __SKYLARK_MIGRATIONS: &[#private::Migration<#ty>] = &[#(#from),*];
        #codec.migrating(__SKYLARK_MIGRATIONS)
    })
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
