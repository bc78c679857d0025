//! Expansions under a renamed runtime, no prelude and strict lints, run.

use skylark::__private::{Function, StateRecord, inventory};
use skylark_abi::{Schema, schema::Record};
use skylark_compiler::{Ctx, Level, load, read_crate};
use std::path::Path;

// The app is linked in by its items.
use skylark_tests_renamed as app;

#[test]
fn a_renamed_runtime_runs_the_same_chain() {
    let runtime = skylark::native::Runtime::new();
    for (input, wanted) in [
        ("a,bc", Ok(("bc,a", 8, 11))),
        ("", Err("no comma")),
        ("smoke,fire", Ok(("fire,smoke", 20, 12))),
    ] {
        let got = runtime.run::<(String, usize, u32)>("split", input);
        let wanted = wanted.map(|(text, bytes, runs)| (text.to_owned(), bytes, runs));
        assert_eq!(
            got.map_err(|failure| failure.message),
            wanted.map_err(str::to_owned),
            "{input}"
        );
    }
    assert_eq!(runtime.state::<u32>("RUNS").unwrap(), Some(12));
}

#[test]
fn a_renamed_runtime_waits_branches_and_chooses() {
    let runtime = skylark::native::Runtime::new();
    for (function, input, wanted) in [
        ("asks", r#""abc""#, "7"),
        ("fans", r#""abc""#, "6"),
        ("chooses", "true", "4"),
        ("chooses", "false", "3"),
        ("cuts", r#""abc""#, "[3,3]"),
    ] {
        let json = runtime.invoke(function, input).result.unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), wanted, "{function}");
    }
    assert_eq!(runtime.state_of::<u8>("SEEN", "abc").unwrap(), Some(1));
}

#[test]
fn a_renamed_runtime_serves() {
    let runtime = skylark::native::Runtime::new();
    for (function, input, wanted) in [
        ("Hotel-books", r#""ann""#, "11"),
        ("Hotel-take", r#"["bob", 1]"#, "2"),
        ("Hotel-free", "", "0"),
        ("writes", "", "2"),
        ("Page-add", r#"["ann", 3]"#, "3"),
    ] {
        let json = runtime.invoke(function, input).result.unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), wanted, "{function}");
    }
    assert_eq!(
        runtime.state::<Vec<String>>("GUESTS").unwrap(),
        Some(vec!["ann".into(), "bob".into()])
    );
}

#[test]
fn items_stay_ordinary_rust() {
    // Outside of any call a static is what it was declared as.
    assert_eq!(app::join("a,b".into(), 1), "b,a");
}

/// What rustc and the macros made of the app is what the command reads in its
/// files, module paths included.
#[test]
fn the_linked_app_is_the_one_in_the_source() {
    let functions = inventory::iter::<Function>.into_iter().map(|f| f.record);
    let states = inventory::iter::<StateRecord>.into_iter().map(|s| s.record);
    let records = functions
        .chain(states)
        .map(|json| serde_json::from_str(json).unwrap());
    let linked = Schema::from_records(records.collect::<Vec<Record>>()).unwrap();

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("renamed/src/lib.rs");
    let (files, missing) = load(&root, "skylark-tests-renamed", |path| {
        std::fs::read_to_string(path)
    })
    .unwrap();
    assert_eq!(missing, []);
    let model = read_crate(files, &Ctx::new(syn::parse_quote!(::bird)));
    // One of its states only grows, which gets a note; nothing else is found.
    let found = skylark_compiler::check_app(&model).into_iter();
    let found: Vec<_> = found.map(|d| (d.code.as_str(), d.level)).collect();
    assert_eq!(found, [("SKY0032", Level::Note)]);
    let mut read = model.schema();
    for (name, entry) in &linked.functions {
        let read = read.functions.get_mut(name).unwrap();
        read.successors.clone_from(&entry.successors);
        read.join_to.clone_from(&entry.join_to);
        read.handler.clone_from(&entry.handler);
    }
    assert_eq!(read, linked);
}
