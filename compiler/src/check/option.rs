//! The options of a function: limits and placement.

use super::{string, unit};
use crate::{
    errors::Errors,
    read::{RawOptions, text},
};
use skylark_abi::schema::{NodeType, Options, nearest};
use std::time::Duration;
use syn::{Expr, ExprLit, Lit};

/// Checks `memory`, `timeout` and `on`.
pub(super) fn check(raw: &RawOptions, errors: &mut Errors) -> Options {
    Options {
        memory: raw.get("memory").and_then(|v| memory(v, errors)),
        timeout: raw.get("timeout").and_then(|v| timeout(v, errors)),
        on: raw.get("on").and_then(|v| node_type(v, errors)),
        retries: None,
        backoff: None,
    }
}

fn memory(value: &Expr, errors: &mut Errors) -> Option<u64> {
    let checked = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(bytes),
            ..
        }) if bytes.suffix().is_empty() => match bytes.base10_parse() {
            Ok(bytes) => unit::bytes_in_range(bytes),
            Err(_) => Err("is too large a number".into()),
        },
        Expr::Lit(ExprLit {
            lit: Lit::Str(amount),
            ..
        }) => unit::memory(&amount.value()),
        _ => Err("is no amount of memory; write \"64MiB\", or a number of bytes".into()),
    };
    report(checked, "memory", value, errors)
}

fn timeout(value: &Expr, errors: &mut Errors) -> Option<Duration> {
    let checked = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(amount),
            ..
        }) => unit::time(&amount.value()),
        Expr::Lit(ExprLit {
            lit: Lit::Int(_) | Lit::Float(_),
            ..
        }) => Err(format!(
            "has no unit; write `timeout = \"{}s\"`, or another of ms, s, m, h",
            text(value)
        )),
        _ => Err("is no amount of time; write a number and a unit, like \"2s\"".into()),
    };
    report(checked, "timeout", value, errors)
}

fn report<T>(
    checked: Result<T, String>,
    option: &str,
    value: &Expr,
    errors: &mut Errors,
) -> Option<T> {
    checked
        .map_err(|why| errors.on(value, format_args!("option `{option}` {why}")))
        .ok()
}

fn node_type(value: &Expr, errors: &mut Errors) -> Option<NodeType> {
    let written = match value {
        Expr::Lit(_) => string(value, "on", errors)?.value(),
        _ => text(value),
    };
    let found = NodeType::parse(&written);
    if found.is_none() {
        let names = NodeType::ALL.map(NodeType::as_str);
        let meant = nearest(&written, names)
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default();
        errors.on(
            value,
            format_args!(
                "`{written}` is no type of node{meant}; expected one of: {}",
                names.join(", ")
            ),
        );
    }
    found
}
