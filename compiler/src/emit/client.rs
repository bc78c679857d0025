//! The bodies of functions that reach outside.

use super::{at, local};
use crate::{
    Ctx,
    check::{External, Nondet, Yields},
    read::{Handler, plain},
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ReturnType, Type, spanned::Spanned};

/// A request with the arguments, and its answer.
pub(super) fn external(plan: &External, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let Handler {
        attrs, vis, sig, ..
    } = &plan.item;
    let (name, method, url) = (plain(&sig.ident), plan.method, &plan.url);
    let arguments = plan.args.iter().map(|arg| {
        let (ident, name) = (&arg.ident, plain(&arg.ident));
        quote_spanned!(at(arg.ty.span())=> .argument(#name, &#ident))
    });
    let ty = plan.yields.value();
    let answer = local("__answer");
    let read = quote_spanned!(at(ty.span())=> #private::answer::<#ty>());
    let finish = match &plan.yields {
        Yields::Value(_) => quote!(#private::ended_by(#answer)),
        Yields::Result(..) => quote!(#answer.map_err(#private::From::from)),
    };
    quote! {
        #(#attrs)*
        #vis #sig {
            let #answer = #private::External::new(#name, #method, #url) #(#arguments)* .ask(#read).await;
            #finish
        }
    }
}

/// The function, whose body is run once.
pub(super) fn nondet(plan: &Nondet, ctx: &Ctx) -> TokenStream {
    let private = ctx.private();
    let Handler {
        attrs,
        vis,
        sig,
        body,
    } = &plan.item;
    let recorded = match &sig.output {
        ReturnType::Default => quote!(#private::nondet(move || #body)),
        ReturnType::Type(_, ty) => match &**ty {
            Type::ImplTrait(_) => quote!(#private::nondet(move || #body)),
            ty => {
                let nondet = quote_spanned!(at(ty.span())=> #private::nondet::<#ty>);
                quote!(#nondet(move || -> #ty #body))
            }
        },
    };
    quote! {
        #(#attrs)*
        #vis #sig { #recorded }
    }
}
