//! A struct's tokens: the struct itself, and what is known of each of its fields.

use super::{at, codec, collection, record, state_def};
use crate::{
    Ctx,
    lower::{FieldPlan, ObjectPlan, scope_variant},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

pub(super) fn emit(plan: &ObjectPlan, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let ObjectPlan {
        item,
        cfgs,
        name,
        scope,
        key,
        default,
        fields,
        built,
    } = plan;
    let ident = &item.ident;
    let scope = Ident::new(scope_variant(*scope), Span::call_site());
    let key = match key {
        Some(key) => quote!(#private::Some(#key)),
        None => quote!(#private::None),
    };
    let first = match default {
        Some(default) => quote!(|| #default),
        None => quote_spanned!(at(ident.span())=> <#ident as #private::Initial>::initial),
    };
    let known = fields.iter().map(|field| known(ident, field, &private));
    let records = fields.iter().map(|field| {
        let (cfgs, record) = (&field.cfgs, record(&field.record));
        quote! {
            #(#cfgs)*
            const _: () = {
                #private::state! { record: #record }
            };
        }
    });
    quote! {
        #item

        #(#cfgs)*
        const _: () = {
            static __SKYLARK_OBJECT: #private::ObjectDef<#ident> = #private::ObjectDef {
                name: #name,
                scope: #private::Scope::#scope,
                first: #first,
                fields: &[#(#known),*],
                built: &[#(#built),*],
            };
            impl #private::Object for #ident {
                const KEY: #private::Option<&'static str> = #key;

                fn def() -> &'static #private::ObjectDef<Self> {
                    &__SKYLARK_OBJECT
                }
            }
            #(#records)*
        };
    }
}

/// What is known of a field when the app is compiled.
fn known(object: &Ident, plan: &FieldPlan, private: &TokenStream) -> TokenStream {
    let FieldPlan {
        member,
        ident,
        ty,
        is_collection,
        cfgs,
        migrate,
        schema,
        ..
    } = plan;
    let def = state_def(schema, plan.key.as_ref(), private);
    if *is_collection {
        let is_one = collection(ty, migrate, private);
        return quote! {
            #(#cfgs)*
            &#private::CollectionDef::<#object, #ty> {
                ident: #ident,
                def: #def,
                get: |object| &object.#member,
                is_one: #is_one,
            }
        };
    }
    let codec = codec(ty, migrate, private);
    quote! {
        #(#cfgs)*
        &#private::FieldDef::<#object, #ty> {
            ident: #ident,
            def: #def,
            codec: #codec,
            get: |object| &object.#member,
            get_mut: |object| &mut object.#member,
        }
    }
}
