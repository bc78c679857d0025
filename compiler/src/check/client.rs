//! Functions of servers outside, and functions whose value is recorded.

use super::{Arg, Yields, function, string};
use crate::{
    errors::Errors,
    read::{Handler, RawExternal, RawNondet, RawOptions, plain, text},
};
use skylark_abi::schema::nearest;
use syn::Expr;

/// A function of a server outside.
#[derive(Debug)]
pub(crate) struct External {
    /// The declaration.
    pub(crate) item: Handler,
    /// `POST`, …
    pub(crate) method: &'static str,
    /// Where to, with `{argument}`s.
    pub(crate) url: String,
    /// Its arguments.
    pub(crate) args: Vec<Arg>,
    /// What it yields.
    pub(crate) yields: Yields,
}

/// A function whose value is recorded.
#[derive(Debug)]
pub(crate) struct Nondet {
    /// The function.
    pub(crate) item: Handler,
}

/// What `method` may be.
const METHODS: [(&str, &str); 5] = [
    ("delete", "DELETE"),
    ("get", "GET"),
    ("patch", "PATCH"),
    ("post", "POST"),
    ("put", "PUT"),
];

pub(super) fn external(raw: RawExternal, errors: &mut Errors) -> Option<External> {
    let RawExternal {
        span,
        options,
        item,
    } = raw;
    let body = item.body.to_string();
    if body != ";" {
        errors.on(
            &item.body,
            "the server outside has the body of this function: end the declaration with `;`",
        );
    }
    let sig = &item.sig;
    if sig.asyncness.is_none() {
        errors.on(
            sig.fn_token,
            "an answer from outside is awaited: write `async fn`",
        );
    }
    function::modifiers(sig, errors);
    function::not_main(sig, errors);
    function::generics(sig, errors);
    let args = function::args(sig, errors);
    let yields = function::yields(sig, errors);
    let method = method(&options, errors);
    let url = match options.get("url") {
        Some(value) => url(value, &args, errors),
        None => {
            if !options.is_broken() {
                errors.at(
                    span,
                    "`#[skylark::external]` needs to know the server: `url = \"https://…\"`",
                );
            }
            None
        }
    };
    Some(External {
        url: url?,
        method: method?,
        args,
        yields: yields?,
        item,
    })
}

fn method(options: &RawOptions, errors: &mut Errors) -> Option<&'static str> {
    let Some(value) = options.get("method") else {
        return Some("POST");
    };
    let written = match value {
        Expr::Lit(_) => string(value, "method", errors)?.value(),
        _ => text(value),
    };
    let found = METHODS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&written));
    if found.is_none() {
        let names = METHODS.map(|(name, _)| name);
        let meant = nearest(&written, names)
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default();
        errors.on(
            value,
            format_args!(
                "`{written}` is no method{meant}; expected one of: {}",
                names.join(", ")
            ),
        );
    }
    found.map(|(_, method)| *method)
}

fn url(value: &Expr, args: &[Arg], errors: &mut Errors) -> Option<String> {
    let literal = string(value, "url", errors)?;
    let url = literal.value();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        errors.on(
            literal,
            "a server's address begins with `https://` or `http://`",
        );
        return None;
    }
    let mut rest = url.as_str();
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            errors.on(literal, "this address has a `{` without its `}`");
            return None;
        };
        if !args.iter().any(|arg| plain(&arg.ident) == name) {
            let names: Vec<String> = args.iter().map(|arg| plain(&arg.ident)).collect();
            let meant = nearest(name, names.iter().map(String::as_str))
                .map(|near| format!("; did you mean `{{{near}}}`?"))
                .unwrap_or_default();
            errors.on(
                literal,
                format_args!("`{{{name}}}` is no argument of this function{meant}"),
            );
            return None;
        }
        rest = after;
    }
    Some(url)
}

pub(super) fn nondet(raw: RawNondet, errors: &mut Errors) -> Nondet {
    let sig = &raw.item.sig;
    if let Some(token) = &sig.asyncness {
        errors.on(
            token,
            "what is recorded is computed at once, and awaits nothing; what a function awaits is \
             recorded anyway",
        );
    }
    if let Some(token) = &sig.constness {
        errors.on(
            token,
            "a `const fn` gives the same each time; leave `#[skylark::nondet]` out",
        );
    }
    Nondet { item: raw.item }
}
