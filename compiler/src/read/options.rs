//! `(timeout = "2s", next = detect)`: what stands in an annotation's brackets.

use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream, TokenTree};
use skylark_abi::schema::nearest;
use syn::{
    Expr, Token,
    parse::{ParseStream, Parser},
};

/// The options of an annotation, each known by name and given once; the values
/// are yet to be checked.
#[derive(Debug, Default)]
pub(crate) struct RawOptions {
    given: Vec<(Ident, Expr)>,
    broken: bool,
}

impl RawOptions {
    /// Reads `tokens`; every option that is not one of `allowed` is reported,
    /// and so are repetitions and missing values. The rest is still read.
    pub(crate) fn read(
        tokens: TokenStream,
        annotation: &str,
        allowed: &[&str],
        errors: &mut Errors,
    ) -> Self {
        let mut options = Self::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                match option(input, annotation, allowed) {
                    Ok((name, value)) => options.add(name, value, annotation, allowed, errors),
                    Err(error) => {
                        options.broken = true;
                        errors.push(error);
                        skip_to_comma(input)?;
                    }
                }
                if input.is_empty() {
                    break;
                }
                if let Err(error) = input.parse::<Token![,]>() {
                    errors.push(error);
                    skip_to_comma(input)?;
                    input.parse::<Option<Token![,]>>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        options
    }

    fn add(
        &mut self,
        name: Ident,
        value: Expr,
        annotation: &str,
        allowed: &[&str],
        errors: &mut Errors,
    ) {
        if !allowed.iter().any(|a| name == a) {
            errors.on(&name, unknown(&name, annotation, allowed));
        } else if self.given.iter().any(|(n, _)| *n == name) {
            errors.on(
                &name,
                format_args!("option `{name}` is given twice; leave one of them out"),
            );
        } else {
            self.given.push((name, value));
        }
    }

    /// The value of option `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Expr> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Puts other values in the place of all.
    pub(crate) fn map(&mut self, mut other: impl FnMut(&Expr) -> Option<Expr>) {
        for (_, value) in &mut self.given {
            if let Some(other) = other(value) {
                *value = other;
            }
        }
    }

    /// Whether an option could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Option `name` with the identifier that the user wrote.
    pub(crate) fn entry(&self, name: &str) -> Option<&(Ident, Expr)> {
        self.given.iter().find(|(n, _)| n == name)
    }
}

/// Options without a value.
const FLAGS: &[&str] = &["idempotent", "pure"];

fn option(
    input: ParseStream<'_>,
    annotation: &str,
    allowed: &[&str],
) -> syn::Result<(Ident, Expr)> {
    let expected = || {
        format!(
            "expected `option = value` for `#[{annotation}]`; the options are: {}",
            allowed.join(", ")
        )
    };
    let name: Ident = input
        .parse()
        .map_err(|e| syn::Error::new(e.span(), expected()))?;
    // `function(idempotent)`: there or not.
    let is_flag = FLAGS.iter().any(|flag| name == flag) && allowed.iter().any(|a| name == a);
    if is_flag && !input.peek(Token![=]) {
        let value = syn::LitBool::new(true, name.span());
        return Ok((name, syn::parse_quote!(#value)));
    }
    if !input.peek(Token![=]) {
        // `chain(detect)`: the commonest slip has its own answer.
        let message = if allowed.contains(&name.to_string().as_str()) {
            format!("option `{name}` needs a value: `{name} = …`")
        } else if allowed.contains(&"next") {
            format!("write `next = {name}` to name the successor")
        } else {
            unknown(&name, annotation, allowed)
        };
        return Err(syn::Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            name.span(),
            format!("option `{name}` needs a value after `=`"),
        ));
    }
    Ok((name, input.parse()?))
}

fn unknown(name: &Ident, annotation: &str, allowed: &[&str]) -> String {
    let meant = match (
        name == "next",
        nearest(&name.to_string(), allowed.iter().copied()),
    ) {
        (true, _) => " (only `#[skylark::chain]` has a successor)".to_owned(),
        (false, Some(near)) => format!(" (did you mean `{near}`?)"),
        (false, None) => String::new(),
    };
    format!(
        "unknown option `{name}` for `#[{annotation}]`{meant}; expected one of: {}",
        allowed.join(", ")
    )
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
