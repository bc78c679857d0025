//! `scope = key(…)`: an argument, or an expression over arguments.
//!
//! A macro sees the variable and not the functions that use it, so it does not
//! know the arguments' types. In an expression an argument therefore stands for its
//! value as it was sent: a text, or what can be written as one (`Part` of the
//! runtime). A closure names the types: `key(|order: Order| …)`.

use crate::{
    errors::Errors,
    read::{plain, text},
};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, ExprClosure, Member, Pat, Type,
    parse::{Parse, Parser},
};

/// What chooses the bundle of a variable.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// As it is written.
    pub(crate) expr: Expr,
    /// What is taken of the arguments first.
    pub(crate) takes: Vec<Take>,
    /// The key, of what was taken.
    pub(crate) value: TokenStream,
}

/// An argument, or what is in one.
#[derive(Debug, Clone)]
pub(crate) struct Take {
    /// What it is called in the expression.
    pub(crate) local: Ident,
    /// The argument.
    pub(crate) argument: String,
    /// The fields that lead to what is taken.
    pub(crate) fields: Vec<String>,
    /// Its type, if that is named; else its value as it was sent.
    pub(crate) ty: Option<Box<Type>>,
}

impl Key {
    /// `station`, `order.from`, `format!("{user}-{year}")`
    pub(crate) fn text(&self) -> String {
        let ident = match &self.expr {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        ident.map_or_else(|| text(&self.expr), plain)
    }

    /// The arguments, each once.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let mut arguments: Vec<&str> = self.takes.iter().map(|t| t.argument.as_str()).collect();
        arguments.sort_unstable();
        arguments.dedup();
        arguments
    }

    /// The argument that is the key, if it is one as it is.
    pub(crate) fn argument(&self) -> Option<&str> {
        let [take] = self.takes.as_slice() else {
            return None;
        };
        (take.argument == self.text()).then_some(&take.argument)
    }
}

const EXAMPLES: &str = "`scope = key(station)`, `key(order.from)`, `key((user, day))`, \
                        `key(format!(\"{user}-{year}\"))`, `key(|order: Order| order.total() / 100)`";

/// What `key(…)` holds.
pub(super) fn check(arguments: &[&Expr], at: &dyn ToTokens, errors: &mut Errors) -> Option<Key> {
    let [value] = arguments else {
        errors.on(
            at,
            format_args!(
                "`key` takes one expression over arguments, whose value chooses the state: {EXAMPLES}"
            ),
        );
        return None;
    };
    let key = match value {
        Expr::Closure(closure) => typed(closure, errors)?,
        value => untyped(value, errors)?,
    };
    if key.takes.is_empty() {
        errors.on(
            value,
            format_args!(
                "`{}` names no argument of the functions that use the state, so all would have one \
                 key; write {EXAMPLES}, or leave the scope out",
                key.text()
            ),
        );
        return None;
    }
    Some(key)
}

/// `|order: Order, n: u32| …`
fn typed(closure: &ExprClosure, errors: &mut Errors) -> Option<Key> {
    let mut takes = Vec::new();
    for input in &closure.inputs {
        match input {
            Pat::Type(typed) if matches!(&*typed.pat, Pat::Ident(_)) => {
                let Pat::Ident(ident) = &*typed.pat else {
                    continue;
                };
                takes.push(Take {
                    local: ident.ident.clone(),
                    argument: plain(&ident.ident),
                    fields: Vec::new(),
                    ty: Some(typed.ty.clone()),
                });
            }
            other => errors.on(
                other,
                "name an argument of the functions that use the state, and its type: \
                 `key(|order: Order| order.from)`",
            ),
        }
    }
    let complete = takes.len() == closure.inputs.len();
    complete.then(|| Key {
        expr: Expr::Closure(closure.clone()),
        takes,
        value: closure.body.to_token_stream(),
    })
}

fn untyped(value: &Expr, errors: &mut Errors) -> Option<Key> {
    let mut rewriter = Rewriter {
        takes: Vec::new(),
        refused: None,
    };
    let tokens = rewriter.stream(value.to_token_stream(), false);
    if let Some(span) = rewriter.refused {
        errors.at(
            span,
            "what is declared in a key is not told from arguments here; name the arguments and their \
             types instead: `key(|order: Order| { … })`",
        );
        return None;
    }
    Some(Key {
        expr: value.clone(),
        takes: rewriter.takes,
        value: tokens,
    })
}

/// Finds the arguments in an expression, and puts a name of its own in the place of
/// each path of fields.
struct Rewriter {
    takes: Vec<Take>,
    /// Where it declares something.
    refused: Option<Span>,
}

/// Words that an expression may have and that are no arguments.
const WORDS: &[&str] = &[
    "as", "crate", "else", "false", "if", "in", "mut", "ref", "self", "super", "true",
];
/// Words that declare something.
const DECLARES: &[&str] = &[
    "let", "match", "for", "fn", "const", "static", "move", "loop", "while",
];

impl Rewriter {
    fn stream(&mut self, tokens: TokenStream, in_macro: bool) -> TokenStream {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut out = TokenStream::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => {
                    let is_macro = matches!(tokens.get(at.wrapping_sub(2)), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                    if group.delimiter() == Delimiter::Brace && !is_macro && !in_macro {
                        self.refuse(group.span());
                    }
                    let inner = self.stream(group.stream(), in_macro || is_macro);
                    let mut replaced = Group::new(group.delimiter(), inner);
                    replaced.set_span(group.span());
                    out.extend([TokenTree::Group(replaced)]);
                }
                TokenTree::Ident(ident) if DECLARES.iter().any(|word| ident == word) => {
                    self.refuse(ident.span());
                    out.extend([token.clone()]);
                }
                TokenTree::Ident(ident) if is_argument(&tokens, at - 1) => {
                    let (fields, end) = fields(&tokens, at);
                    at = end;
                    let local = self.take(ident, fields);
                    out.extend([TokenTree::Ident(local)]);
                }
                TokenTree::Punct(punct) if punct.as_char() == '|' => {
                    // `a | b` and `a || b` are no use on texts; a closure is likelier.
                    self.refuse(punct.span());
                    out.extend([token.clone()]);
                }
                TokenTree::Literal(literal) if in_macro => {
                    for name in captures(&literal.to_string()) {
                        if let Ok(ident) = syn::parse_str::<Ident>(&name) {
                            let ident = Ident::new(&ident.to_string(), literal.span());
                            self.take(&ident, Vec::new());
                        }
                    }
                    out.extend([token.clone()]);
                }
                other => out.extend([other.clone()]),
            }
        }
        out
    }

    fn refuse(&mut self, span: Span) {
        self.refused.get_or_insert(span);
    }

    /// The name of what is taken; the user's own for an argument as it is, so that
    /// texts may name it.
    fn take(&mut self, ident: &Ident, fields: Vec<String>) -> Ident {
        let argument = plain(ident);
        let known = self
            .takes
            .iter()
            .find(|t| t.argument == argument && t.fields == fields);
        if let Some(known) = known {
            return known.local.clone();
        }
        let local = if fields.is_empty() {
            ident.clone()
        } else {
            let name = format!("__part{}", self.takes.len());
            Ident::new(&name, Span::mixed_site().located_at(ident.span()))
        };
        self.takes.push(Take {
            local: local.clone(),
            argument,
            fields,
            ty: None,
        });
        local
    }
}

/// Whether the identifier at this place is a value's name: neither a path, nor a
/// function or macro, nor a constant.
fn is_argument(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Ident(ident)) = tokens.get(at) else {
        return false;
    };
    let name = plain(ident);
    let is = |token: Option<&TokenTree>, c: char| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c);
    let before = at.checked_sub(1).and_then(|i| tokens.get(i));
    let (next, after) = (tokens.get(at + 1), tokens.get(at + 2));
    let called = matches!(next, Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis)
        || (is(next, '!') && !is(after, '='));
    let in_path = is(before, ':') || (is(next, ':') && is(after, ':'));
    let is_field = is(before, '.');
    // `name = value` in a macro names one of its own.
    let named = is(next, '=') && !is(after, '=');
    let lower = name.starts_with(|c: char| c.is_lowercase() || c == '_') && name != "_";
    lower && !called && !in_path && !is_field && !named && !WORDS.contains(&name.as_str())
}

/// The fields after the identifier before `at`, up to a method; and where they end.
fn fields(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut fields = Vec::new();
    while let (Some(TokenTree::Punct(dot)), Some(field)) = (tokens.get(at), tokens.get(at + 1)) {
        let called = matches!(
            tokens.get(at + 2),
            Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis
        ) || matches!(tokens.get(at + 2), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        if dot.as_char() != '.' || called {
            break;
        }
        let field = field.to_token_stream();
        match Member::parse.parse2(field) {
            Ok(Member::Named(ident)) => fields.push(plain(&ident)),
            Ok(Member::Unnamed(index)) => fields.push(index.index.to_string()),
            Err(_) => break,
        }
        at += 2;
    }
    (fields, at)
}

/// The names in the braces of a format's text.
fn captures(literal: &str) -> Vec<String> {
    let mut names = Vec::new();
    if !literal.contains('"') {
        return names;
    }
    let literal = literal.replace("{{", "");
    for part in literal.split('{').skip(1) {
        let name: String = part
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.starts_with(|c: char| c.is_lowercase() || c == '_') {
            names.push(name);
        }
    }
    names
}
