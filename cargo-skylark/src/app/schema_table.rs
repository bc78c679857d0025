//! A schema as tables.

use crate::output::{bytes, micros, table};
use skylark_abi::{
    Schema,
    call::Scope,
    schema::{Function, FunctionEntry, State, ttl_text},
};
use std::time::Duration;

/// The functions and the state of an app, for people.
pub fn render(schema: &Schema) -> String {
    let functions = table(
        ["FUNCTION", "TAKES", "GIVES", "NEXT", "OPTIONS"],
        schema.functions.iter().map(|(name, entry)| {
            [
                name.clone(),
                arguments(&entry.function),
                gives(&entry.function),
                next(entry),
                options(&entry.function),
            ]
        }),
    );
    if schema.states.is_empty() {
        return functions;
    }
    let states = table(
        ["STATE", "SCOPE", "TTL", "TYPE", "IN A"],
        schema.states.iter().map(|(name, entry)| {
            [
                name.clone(),
                scope_of(&entry.state),
                entry.state.ttl.map_or_else(|| "-".into(), ttl_text),
                entry.state.ty.clone(),
                entry.state.cell.clone(),
            ]
        }),
    );
    format!("{functions}\n\n{states}")
}

/// `app`, `chain`, `key(user)`
fn scope_of(state: &State) -> String {
    match &state.key {
        Some(key) => format!("{}({key})", scope(state.scope)),
        None => scope(state.scope).to_owned(),
    }
}

/// A scope as options spell it.
pub fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::App => "app",
        Scope::Chain => "chain",
        Scope::Key => "key",
    }
}

fn arguments(function: &Function) -> String {
    let args: Vec<String> = function
        .args
        .iter()
        .map(|arg| format!("{}: {}", arg.name, arg.ty))
        .collect();
    if args.is_empty() {
        "nothing".into()
    } else {
        args.join(", ")
    }
}

fn gives(function: &Function) -> String {
    let or_error = if function.fallible {
        " or an error"
    } else {
        ""
    };
    format!("{}{or_error}", function.output)
}

/// What follows, as options spell it, but by the names that calls use.
fn next(entry: &FunctionEntry) -> String {
    let function = &entry.function;
    let all = entry.successors.join(", ");
    let next = if function.each {
        format!("each({all})")
    } else if function.choice {
        format!("one of {all}")
    } else {
        all
    };
    let said: Vec<String> = [
        (!next.is_empty()).then_some(next),
        entry.join_to.as_ref().map(|f| format!("join {f}")),
        entry.handler.as_ref().map(|f| format!("on error {f}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    or_dash(said, "; ")
}

fn options(function: &Function) -> String {
    let options = &function.options;
    let time = |d: Duration| micros(u64::try_from(d.as_micros()).unwrap_or(u64::MAX));
    let retries = options.retries.map(|n| {
        let after = options.backoff.map_or_else(String::new, |pause| {
            format!(" after {} and longer", time(pause))
        });
        format!("retries {n}{after}")
    });
    let said: Vec<String> = [
        function.is_async.then(|| "async".to_owned()),
        options.memory.map(|m| format!("memory {}", bytes(m))),
        options.timeout.map(|d| format!("timeout {}", time(d))),
        options.on.map(|on| format!("on {on}")),
        retries,
    ]
    .into_iter()
    .flatten()
    .collect();
    or_dash(said, ", ")
}

fn or_dash(said: Vec<String>, between: &str) -> String {
    if said.is_empty() {
        "-".into()
    } else {
        said.join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::schema::Record;

    #[test]
    fn everything_is_in_it() {
        let records = [
            r#"{"abi":1,"module":"app","kind":"function","name":"detect","ident":"detect","fallible":true,
                "args":[{"name":"f","type":"Features"},{"name":"n","type":"u32"}],"output":"Detection","next":["alarm"],
                "options":{"memory":67108864,"timeout_ms":2000,"on":"Edge"}}"#,
            r#"{"abi":1,"module":"app","kind":"function","name":"alarm","ident":"alarm","args":[],"output":"()"}"#,
            r#"{"abi":1,"module":"app","kind":"function","name":"submit","ident":"submit","args":[],"output":"Vec<u8>",
                "next":["detect"],"each":true,"join":"sort","on_error":"alarm",
                "options":{"retries":3,"backoff_ms":200}}"#,
            r#"{"abi":1,"module":"app","kind":"function","name":"sort","ident":"sort","is_async":true,"args":[],
                "output":"Next<(u8, u8)>","next":["alarm","detect"],"choice":true,"options":{"retries":1}}"#,
            r#"{"abi":1,"module":"app","kind":"state","name":"CART","ident":"CART","scope":"key","key":"user","type":"u32","cell":"Mutex","ttl_ms":5400000}"#,
            r#"{"abi":1,"module":"app","kind":"state","name":"SEEN","ident":"SEEN","scope":"app","type":"u32","cell":"Mutex"}"#,
        ];
        let records = records.map(|json| serde_json::from_str::<Record>(json).unwrap());
        insta::assert_snapshot!(render(&Schema::from_records(records).unwrap()));
    }
}
