//! A handler's tokens: the item itself, and one call into the runtime.

use super::{at, local, record};
use crate::{
    Ctx,
    check::Yields,
    lower::{FunctionPlan, Takes},
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Path, spanned::Spanned};

pub(super) fn emit(plan: &FunctionPlan, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let FunctionPlan {
        item,
        cfgs,
        schema,
        export,
        ..
    } = plan;
    // The user deprecates calls by people, not the one that is generated.
    let deprecated = item.attrs.iter().any(|a| a.path().is_ident("deprecated"));
    let allow = deprecated.then(|| quote!(#[allow(deprecated)]));
    let record = record(&plan.record);
    let name = &schema.name;
    let args = schema.args.iter().map(|arg| {
        let (name, ty) = (&arg.name, &arg.ty);
        quote!((#name, #ty))
    });
    let output = &schema.output;
    let next = &schema.next;
    let call = call(plan);
    let successors = plan
        .next
        .iter()
        .map(|(path, takes)| successor(path, *takes, &plan.yields, &private));
    quote! {
        #item

        #(#cfgs)*
        #allow
        const _: () = {
            #private::function! {
                export: #export,
                record: #record,
                def: #private::FunctionDef {
                    name: #name,
                    args: &[#(#args),*],
                    output: #output,
                    next: &[#(#next),*],
                    flow: #private::Flow::Straight,
                },
                call: #call,
            }
            #(#successors)*
        };
    }
}

/// Takes the arguments, calls the handler, hands over what it yields. The
/// bounds that these calls need are on the user's types, so that is where
/// rustc reports what a type lacks.
fn call(plan: &FunctionPlan) -> TokenStream {
    let call = local("__call");
    let handler = &plan.item.sig.ident;
    let args = plan.args.iter().enumerate().map(|(index, arg)| {
        let ty = &arg.ty;
        let index = syn::Index::from(index);
        quote_spanned!(at(ty.span())=> #call.arg::<#ty>(#index)?)
    });
    let value = quote!(#handler(#(#args),*));
    let finish = match &plan.yields {
        Yields::Value(ty) => quote_spanned!(at(ty.span())=> #call.ok::<#ty>),
        Yields::Result(ty, Some(error)) => {
            quote_spanned!(at(ty.span())=> #call.result::<#ty, #error>)
        }
        Yields::Result(ty, None) => quote_spanned!(at(ty.span())=> #call.result::<#ty, _>),
    };
    if plan.item.sig.asyncness.is_some() {
        let output = local("__output");
        return quote!(|#call| #call.wait(#value, |#output| #finish(#output)));
    }
    quote!(|#call| #finish(#value))
}

/// Has rustc check that `path` takes what the handler yields, and blame `path`.
fn successor(path: &Path, takes: Takes, yields: &Yields, private: &TokenStream) -> TokenStream {
    let output = yields.value();
    match takes {
        Takes::Value => {
            let wanted = quote_spanned!(at(output.span())=> fn(#output) -> _);
            quote!(const _: fn() = || { let _: #wanted = #path; };)
        }
        Takes::Spread => {
            let follows =
                quote_spanned!(at(path.span())=> #private::follows::<#output, _, _>(#path));
            quote!(const _: fn() = || #follows;)
        }
    }
}
