//! A service's tokens: the impl itself, what makes its methods callable, and their
//! client.

use super::{MAX_ARGUMENTS, at, function};
use crate::{
    Ctx,
    check::is_key,
    lower::{FunctionPlan, ServicePlan},
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Visibility, spanned::Spanned};

pub(super) fn emit(plan: &ServicePlan, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let ServicePlan {
        item,
        ty,
        cfgs,
        key,
        functions,
        ..
    } = plan;
    let registrations = functions.iter().map(|f| function::registration(f, ctx));
    let has_object = functions.iter().any(|f| receiver(f).is_some());
    let same_key = has_object.then(|| {
        let key = match key {
            Some((key, _)) => quote!(#private::Some(#key)),
            None => quote!(#private::None),
        };
        let state = quote_spanned!(at(ty.span())=> <#ty as #private::Object>::KEY);
        quote! {
            #(#cfgs)*
            const _: () = #private::same_key(#state, #key);
        }
    });
    let client = client(plan, &private);
    // `pub` says here what is a function, whoever can name the struct.
    quote! {
        #[allow(unreachable_pub)]
        #item

        #(#registrations)*
        #same_key
        #client
    }
}

fn receiver(plan: &FunctionPlan) -> Option<&crate::read::Receiver> {
    plan.method.as_ref()?.receiver.as_ref()
}

/// A type whose methods make the calls.
fn client(plan: &ServicePlan, private: &TokenStream) -> TokenStream {
    let ServicePlan {
        ty,
        cfgs,
        client,
        key,
        functions,
        ..
    } = plan;
    let name = crate::read::text(ty);
    let doc = format!("Calls the functions of [`{name}`].");
    let methods = functions
        .iter()
        .filter(|f| f.args.len() <= MAX_ARGUMENTS)
        .map(|f| method(f, plan, private));
    // What it shows may be known to fewer than it is.
    let allow = quote! {
        #[allow(dead_code, deprecated, private_interfaces, unreachable_pub, clippy::too_many_arguments)]
    };
    let Some((_, Some(key))) = key else {
        return quote! {
            #(#cfgs)*
            #[doc = #doc]
            #allow
            #[derive(#private::Clone, #private::Copy, #private::Debug, #private::Default)]
            pub struct #client;

            #(#cfgs)*
            #allow
            impl #client {
                #(#methods)*
            }
        };
    };
    let doc = format!("Calls the functions of one [`{name}`].");
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #allow
        #[derive(#private::Clone)]
        pub struct #client {
            key: #key,
        }

        #(#cfgs)*
        #allow
        impl #client {
            /// The one with this key, whether anybody has written to it or not.
            #[must_use]
            pub fn at(key: #key) -> Self {
                Self { key }
            }

            #(#methods)*
        }
    }
}

/// A method that calls one function.
fn method(plan: &FunctionPlan, service: &ServicePlan, private: &TokenStream) -> TokenStream {
    let Some(of) = &plan.method else {
        return TokenStream::new();
    };
    let ident = &plan.item.sig.ident;
    let vis = match &plan.item.vis {
        Visibility::Inherited if service.of_trait => quote!(pub),
        vis => quote!(#vis),
    };
    let (callee, cfgs) = (&of.callee, &plan.cfgs);
    let key = match (&service.key, &of.receiver) {
        (Some((key, Some(_))), Some(_)) => Some(key.as_str()),
        _ => None,
    };
    let is_key = |arg: &&crate::check::Arg| key.is_some_and(|key| is_key(&arg.ident, key));
    let parameters = plan.args.iter().filter(|arg| !is_key(arg)).map(|arg| {
        let (ident, ty) = (&arg.ident, &arg.ty);
        quote!(#ident: #ty)
    });
    let receiver = of.receiver.is_some().then(|| quote!(&self,));
    let given = plan.args.iter().map(|arg| match &arg.ident {
        _ if is_key(&arg) => quote!(#private::Clone::clone(&self.key)),
        ident => quote!(#ident),
    });
    let yields = plan.yields.value();
    let called = quote_spanned!(at(yields.span())=> #private::Calling<#yields>);
    let doc = if plan.schema.doc.is_empty() {
        format!("Calls `{}`.", of.ident)
    } else {
        plan.schema.doc.clone()
    };
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #vis fn #ident(#receiver #(#parameters),*) -> #called {
            #private::remote!([#callee] #(#given),*)
        }
    }
}
