//! `#[skylark::state]`: a static, or a block of thread-local ones.

use super::{Annotation, Raw, RawOptions, Read, kind_of, strip_annotations};
use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, ItemConst, ItemMacro, ItemStatic, Path, StaticMutability, Token, Type,
    Visibility,
    parse::{Parse, ParseStream, Parser},
};

/// What `#[skylark::state]` takes.
const OPTIONS: &[&str] = &["default", "migrate", "rename", "scope", "ttl", "was"];

/// Annotated state, as it was read.
#[derive(Debug)]
pub(crate) struct RawState {
    /// What the annotation says.
    pub(crate) options: RawOptions,
    /// The variables: one, or those of a `thread_local!`.
    pub(crate) variables: Vec<RawVariable>,
}

/// One variable.
#[derive(Debug)]
pub(crate) struct RawVariable {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) holder: Holder,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) init: Expr,
}

/// What the variable was declared as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// `static`
    Static,
    /// `static mut`, with its `mut`
    StaticMut(Token![mut]),
    /// `const`, with its keyword
    Const(Token![const]),
    /// A static of `thread_local!`; whether its initializer is `const { … }`.
    ThreadLocal { constant: bool },
}

pub(super) fn read(
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    let options = RawOptions::read(attr, Annotation::State.path(), OPTIONS, errors);
    let kept_as_is = || Read {
        kept: item.clone(),
        raw: None,
    };
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Static(mut item)) => {
            strip_annotations(Annotation::State, &mut item.attrs, runtime, errors);
            state(options, item.to_token_stream(), vec![from_static(item)])
        }
        Ok(syn::Item::Struct(item)) => super::object::read(options, item, runtime, errors),
        Ok(syn::Item::Const(mut item)) => {
            strip_annotations(Annotation::State, &mut item.attrs, runtime, errors);
            state(options, item.to_token_stream(), vec![from_const(item)])
        }
        Ok(syn::Item::Macro(mut item)) => {
            strip_annotations(Annotation::State, &mut item.attrs, runtime, errors);
            match thread_local(&item, errors) {
                Some(variables) => state(options, item.to_token_stream(), variables),
                None => Read {
                    kept: item.to_token_stream(),
                    raw: None,
                },
            }
        }
        parsed => {
            let without_value = |input: ParseStream<'_>| {
                input.call(Attribute::parse_outer)?;
                input.parse::<syn::ForeignItemStatic>()
            };
            match (kind_of(&item).as_deref(), parsed) {
                (Some("a static"), _) if without_value.parse2(item.clone()).is_ok() => errors.on(
                    &item,
                    "state needs an initial value; a static declared in an `extern` block belongs \
                     to foreign code, which Skylark can neither read nor write",
                ),
                (Some(kind), Ok(_)) => errors.on(&item, not_a_variable(kind)),
                (_, Err(error)) => errors.push(error),
                (None, Ok(_)) => errors.on(&item, not_a_variable("another item")),
            }
            kept_as_is()
        }
    }
}

fn state(options: RawOptions, kept: TokenStream, variables: Vec<RawVariable>) -> Read {
    Read {
        kept,
        raw: Some(Raw::State(RawState { options, variables })),
    }
}

fn from_static(item: ItemStatic) -> RawVariable {
    RawVariable {
        attrs: item.attrs,
        vis: item.vis,
        holder: match item.mutability {
            StaticMutability::Mut(token) => Holder::StaticMut(token),
            _ => Holder::Static,
        },
        ident: item.ident,
        ty: *item.ty,
        init: *item.expr,
    }
}

fn from_const(item: ItemConst) -> RawVariable {
    RawVariable {
        attrs: item.attrs,
        vis: item.vis,
        holder: Holder::Const(item.const_token),
        ident: item.ident,
        ty: *item.ty,
        init: *item.expr,
    }
}

fn not_a_variable(kind: &str) -> String {
    let meant = match kind {
        "a function" => "; did you mean `#[skylark::function]`?",
        "an impl" => "; did you mean `#[skylark::service]`?",
        "an enum" | "a union" => "; put it in a field of a struct, or in a `static` with a `Mutex`",
        _ => "",
    };
    format!(
        "`#[skylark::state]` goes on a `static`, on `thread_local! {{ … }}` or on a struct, and this is {kind}{meant}"
    )
}

/// The statics of a `thread_local!`; `None` if it is another macro or broken.
fn thread_local(item: &ItemMacro, errors: &mut Errors) -> Option<Vec<RawVariable>> {
    let path = &item.mac.path;
    if path.segments.last()?.ident != "thread_local" {
        errors.on(
            path,
            "the only macro that `#[skylark::state]` sees into is `thread_local!`; write the \
             `static` out and annotate it",
        );
        return None;
    }
    let variables = errors.take(locals(item.mac.tokens.clone(), &item.attrs))?;
    if variables.is_empty() {
        errors.on(item, "this `thread_local!` holds no `static` to be state");
    }
    Some(variables)
}

/// The statics in the braces of a `thread_local!` with the attributes `outer`.
pub(super) fn locals(tokens: TokenStream, outer: &[Attribute]) -> syn::Result<Vec<RawVariable>> {
    let parser = |input: ParseStream<'_>| {
        let mut variables = Vec::new();
        while !input.is_empty() {
            let Local(mut variable) = input.parse()?;
            variable.attrs.splice(0..0, outer.iter().cloned());
            variables.push(variable);
            if input.parse::<Option<Token![;]>>()?.is_none() && !input.is_empty() {
                return Err(input.error("expected `;` between thread-local statics"));
            }
        }
        Ok(variables)
    };
    parser.parse2(tokens)
}

/// One static of a `thread_local!`.
struct Local(RawVariable);

impl Parse for Local {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        input.parse::<Token![static]>()?;
        let ident = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![=]>()?;
        let constant = input.peek(Token![const]) && input.peek2(syn::token::Brace);
        let init = if constant {
            input.parse::<Token![const]>()?;
            let body;
            syn::braced!(body in input);
            let body: TokenStream = body.parse()?;
            // The block as it was, or what is in it where that is one expression.
            syn::parse2(body.clone()).or_else(|_| syn::parse2(quote!({ #body })))?
        } else {
            input.parse()?
        };
        Ok(Self(RawVariable {
            attrs,
            vis,
            holder: Holder::ThreadLocal { constant },
            ident,
            ty,
            init,
        }))
    }
}
