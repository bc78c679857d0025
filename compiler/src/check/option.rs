//! The options of a function: limits and placement.

use super::{string, unit};
use crate::{
    errors::Errors,
    read::{RawOptions, text},
};
use skylark_abi::schema::{Demand, NodeType, Options, nearest};
use std::time::Duration;
use syn::{Expr, ExprLit, Lit};

/// Most executions again that can be asked for.
const MAX_RETRIES: u32 = 100;

/// Checks `memory`, `timeout`, `on`, `retries`, `backoff`, `fuse`, `idempotent` and `pure`.
pub(super) fn check(raw: &RawOptions, errors: &mut Errors) -> Options {
    if let (Some((backoff, _)), None) = (raw.entry("backoff"), raw.entry("retries")) {
        errors.on(
            backoff,
            "option `backoff` is the pause before the first of `retries`, which are not given; \
             write `retries = 3` too, or leave it out",
        );
    }
    Options {
        memory: raw.get("memory").and_then(|v| memory(v, errors)),
        timeout: raw.get("timeout").and_then(|v| timeout(v, errors)),
        on: raw.get("on").and_then(|v| node_type(v, errors)),
        retries: raw.get("retries").and_then(|v| retries(v, errors)),
        backoff: raw.get("backoff").and_then(|v| backoff(v, errors)),
        demand: demand(raw, errors),
        fuse: raw.get("fuse").and_then(|v| fuse(v, errors)),
    }
}

/// `idempotent` or `pure`; each stands alone, and the second says more.
fn demand(raw: &RawOptions, errors: &mut Errors) -> Option<Demand> {
    for name in ["idempotent", "pure"] {
        if let Some(value) = raw.get(name)
            && !matches!(value, Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) if flag.value)
        {
            errors.on(
                value,
                format_args!("option `{name}` stands alone: write `{name}`, or leave it out"),
            );
        }
    }
    match (raw.entry("pure"), raw.entry("idempotent")) {
        (Some(_), Some((idempotent, _))) => {
            errors.on(
                idempotent,
                "what is `pure` is idempotent anyway; leave one of the two out",
            );
            None
        }
        (Some(_), None) => Some(Demand::Pure),
        (None, Some(_)) => Some(Demand::Idempotent),
        (None, None) => None,
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
    time("timeout", value, "no function runs in no time", errors)
}

fn backoff(value: &Expr, errors: &mut Errors) -> Option<Duration> {
    time(
        "backoff",
        value,
        "leave it out for the node's own pause",
        errors,
    )
}

/// The `ttl` of state.
pub(super) fn ttl(value: &Expr, errors: &mut Errors) -> Option<Duration> {
    let checked = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(amount),
            ..
        }) => unit::lifetime(&amount.value()),
        Expr::Lit(ExprLit {
            lit: Lit::Int(_) | Lit::Float(_),
            ..
        }) => Err(format!(
            "has no unit; write `ttl = \"{}h\"`, or another of ms, s, m, h, d",
            text(value)
        )),
        _ => Err("is no amount of time; write a number and a unit, like \"24h\"".into()),
    };
    report(checked, "ttl", value, errors)
}

fn time(option: &str, value: &Expr, zero: &str, errors: &mut Errors) -> Option<Duration> {
    let checked = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(amount),
            ..
        }) => unit::time(&amount.value(), zero),
        Expr::Lit(ExprLit {
            lit: Lit::Int(_) | Lit::Float(_),
            ..
        }) => Err(format!(
            "has no unit; write `{option} = \"{}s\"`, or another of ms, s, m, h",
            text(value)
        )),
        _ => Err("is no amount of time; write a number and a unit, like \"2s\"".into()),
    };
    report(checked, option, value, errors)
}

fn retries(value: &Expr, errors: &mut Errors) -> Option<u32> {
    let number = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) if number.suffix().is_empty() => number.base10_parse::<u32>().ok(),
        _ => None,
    };
    let checked = match number {
        Some(0) => Err("is zero: leave it out".into()),
        Some(number) if number <= MAX_RETRIES => Ok(number),
        _ => Err(format!(
            "takes a number from 1 to {MAX_RETRIES}: how often to execute it again"
        )),
    };
    report(checked, "retries", value, errors)
}

fn fuse(value: &Expr, errors: &mut Errors) -> Option<bool> {
    let checked = match value {
        Expr::Lit(ExprLit {
            lit: Lit::Bool(fuse),
            ..
        }) if !fuse.value => Ok(false),
        Expr::Lit(ExprLit {
            lit: Lit::Bool(_), ..
        }) => Err("is true unless you say otherwise: leave it out".into()),
        _ => Err("takes `false`: the function then has its instance to itself".into()),
    };
    report(checked, "fuse", value, errors)
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
