//! Serde's attributes, as far as they decide what is written and read.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Expr, Lit, Meta, Token, parse::Parser, punctuated::Punctuated};

/// Serde's attributes of one item, field or variant.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// `name`, `name = "value"`
    given: Vec<(String, Option<String>)>,
    /// `name(serialize = "a", deserialize = "b")`
    both: Vec<(String, Option<String>, Option<String>)>,
    /// Whether some are there only under a `cfg`, or are not understood.
    pub(super) unclear: bool,
    /// Whether serde's traits are derived, both of them.
    pub(super) derived: bool,
}

impl Attributes {
    pub(super) fn of(attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        let mut derived = [false; 2];
        for attr in attrs {
            let Meta::List(list) = &attr.meta else {
                continue;
            };
            let path = attr.path();
            if path.is_ident("serde") {
                read.add(list.tokens.clone());
            } else if path.is_ident("derive") {
                for path in paths(&list.tokens) {
                    derived[0] |= path == "Serialize";
                    derived[1] |= path == "Deserialize";
                }
            } else if path.is_ident("cfg_attr") {
                let text = list.tokens.to_string();
                read.unclear |= ["serde", "Serialize", "Deserialize"]
                    .iter()
                    .any(|word| text.contains(word));
            }
        }
        read.derived = derived == [true; 2];
        read
    }

    fn add(&mut self, tokens: TokenStream) {
        let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens);
        let Ok(metas) = metas else {
            self.unclear = true;
            return;
        };
        for meta in metas {
            let name = meta.path().to_token_stream().to_string();
            match meta {
                Meta::Path(_) => self.given.push((name, None)),
                Meta::NameValue(pair) => self.given.push((name, string(&pair.value))),
                Meta::List(list) => {
                    let inner = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens);
                    let inner: Vec<Meta> = inner.into_iter().flatten().collect();
                    let side = |wanted: &str| {
                        inner.iter().find_map(|meta| match meta {
                            Meta::NameValue(pair) if pair.path.is_ident(wanted) => {
                                string(&pair.value)
                            }
                            _ => None,
                        })
                    };
                    self.both
                        .push((name, side("serialize"), side("deserialize")));
                }
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(n, _)| n == name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(n, _)| n == name);
        found.and_then(|(_, value)| value.as_deref())
    }

    /// What `name` says for writing and for reading.
    pub(super) fn sides(&self, name: &str) -> (Option<&str>, Option<&str>) {
        match self.both.iter().find(|(n, ..)| n == name) {
            Some((_, write, read)) => (write.as_deref(), read.as_deref()),
            None => (self.value(name), self.value(name)),
        }
    }

    pub(super) fn aliases(&self) -> impl Iterator<Item = String> {
        let aliases = self.given.iter().filter(|(n, _)| n == "alias");
        aliases.filter_map(|(_, value)| value.clone())
    }

    /// The function or module that writes or reads in place of the type's own, as
    /// text.
    pub(super) fn by_hand(&self) -> Option<String> {
        let hands = ["with", "serialize_with", "deserialize_with", "getter"];
        let given: Vec<&str> = hands.iter().filter_map(|name| self.value(name)).collect();
        (!given.is_empty()).then(|| given.join("+"))
    }
}

fn paths(tokens: &TokenStream) -> Vec<String> {
    let paths = Punctuated::<syn::Path, Token![,]>::parse_terminated.parse2(tokens.clone());
    let last = |path: syn::Path| path.segments.last().map(|s| s.ident.to_string());
    paths.into_iter().flatten().filter_map(last).collect()
}

fn string(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A name under `rename_all = "rule"`; `None` for a rule that serde does not have.
pub(super) fn renamed(name: &str, rule: &str, variant: bool) -> Option<String> {
    // The words of the name: a variant's begin with capitals.
    let words: Vec<String> = if variant {
        let mut words = Vec::new();
        for c in name.chars() {
            match words.last_mut() {
                Some(word) if !c.is_uppercase() => String::push(word, c),
                _ => words.push(c.to_string()),
            }
        }
        words
    } else {
        name.split('_').map(str::to_owned).collect()
    };
    let lower = || words.iter().map(|w| w.to_lowercase()).collect::<Vec<_>>();
    let upper = || words.iter().map(|w| w.to_uppercase()).collect::<Vec<_>>();
    let pascal = || words.iter().map(|w| capital(w)).collect::<String>();
    Some(match rule {
        "lowercase" if variant => name.to_lowercase(),
        "UPPERCASE" if variant => name.to_uppercase(),
        "lowercase" => name.to_owned(),
        "UPPERCASE" => name.to_uppercase(),
        "PascalCase" if variant => name.to_owned(),
        "PascalCase" => pascal(),
        "camelCase" => {
            let pascal = if variant { name.to_owned() } else { pascal() };
            let mut chars = pascal.chars();
            let first = chars.next().map(|c| c.to_ascii_lowercase());
            first.into_iter().chain(chars).collect()
        }
        "snake_case" if !variant => name.to_owned(),
        "snake_case" => lower().join("_"),
        "SCREAMING_SNAKE_CASE" => upper().join("_"),
        "kebab-case" => lower().join("-"),
        "SCREAMING-KEBAB-CASE" => upper().join("-"),
        _ => return None,
    })
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_renamed_as_serde_does() {
        for (rule, field, variant) in [
            ("lowercase", "very_tasty", "verytasty"),
            ("UPPERCASE", "VERY_TASTY", "VERYTASTY"),
            ("PascalCase", "VeryTasty", "VeryTasty"),
            ("camelCase", "veryTasty", "veryTasty"),
            ("snake_case", "very_tasty", "very_tasty"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY"),
            ("kebab-case", "very-tasty", "very-tasty"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY"),
        ] {
            assert_eq!(renamed("very_tasty", rule, false).as_deref(), Some(field));
            assert_eq!(renamed("VeryTasty", rule, true).as_deref(), Some(variant));
        }
        assert_eq!(renamed("x", "Train-Case", false), None);
    }
}
