//! `#[skylark::accept(…)]`: what a check finds here is meant to be so.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{
    LitStr, Token,
    parse::{ParseStream, Parser},
};

/// The checks that are named in the brackets.
///
/// # Errors
/// It is not `name, …, reason = "…"`, or names none.
pub(crate) fn accepted(attr: TokenStream) -> syn::Result<Vec<Ident>> {
    let parse = |input: ParseStream<'_>| {
        let mut names = Vec::new();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if name == "reason" && input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                input.parse::<LitStr>()?;
            } else {
                names.push(name);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(names)
    };
    let why = "`#[skylark::accept]` takes the names of checks: \
               `#[skylark::accept(hash_iteration, reason = \"…\")]`";
    match parse.parse2(attr) {
        Ok(names) if names.is_empty() => Err(syn::Error::new(Span::call_site(), why)),
        Ok(names) => Ok(names),
        Err(error) => Err(syn::Error::new(error.span(), why)),
    }
}
