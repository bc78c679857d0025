//! What was read → what is known to be right. The types of this module hold
//! checked values only: a `Duration` where the user wrote `"2s"`.

#[cfg(feature = "krate")]
mod accept;
#[cfg(feature = "krate")]
pub(crate) mod app;
mod borrow;
mod client;
#[cfg(feature = "krate")]
pub(crate) mod code;
#[cfg(feature = "krate")]
mod demand;
mod function;
mod init;
mod key;
#[cfg(feature = "krate")]
mod keyed;
#[cfg(feature = "krate")]
pub(crate) mod lints;
mod object;
mod option;
mod past;
mod service;
mod state;
mod touch;
mod ttl;
mod unit;

pub(crate) use client::{External, Nondet};
pub(crate) use function::{Arg, Flow, Function, Yields};
pub(crate) use init::Init;
pub(crate) use key::{Key, Take};
pub(crate) use object::Object;
pub(crate) use service::{Service, is_key};
pub(crate) use state::{Storage, Variable, collection_of};

use crate::{errors::Errors, read::Raw};
use proc_macro2::Ident;
use skylark_abi::names::{MAX_NAME, is_valid_name};
use syn::{Expr, ExprLit, Lit, LitStr};

/// A checked item.
#[derive(Debug)]
pub(crate) enum Item {
    /// A handler.
    Function(Box<Function>),
    /// One or several variables.
    State(Vec<Variable>),
    /// A struct whose fields are state.
    Object(Box<Object>),
    /// An impl whose methods are functions.
    Service(Box<Service>),
    /// A server outside.
    External(Box<External>),
    /// A function whose value is recorded.
    Nondet(Box<Nondet>),
    /// A static that is built.
    Init(Box<Init>),
}

/// Checks what one item can answer. Everything wrong is reported; the item
/// comes back if enough of it is left to make sense of.
pub(crate) fn item(raw: Raw, errors: &mut Errors) -> Option<Item> {
    match raw {
        Raw::Function(raw) => {
            function::check(*raw, errors).map(|function| Item::Function(Box::new(function)))
        }
        Raw::External(raw) => {
            client::external(*raw, errors).map(|external| Item::External(Box::new(external)))
        }
        Raw::Nondet(raw) => Some(Item::Nondet(Box::new(client::nondet(*raw, errors)))),
        Raw::Init(raw) => init::check(*raw, errors).map(|init| Item::Init(Box::new(init))),
        Raw::Object(raw) => {
            object::check(*raw, errors).map(|object| Item::Object(Box::new(object)))
        }
        Raw::Service(raw) => {
            service::check(*raw, errors).map(|service| Item::Service(Box::new(service)))
        }
        Raw::State(raw) => Some(Item::State(state::check(raw, errors))),
    }
}

/// The name that an option gives, else the item's own, if it may be a name.
fn name(
    ident: &Ident,
    option: &str,
    given: Option<&Expr>,
    what: &str,
    errors: &mut Errors,
) -> Option<String> {
    let rule = rule(what);
    match given {
        Some(value) => {
            let text = string(value, option, errors)?;
            let name = text.value();
            if !is_valid_name(&name) {
                errors.on(text, format_args!("`{name}` cannot name a {what}; {rule}"));
                return None;
            }
            Some(name)
        }
        None => {
            let name = crate::read::plain(ident);
            if !is_valid_name(&name) {
                errors.on(
                    ident,
                    format_args!(
                        "`{name}` cannot name a {what}; {rule}; give it another name with `{option} = \"…\"`"
                    ),
                );
                return None;
            }
            Some(name)
        }
    }
}

/// The rule for names of `what`s.
fn rule(what: &str) -> String {
    format!(
        "names of {what}s are letters, digits, `_` and `-`, beginning with a letter or `_`, of at most {MAX_NAME} bytes"
    )
}

/// The name of what belongs to a struct: `Hotel-reserve`. Rust has no `-` in names,
/// so it is nobody else's.
fn joined(
    prefix: &str,
    own: &str,
    at: impl quote::ToTokens,
    option: &str,
    what: &str,
    errors: &mut Errors,
) -> Option<String> {
    let name = format!("{prefix}-{own}");
    if is_valid_name(&name) {
        return Some(name);
    }
    errors.on(
        at,
        format_args!(
            "`{name}` cannot name a {what}; {}; give it another name with `{option} = \"…\"`",
            rule(what)
        ),
    );
    None
}

/// The string literal that option `name` must be.
fn string<'a>(value: &'a Expr, name: &str, errors: &mut Errors) -> Option<&'a LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => {
            let written = crate::read::text(value);
            let hint = match value {
                Expr::Path(_) => format!(": `{name} = \"{written}\"`"),
                _ => String::new(),
            };
            errors.on(
                value,
                format_args!("option `{name}` takes a string literal{hint}"),
            );
            None
        }
    }
}
