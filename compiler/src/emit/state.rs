//! A variable's tokens: a static of the runtime's type that derefs to the user's.

use super::{codec, collection, record, state_def};
use crate::{Ctx, check::Storage, lower::StatePlan};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn emit(plan: &StatePlan, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let StatePlan {
        attrs,
        cfgs,
        vis,
        ident,
        cell,
        value,
        init,
        schema,
        ..
    } = plan;
    let record = record(&plan.record);
    let def = state_def(schema, plan.key.as_ref(), &private);
    if plan.storage == Storage::Collection {
        let is_one = collection(cell, &plan.migrate, &private);
        return quote! {
            #(#attrs)*
            #vis static #ident: #private::Shared<#cell> = #private::Shared::new(#init, #def, &#is_one);

            #(#cfgs)*
            const _: () = {
                #private::state! { record: #record }
            };
        };
    }
    let codec = codec(value, &plan.migrate, &private);
    let (new, default) = match &plan.default {
        None => (quote!(new), None),
        Some(default) => (quote!(with_default), Some(quote!(, || #default))),
    };
    // The initializer is written once, so that what is wrong with it is said once.
    let (holder, body) = match plan.storage {
        Storage::Static | Storage::Collection => (
            quote!(State),
            quote! {
                const __SKYLARK_INIT: #cell = #init;
                #private::State::#new(__SKYLARK_INIT, || __SKYLARK_INIT, #codec, #def #default)
            },
        ),
        Storage::ThreadLocal { constant: true } => (
            quote!(LocalState),
            quote! {
                const __SKYLARK_INIT: #cell = #init;
                #private::thread_local! {
                    static __SKYLARK_KEY: #cell = const { __SKYLARK_INIT };
                }
                #private::LocalState::#new(&__SKYLARK_KEY, || __SKYLARK_INIT, #codec, #def #default)
            },
        ),
        Storage::ThreadLocal { constant: false } => (
            quote!(LocalState),
            quote! {
                fn __skylark_init() -> #cell { #init }
                #private::thread_local! {
                    static __SKYLARK_KEY: #cell = __skylark_init();
                }
                #private::LocalState::#new(&__SKYLARK_KEY, __skylark_init, #codec, #def #default)
            },
        ),
    };
    quote! {
        #(#attrs)*
        #vis static #ident: #private::#holder<#cell> = { #body };

        #(#cfgs)*
        const _: () = {
            #private::state! { record: #record }
        };
    }
}
