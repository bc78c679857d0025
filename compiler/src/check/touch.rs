//! Which fields of `self` a method can touch, as far as its tokens show.
//!
//! A use of `self` that is anything but `self.field`, or a call of a method of the
//! same impl, may touch all. So may a macro that is not one of the standard ones,
//! an attribute that may rewrite the method, and `{self}` in a text.

use crate::read::{Handler, plain};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// The methods of an impl.
pub(super) struct Touch<'a> {
    /// By name: several, where a `#[cfg]` chooses. In the impl of a trait, a method of
    /// this name may be another's.
    methods: BTreeMap<String, Vec<&'a Handler>>,
}

/// Fields, or `None` for all of them.
type Fields = Option<BTreeSet<String>>;

/// Attributes that do nothing to the body.
const PLAIN_ATTRIBUTES: [&str; 14] = [
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "rustfmt",
    "clippy",
    "track_caller",
    "warn",
];

/// Macros that take expressions for what they are.
const PLAIN_MACROS: [&str; 23] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "call",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
    "join",
];

impl<'a> Touch<'a> {
    pub(super) fn new(methods: &[&'a Handler], of_trait: bool) -> Self {
        let mut by_name: BTreeMap<String, Vec<&Handler>> = BTreeMap::new();
        for method in methods.iter().filter(|_| !of_trait) {
            let name = plain(&method.sig.ident);
            by_name.entry(name).or_default().push(method);
        }
        Self { methods: by_name }
    }

    /// What a method can touch.
    pub(super) fn of(&self, method: &Handler) -> Fields {
        let mut fields = BTreeSet::new();
        let mut seen = BTreeSet::from([plain(&method.sig.ident)]);
        self.method(method, &mut fields, &mut seen)
            .then_some(fields)
    }

    /// Adds what a method can touch; `false` if that is not known.
    fn method(
        &self,
        method: &Handler,
        fields: &mut BTreeSet<String>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        let plain_attributes = method.attrs.iter().all(|attr| {
            let path = &attr.path().segments;
            let plain = |name: &syn::Ident| PLAIN_ATTRIBUTES.iter().any(|plain| name == plain);
            match (path.len(), path.first(), path.last()) {
                // `skylark::accept`, whatever the runtime is called.
                (2, Some(first), Some(last)) => plain(&first.ident) || last.ident == "accept",
                (_, first, _) => first.is_some_and(|s| plain(&s.ident)),
            }
        });
        plain_attributes && self.tokens(method.body.clone(), fields, seen)
    }

    fn tokens(
        &self,
        tokens: TokenStream,
        fields: &mut BTreeSet<String>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(ident) if ident == "self" => {
                    let [dot, name, rest @ ..] = &tokens[at..] else {
                        return false;
                    };
                    at += 2;
                    let is_call = match rest {
                        [TokenTree::Group(group), ..] => {
                            group.delimiter() == Delimiter::Parenthesis
                        }
                        // `self.find::<T>()`
                        [TokenTree::Punct(punct), ..] => punct.as_char() == ':',
                        _ => false,
                    };
                    if !is_punct(dot, '.') || !self.member(name, is_call, fields, seen) {
                        return false;
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '!' => {
                    let before = at.checked_sub(2).and_then(|before| tokens.get(before));
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(group))) =
                        (before, tokens.get(at))
                        && !PLAIN_MACROS.iter().any(|plain| name == plain)
                        && mentions_self(group.stream())
                    {
                        return false;
                    }
                }
                TokenTree::Group(group) if !self.tokens(group.stream(), fields, seen) => {
                    return false;
                }
                TokenTree::Literal(literal) if literal.to_string().contains("{self") => {
                    return false;
                }
                _ => {}
            }
        }
        true
    }

    /// `self.name`, or `self.name(…)`.
    fn member(
        &self,
        name: &TokenTree,
        is_call: bool,
        fields: &mut BTreeSet<String>,
        seen: &mut BTreeSet<String>,
    ) -> bool {
        match name {
            TokenTree::Ident(name) if is_call => {
                let name = plain(name);
                let Some(methods) = self.methods.get(&name) else {
                    return false;
                };
                let mut methods = methods.iter();
                !seen.insert(name) || methods.all(|method| self.method(method, fields, seen))
            }
            TokenTree::Ident(name) => {
                fields.insert(plain(name));
                true
            }
            // `self.0.1` has a number `0.1`.
            TokenTree::Literal(index) => {
                let index = index.to_string();
                fields.insert(index.split('.').next().unwrap_or_default().to_owned());
                true
            }
            _ => false,
        }
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Literal(literal) => literal.to_string().contains("{self"),
        TokenTree::Punct(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::TokenStream;

    #[test]
    fn what_is_seen_is_what_is_touched() {
        for (body, wanted) in [
            ("1", Some("")),
            ("self.rooms", Some("rooms")),
            (
                "self.rooms.len() + self.0.1 + self.r#type",
                Some("0 rooms type"),
            ),
            (
                "self.rooms = 1; let f = || { self.seats.push(2) };",
                Some("rooms seats"),
            ),
            ("format!(\"{} {self_x}\", self.rooms)", None),
            (
                "format!(\"{} {}\", self.rooms, x != (self.seats))",
                Some("rooms seats"),
            ),
            ("self.helper()?; self.rooms", Some("gone other_gone rooms")),
            ("self.other()", None),
            ("self.generic::<u8>()", None),
            ("show(self)", None),
            ("*self = Self::default()", None),
            ("let Self { rooms, .. } = self;", None),
            ("Self::helper(self)", None),
            ("println!(\"{self:?}\")", None),
            ("tell!(self.rooms)", None),
            ("tell!(rooms)", Some("")),
            ("self", None),
            ("self.", None),
        ] {
            let handler = |text: String| -> Handler {
                syn::parse2(text.parse::<TokenStream>().unwrap()).unwrap()
            };
            let method = handler(format!("fn f(&self) {{ {body} }}"));
            let helper = handler("fn helper(&self) { self.gone; self.f() }".into());
            let other = handler("#[cfg(a)] fn helper(&self) { self.other_gone }".into());
            let methods = [&method, &helper, &other];
            let found = Touch::new(&methods, false).of(&method);
            let found = found.map(|fields| fields.into_iter().collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), wanted, "{body}");
            let in_trait = Touch::new(&methods, true).of(&method);
            assert!(!body.contains("helper") || in_trait.is_none(), "{body}");
        }
        let instrumented: Handler = syn::parse_quote!(
            #[instrument]
            fn f(&self) {
                self.rooms
            }
        );
        assert_eq!(Touch::new(&[], false).of(&instrumented), None);
    }
}
