//! Where a trap was, in the names of the app's own functions.

use skylark_abi::{
    Schema,
    names::{FUNCTION_PREFIX, MAX_SHOWN, is_of_crate},
};
use wasmtime::WasmBacktrace;

/// Most functions that a trace names.
const MAX_FUNCTIONS: usize = 5;

/// ` in `inner`, called by `outer``: where it fell in the functions of the app's own crate,
/// each of them once; if none of them has a name, in the innermost that has one.
pub(super) fn place(error: &wasmtime::Error, schema: Option<&Schema>) -> String {
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = trace.into_iter().flat_map(WasmBacktrace::frames);
    trace_of(frames.filter_map(|frame| frame.func_name()), schema)
}

/// The same of names, the innermost first.
fn trace_of<'a>(names: impl Iterator<Item = &'a str>, schema: Option<&Schema>) -> String {
    let first = schema.and_then(|schema| schema.functions.values().next());
    let library = first.and_then(|entry| entry.module.split("::").next());
    // A call entry stands for its handler, which may have been inlined into it.
    let handler = |name: &str| {
        let name = name.strip_prefix(FUNCTION_PREFIX)?;
        let entry = schema?.functions.get(name)?;
        Some(format!("{}::{}", entry.module, entry.function.ident))
    };
    let mut innermost = None;
    let mut own: Vec<String> = Vec::new();
    for name in names {
        let name = handler(name).unwrap_or_else(|| readable(name));
        if !library.is_some_and(|library| is_of_crate(&name, library)) {
            innermost.get_or_insert(name);
        } else if !own.contains(&name) {
            own.push(name);
        }
    }
    if own.is_empty() {
        own.extend(innermost);
    }
    let more = if own.len() > MAX_FUNCTIONS {
        ", …"
    } else {
        ""
    };
    own.truncate(MAX_FUNCTIONS);
    let shown: Vec<String> = own
        .iter()
        .map(|name| format!("`{}`", &name[..name.floor_char_boundary(MAX_SHOWN)]))
        .collect();
    match shown.as_slice() {
        [] => String::new(),
        shown => format!(" in {}{more}", shown.join(", called by ")),
    }
}

/// A function's name without its hash, which tells nothing.
fn readable(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // Of `app::f::h0123456789abcdef`, as some linkers write it.
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path.to_owned()
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::schema::{Function, FunctionEntry};

    fn schema() -> Schema {
        let entry = FunctionEntry {
            module: "app::deep".into(),
            function: Function {
                name: "g".into(),
                ident: "Hotel::g".into(),
                ..Function::default()
            },
            successors: Vec::new(),
            join_to: None,
            handler: None,
        };
        Schema {
            functions: [("g".to_owned(), entry)].into(),
            ..Schema::default()
        }
    }

    #[test]
    fn it_names_the_functions_of_the_app() {
        let schema = schema();
        let check = |names: &[&str], shown: &str| {
            let names = names.iter().copied();
            assert_eq!(trace_of(names.clone(), Some(&schema)), shown, "{names:?}");
        };
        check(&[], "");
        check(&["alloc::f", "std::g"], " in `alloc::f`");
        check(
            &[
                "_ZN4core6option6unwrap17h0123456789abcdefE",
                "_ZN3app5outer5inner17h0123456789abcdefE",
                "_ZN4core3ops4call17h0123456789abcdefE",
                "_RNvNtCs1234_3app5outer1f",
                "app::h0123456789abcdef",
                "app::last::h0123456789abcdef",
                "skylark_fn_g",
            ],
            " in `app::outer::inner`, called by `app::outer::f`, called by `app::last`, \
             called by `app::deep::Hotel::g`",
        );
        // Each once: what calls itself would fill the line.
        check(
            &["app::a", "app::b", "app::a", "app::b"],
            " in `app::a`, called by `app::b`",
        );
    }

    #[test]
    fn it_is_short() {
        let schema = schema();
        let names: Vec<String> = (0..9).map(|n| format!("app::f{n}")).collect();
        let shown = trace_of(names.iter().map(String::as_str), Some(&schema));
        assert!(shown.ends_with("called by `app::f4`, …"), "{shown}");
        let long = format!("app::{}", "é".repeat(200));
        let shown = trace_of([long.as_str()].into_iter(), Some(&schema));
        assert!(shown.len() < MAX_SHOWN + 10, "{shown}");
    }
}
