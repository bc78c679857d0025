//! A schema as tables.

use crate::output::{bytes, micros, table};
use skylark_abi::{
    Schema,
    call::Scope,
    schema::{Function, FunctionEntry},
};

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
        ["STATE", "SCOPE", "TYPE", "IN A"],
        schema.states.iter().map(|(name, entry)| {
            [
                name.clone(),
                scope(entry.state.scope).to_owned(),
                entry.state.ty.clone(),
                entry.state.cell.clone(),
            ]
        }),
    );
    format!("{functions}\n\n{states}")
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

fn next(entry: &FunctionEntry) -> String {
    if entry.successors.is_empty() {
        "-".into()
    } else {
        entry.successors.join(", ")
    }
}

fn options(function: &Function) -> String {
    let options = &function.options;
    let timeout = options.timeout.map(|d| {
        format!(
            "timeout {}",
            micros(u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
        )
    });
    let said: Vec<String> = [
        function.is_async.then(|| "async".to_owned()),
        options.memory.map(|m| format!("memory {}", bytes(m))),
        timeout,
        options.on.map(|on| format!("on {on}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if said.is_empty() {
        "-".into()
    } else {
        said.join(", ")
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
            r#"{"abi":1,"module":"app","kind":"state","name":"SEEN","ident":"SEEN","scope":"app","type":"u32","cell":"Mutex"}"#,
        ];
        let records = records.map(|json| serde_json::from_str::<Record>(json).unwrap());
        insta::assert_snapshot!(render(&Schema::from_records(records).unwrap()));
    }
}
