//! A handler's tokens: the item itself, and one call into the runtime.

use super::{MAX_ARGUMENTS, at, local, record};
use crate::{
    Ctx,
    check::{Flow, Yields},
    lower::{FunctionPlan, Gets, Takes},
    read::{Method, Receiver},
};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, Type, spanned::Spanned};

pub(super) fn emit(plan: &FunctionPlan, ctx: &Ctx) -> TokenStream {
    let item = &plan.item;
    let registration = registration(plan, ctx);
    quote! {
        #item

        #registration
    }
}

/// What makes it callable, without the item itself.
pub(super) fn registration(plan: &FunctionPlan, ctx: &Ctx) -> TokenStream {
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
    let call = call(plan, &private);
    let successors = plan
        .next
        .iter()
        .map(|(path, gets)| successor(path, gets, &private));
    let joins = plan.join.iter().map(|path| joins(path, plan, &private));
    let handlers = plan.on_error.iter().map(|path| match of_type(path) {
        true => {
            let follows = quote_spanned!(at(path.span())=> #private::follows::<#private::Failure, _, _>(#path));
            quote!(const _: fn() = || #follows;)
        }
        false => quote!(const _: fn() = || { let _: fn(#private::Failure) -> _ = #path; };),
    });
    let flow = flow(plan, &private);
    quote! {
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
                    flow: #private::Flow::#flow,
                },
                call: #call,
            }
            #(#successors)*
            #(#joins)*
            #(#handlers)*
        };
    }
}

/// Takes the arguments, calls the handler, hands over what it yields. The
/// bounds that these calls need are on the user's types, so that is where
/// rustc reports what a type lacks.
fn call(plan: &FunctionPlan, private: &TokenStream) -> TokenStream {
    let call = local("__call");
    let args = plan.args.iter().enumerate().map(|(index, arg)| {
        let ty = &arg.ty;
        let index = syn::Index::from(index);
        quote_spanned!(at(ty.span())=> #call.arg::<#ty>(#index)?)
    });
    let value = match &plan.method {
        None => {
            let handler = &plan.item.sig.ident;
            quote!(#handler(#(#args),*))
        }
        Some(Method {
            callee,
            receiver: None,
            ..
        }) => quote!(#callee(#(#args),*)),
        Some(Method {
            callee,
            receiver: Some(receiver),
            ty,
            ..
        }) => method(callee, receiver, ty, args, private),
    };
    let finish = finish(plan, &call);
    if plan.item.sig.asyncness.is_some() {
        let output = local("__output");
        return quote!(|#call| #call.wait(#value, |#output| #finish(#output)));
    }
    quote!(|#call| #finish(#value))
}

/// Takes the arguments, then lends the object to the method.
fn method(
    callee: &TokenStream,
    receiver: &Receiver,
    ty: &Path,
    args: impl Iterator<Item = TokenStream>,
    private: &TokenStream,
) -> TokenStream {
    let object = local("__object");
    let (locals, lets): (Vec<_>, Vec<_>) = args
        .enumerate()
        .map(|(index, arg)| {
            let local = local(&format!("__arg{index}"));
            let set = quote!(let #local = #arg;);
            (local, set)
        })
        .unzip();
    let lend = match receiver.mutable {
        true => quote_spanned!(at(ty.span())=> #private::exclusive::<#ty, _>),
        false => quote_spanned!(at(ty.span())=> #private::shared::<#ty, _>),
    };
    let fields = match &receiver.fields {
        Some(fields) => quote!(#private::Some(&[#(#fields),*])),
        None => quote!(#private::None),
    };
    quote! {{
        #(#lets)*
        #lend(#fields, |#object| #callee(#object, #(#locals),*))
    }}
}

/// Whether a path is, by Rust's conventions, of a function that belongs to a type,
/// which may be a method.
fn of_type(path: &Path) -> bool {
    let owner = path.segments.iter().rev().nth(1);
    owner.is_some_and(|owner| {
        let name = crate::read::plain(&owner.ident);
        name.chars().next().is_some_and(char::is_uppercase)
    })
}

/// What makes a reply of the output.
fn finish(plan: &FunctionPlan, call: &Ident) -> TokenStream {
    let ty = plan.yields.value();
    let span = at(ty.span());
    let plain = match &plan.flow {
        Flow::Straight if goes_on_as_elements(plan) => {
            Some(quote_spanned!(span=> #call.elements::<#ty>))
        }
        Flow::Straight | Flow::Fan => None,
        Flow::Each => Some(quote_spanned!(span=> #call.each::<#ty>)),
        Flow::Choice(inputs) => Some(quote_spanned!(span=> #call.choice::<(#(#inputs,)*)>)),
    };
    match (&plan.yields, plain) {
        (Yields::Value(_), None) => quote_spanned!(span=> #call.ok::<#ty>),
        (Yields::Value(_), Some(plain)) => plain,
        (Yields::Result(_, error), plain) => {
            let error = error.as_ref().map_or(quote!(_), |e| quote!(#e));
            match plain {
                None => quote_spanned!(span=> #call.result::<#ty, #error>),
                Some(plain) => {
                    let (result, output) = (local("__result"), local("__output"));
                    quote_spanned! {span=>
                        (|#result| #call.fallible::<#ty, #error>(#result, |#output| #plain(#output)))
                    }
                }
            }
        }
    }
}

/// Whether a successor may take the elements of the output as several arguments.
fn goes_on_as_elements(plan: &FunctionPlan) -> bool {
    match plan.yields.value() {
        Type::Tuple(tuple) if !plan.next.is_empty() => {
            (2..=MAX_ARGUMENTS).contains(&tuple.elems.len())
        }
        _ => false,
    }
}

/// The variant of the runtime's `Flow`.
fn flow(plan: &FunctionPlan, private: &TokenStream) -> TokenStream {
    let join = match &plan.schema.join {
        Some(path) => quote!(#private::Some(#path)),
        None => quote!(#private::None),
    };
    match plan.flow {
        Flow::Straight => quote!(Straight),
        Flow::Choice(_) => quote!(Choice),
        Flow::Fan => quote!(Fan { join: #join }),
        Flow::Each => quote!(Each { join: #join }),
    }
}

/// Has rustc check that `path` takes what it gets, and blame `path`.
fn successor(path: &Path, Gets { ty, takes }: &Gets, private: &TokenStream) -> TokenStream {
    match takes {
        Takes::Value if !of_type(path) => {
            let wanted = quote_spanned!(at(ty.span())=> fn(#ty) -> _);
            quote!(const _: fn() = || { let _: #wanted = #path; };)
        }
        Takes::Value | Takes::Spread => {
            let follows = quote_spanned!(at(path.span())=> #private::follows::<#ty, _, _>(#path));
            quote!(const _: fn() = || #follows;)
        }
        Takes::Element => {
            let item = quote_spanned!(at(ty.span())=> <#ty as #private::IntoIterator>::Item);
            let follows = quote_spanned!(at(path.span())=> #private::follows::<#item, _, _>(#path));
            quote!(const _: fn() = || #follows;)
        }
    }
}

/// Has rustc check that `path` takes as many results as there are branches: what
/// they are, only the branches' ends know.
fn joins(path: &Path, plan: &FunctionPlan, private: &TokenStream) -> TokenStream {
    // The list of any number, or of one.
    if of_type(path) && (plan.flow == Flow::Each || plan.next.len() == 1) {
        return quote!(const _: fn() = || { let _ = #path; };);
    }
    if plan.flow == Flow::Each || plan.next.len() == 1 {
        return quote!(const _: fn() = || { let _: fn(_) -> _ = #path; };);
    }
    let holes = plan.next.iter().map(|_| quote!(_));
    let gathers = quote_spanned!(at(path.span())=> #private::gathers::<(#(#holes,)*), _, _>(#path));
    quote!(const _: fn() = || #gathers;)
}
