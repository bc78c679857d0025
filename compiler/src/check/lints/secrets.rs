//! Passwords and keys, in state and in the source.

use super::{Lints, stored::variables};
use crate::{
    analyse::{ItemId, Kind, Res, Scope, Site, Ty},
    check::code::{Code, Diagnostic},
    read::plain,
};
use std::collections::BTreeSet;
use syn::{Fields, LitStr, visit::Visit};

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for variable in variables(lints) {
        let item = &lints.index.items[variable.item];
        let scope = Scope {
            module: item.module,
            ..Scope::default()
        };
        let ty = lints.index.ty(variable.ty, &scope);
        let own = variable.name.rsplit("::").next().unwrap_or_default();
        if is_secret(own) && holds_text(&ty) {
            found.push(in_state(lints, variable.site, own, &variable.name));
        }
        let mut parts = Vec::new();
        own_types(&ty, &mut parts);
        while let Some(id) = parts.pop() {
            if seen.insert(id) {
                of_type(lints, id, &variable.name, &mut parts, found);
            }
        }
    }
    literals(lints, found);
}

/// The types of the crate in a type.
fn own_types(ty: &Ty, found: &mut Vec<ItemId>) {
    match ty {
        Ty::Named(res, arguments) => {
            if let Res::Item(item) = res {
                found.push(*item);
            }
            arguments.iter().for_each(|ty| own_types(ty, found));
        }
        Ty::Ref(inner) | Ty::List(inner) => own_types(inner, found),
        Ty::Tuple(types) => types.iter().for_each(|ty| own_types(ty, found)),
        _ => {}
    }
}

/// Secrets among the fields of a type that is kept in a variable.
fn of_type(
    lints: &Lints<'_, '_>,
    id: ItemId,
    variable: &str,
    parts: &mut Vec<ItemId>,
    found: &mut Vec<Diagnostic>,
) {
    let item = &lints.index.items[id];
    let mut fields = |fields: &Fields| {
        for field in fields {
            let skipped = field.attrs.iter().any(|attr| {
                attr.path().is_ident("serde") && crate::read::text(attr).contains("skip")
            });
            if skipped {
                continue;
            }
            let scope = Scope {
                module: item.module,
                ..Scope::default()
            };
            let ty = lints.index.ty(&field.ty, &scope);
            own_types(&ty, parts);
            if let Some(ident) = &field.ident
                && is_secret(&plain(ident))
                && holds_text(&ty)
            {
                let site = Site {
                    file: item.site.file,
                    span: ident.span(),
                };
                found.push(in_state(lints, site, &plain(ident), variable));
            }
        }
    };
    match &item.kind {
        Kind::Struct(of) => fields(&of.fields),
        Kind::Enum(of) => of
            .variants
            .iter()
            .for_each(|variant| fields(&variant.fields)),
        _ => {}
    }
}

/// Whether a name says that what it names must not be told.
fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 8] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "secrets",
        "passwords",
        "pwd",
        "credentials",
    ];
    const PAIRS: [(&str, &[&str]); 2] = [
        (
            "key",
            &[
                "api",
                "private",
                "secret",
                "access",
                "signing",
                "encryption",
                "master",
            ],
        ),
        (
            "token",
            &["access", "auth", "api", "bearer", "refresh", "session"],
        ),
    ];
    // What is made of one and does not tell it, or only speaks of it.
    const HARMLESS: [&str; 14] = [
        "hash", "hashes", "hashed", "digest", "public", "count", "len", "length", "id", "ids",
        "kind", "name", "reset", "expires",
    ];
    let name = name.to_ascii_lowercase();
    let name = name
        .replace("apikey", "api_key")
        .replace("privatekey", "private_key");
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| HARMLESS.contains(word)) {
        return false;
    }
    let single = words.iter().any(|word| SECRETS.contains(word)) || words == ["token"];
    let pair = words.windows(2).any(|pair| {
        let last = pair[1].trim_end_matches('s');
        PAIRS
            .iter()
            .any(|(of, firsts)| last == *of && firsts.contains(&pair[0]))
    });
    single || pair
}

/// Whether a type may hold a text or bytes: a secret is no number or flag.
fn holds_text(ty: &Ty) -> bool {
    match ty {
        Ty::Named(Res::Foreign(path), arguments) => {
            path == "std::string::String"
                || path == "str"
                || path == "u8"
                || arguments.iter().any(holds_text)
        }
        Ty::Named(Res::Item(_), _) => true,
        Ty::Ref(inner) | Ty::List(inner) => holds_text(inner),
        Ty::Tuple(types) => types.iter().any(holds_text),
        Ty::Unknown => true,
        _ => false,
    }
}

fn in_state(lints: &Lints<'_, '_>, site: Site, name: &str, variable: &str) -> Diagnostic {
    let message = format!("`{name}` in the state `{variable}` looks like a secret");
    let mut d = lints.finding(Code::Secret, site, message);
    d.label = "kept in the store as it is, and shown by `cargo skylark state get`".into();
    d.help = vec!["keep a hash of it".into()];
    d
}

/// Literals that are keys by their form.
fn literals(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    struct Find<'a, 'm, 'l>(&'a Lints<'l, 'm>, usize, &'a mut Vec<Diagnostic>);
    impl Visit<'_> for Find<'_, '_, '_> {
        fn visit_lit_str(&mut self, literal: &LitStr) {
            let Some(what) = key(&literal.value()) else {
                return;
            };
            let site = Site {
                file: self.1,
                span: literal.span(),
            };
            let message = format!("{what} is written in the source");
            let mut d = self.0.finding(Code::Secret, site, message);
            d.label = "goes to every node, in the module".into();
            d.help = vec!["take it out, and have it replaced by who gave it".into()];
            self.2.push(d);
        }

        fn visit_attribute(&mut self, _: &syn::Attribute) {}

        fn visit_macro(&mut self, mac: &syn::Macro) {
            let syntax = self.0.index.model.syntax.get(self.1);
            if let Some(Some(syntax)) = syntax {
                for expr in syntax.exprs(mac).into_iter().flatten() {
                    self.visit_expr(expr);
                }
            }
        }

        fn visit_item_mod(&mut self, item: &syn::ItemMod) {
            if !crate::read::krate::is_test(&item.attrs) {
                syn::visit::visit_item_mod(self, item);
            }
        }

        fn visit_item_fn(&mut self, item: &syn::ItemFn) {
            if !item.attrs.iter().any(|attr| attr.path().is_ident("test")) {
                syn::visit::visit_item_fn(self, item);
            }
        }
    }
    for (file, syntax) in lints.index.model.syntax.iter().enumerate() {
        if let Some(syntax) = syntax {
            Find(lints, file, found).visit_file(&syntax.file);
        }
    }
}

/// What a text is a key of, if it has the form of one.
fn key(text: &str) -> Option<&'static str> {
    let word = |prefix: &str, least: usize| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= least
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
    };
    let private =
        text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") && text.len() > 100;
    if private {
        return Some("a private key");
    }
    let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if text.len() == 20
        && (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && text.bytes().all(upper)
    {
        return Some("an access key of AWS");
    }
    [
        ("ghp_", 36, "a token of GitHub"),
        ("github_pat_", 36, "a token of GitHub"),
        ("glpat-", 20, "a token of GitLab"),
        ("sk_live_", 16, "a key of Stripe"),
        ("rk_live_", 16, "a key of Stripe"),
        ("xoxb-", 20, "a token of Slack"),
        ("xoxp-", 20, "a token of Slack"),
        ("AIza", 35, "a key of Google"),
    ]
    .into_iter()
    .find_map(|(prefix, least, what)| word(prefix, least).then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell() {
        for name in [
            "password",
            "PASSWORD",
            "db_password",
            "client_secret",
            "API_KEY",
            "apikey",
            "private_keys",
            "access_token",
            "token",
            "passphrase",
            "aws_secret_access_key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "password_hash",
            "key",
            "keys",
            "tokens",
            "token_count",
            "next_token",
            "secretary",
            "public_key",
            "api_key_id",
            "primary_key",
            "hashed_password",
            "accesses",
            "room_key",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn texts_that_are_keys() {
        // Put together here, so that nobody takes this file for one that has them.
        let long = "0123456789abcdefghijABCDEFGHIJklmnop";
        for (prefix, rest) in [
            ("AKIA", "IOSFODNN7EXAMPLE"),
            ("ghp_", long),
            ("sk_live_", long),
        ] {
            assert!(key(&format!("{prefix}{rest}")).is_some(), "{prefix}");
        }
        for text in [
            "AKIA",
            "AKIAs are keys of AWS",
            "ghp_",
            "sk_live_ is a prefix",
            long,
        ] {
            assert!(key(text).is_none(), "{text}");
        }
    }
}
