//! `#[skylark::service]`: an impl whose methods are functions.

use super::{Annotation, Handler, Raw, RawOptions, Read, handler, kind_of};
use crate::errors::Errors;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, ItemImpl, Meta, Path, Signature, Token, Visibility,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

/// What `#[skylark::service]` takes.
const OPTIONS: &[&str] = &["client", "name", "scope"];

/// An annotated impl, as it was read.
#[derive(Debug)]
pub(crate) struct RawService {
    /// Where to report what is missing.
    pub(crate) span: Span,
    /// What the annotation says.
    pub(crate) options: RawOptions,
    /// All of it, without Skylark's attributes.
    pub(crate) item: TokenStream,
    /// What stands before its braces, around nothing.
    pub(crate) header: ItemImpl,
    /// Its functions.
    pub(crate) methods: Vec<RawMethod>,
}

/// A function of an impl.
#[derive(Debug)]
pub(crate) struct RawMethod {
    /// The function; its body is a group in braces, or nothing.
    pub(crate) item: Handler,
    /// Its annotation, if it has one: which, where, and what it says.
    pub(crate) annotation: Option<(Annotation, Span, RawOptions)>,
}

pub(super) fn read(
    span: Span,
    attr: TokenStream,
    item: TokenStream,
    runtime: &Path,
    errors: &mut Errors,
) -> Read {
    let path = Annotation::Service.path();
    let options = RawOptions::read(attr, path, OPTIONS, errors);
    let kept = |item: &TokenStream| Read {
        kept: item.clone(),
        raw: None,
    };
    let Some((mut header, body)) = take_apart(&item) else {
        match kind_of(&item).filter(|kind| kind != "an impl") {
            Some(kind) => errors.on(&item, not_an_impl(&kind)),
            None => {
                if let Err(error) = syn::parse2::<ItemImpl>(item.clone()) {
                    errors.push(error);
                }
            }
        }
        return kept(&item);
    };
    super::strip_annotations(Annotation::Service, &mut header.attrs, runtime, errors);
    let mut members = Members {
        runtime,
        methods: Vec::new(),
        tokens: TokenStream::new(),
    };
    let parser = |input: ParseStream<'_>| members.read(input, errors);
    if let Err(error) = parser.parse2(body.stream()) {
        errors.push(error);
        return kept(&item);
    }
    let Members {
        methods, tokens, ..
    } = members;
    let mut inner = Group::new(Delimiter::Brace, tokens);
    inner.set_span(body.span());
    let item = with_body(&header, inner);
    Read {
        kept: item.clone(),
        raw: Some(Raw::Service(Box::new(RawService {
            span,
            options,
            item,
            header,
            methods,
        }))),
    }
}

fn not_an_impl(kind: &str) -> String {
    let meant = match kind {
        "a struct" => "; its fields are `#[skylark::state]`, its `impl` is the service",
        "a function" => "; did you mean `#[skylark::function]`?",
        _ => "",
    };
    format!("`#[skylark::service]` goes on the `impl` of a struct, and this is {kind}{meant}")
}

/// What stands before the braces of an impl, and the braces. What is in them may
/// be half written.
fn take_apart(item: &TokenStream) -> Option<(ItemImpl, Group)> {
    let mut tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    let Some(TokenTree::Group(body)) = tokens.pop() else {
        return None;
    };
    if body.delimiter() != Delimiter::Brace {
        return None;
    }
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(body.span());
    tokens.push(TokenTree::Group(empty));
    let header = syn::parse2(tokens.into_iter().collect()).ok()?;
    Some((header, body))
}

/// The impl with what is in its braces.
fn with_body(header: &ItemImpl, body: Group) -> TokenStream {
    let mut tokens: Vec<TokenTree> = header.to_token_stream().into_iter().collect();
    tokens.pop();
    tokens.push(TokenTree::Group(body));
    tokens.into_iter().collect()
}

struct Members<'a> {
    runtime: &'a Path,
    methods: Vec<RawMethod>,
    /// All of them, as they are given back.
    tokens: TokenStream,
}

impl Members<'_> {
    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        while !input.is_empty() {
            let mut attrs = input.call(Attribute::parse_outer)?;
            let vis: Visibility = input.parse()?;
            let is_function = !input.peek(Token![default]) && {
                let ahead = input.fork();
                ahead.parse::<Signature>().is_ok()
            };
            if !is_function {
                let rest = to_the_end(input)?;
                self.tokens.extend(quote!(#(#attrs)* #vis #rest));
                continue;
            }
            let sig = input.parse()?;
            let body = to_the_end(input)?;
            let annotation = self.annotation(&mut attrs, errors);
            let item = Handler {
                attrs,
                vis,
                sig,
                body,
            };
            item.to_tokens(&mut self.tokens);
            self.methods.push(RawMethod { item, annotation });
        }
        Ok(())
    }

    /// Takes the annotation off a method: `function` or `chain`.
    fn annotation(
        &self,
        attrs: &mut Vec<Attribute>,
        errors: &mut Errors,
    ) -> Option<(Annotation, Span, RawOptions)> {
        let of = |attr: &Attribute| match Annotation::of(attr.path(), self.runtime)? {
            found @ (Annotation::Function | Annotation::Chain) => Some(found),
            _ => None,
        };
        let index = attrs.iter().position(|attr| of(attr).is_some())?;
        let attr = attrs.remove(index);
        let annotation = of(&attr)?;
        let span = attr.span();
        let given = match attr.meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        super::strip_annotations(annotation, attrs, self.runtime, errors);
        let options = handler::options(annotation, given, errors);
        Some((annotation, span, options))
    }
}

/// Everything up to a `;` or the end of what is in braces.
fn to_the_end(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            // `const A: u8 = { 1 };` goes on after its braces.
            TokenTree::Group(group) => {
                group.delimiter() == Delimiter::Brace && !input.peek(Token![;])
            }
            _ => false,
        };
        tokens.extend([token]);
        if ends {
            break;
        }
    }
    Ok(tokens)
}
