//! The schema section: put together, resolved, refused.

use skylark_abi::{
    Schema, names,
    schema::{Function, Item, Record, SchemaError, State, frame, nearest, ttl_text},
};
use std::time::Duration;

#[test]
fn a_ttl_is_told_in_its_largest_unit() {
    for (ms, text) in [
        (1, "1ms"),
        (1_500, "1500ms"),
        (90_000, "90s"),
        (5_400_000, "90m"),
        (7_200_000, "2h"),
        (86_400_000, "1d"),
    ] {
        assert_eq!(ttl_text(Duration::from_millis(ms)), text);
    }
}

fn function(module: &str, ident: &str, next: &[&str]) -> Record {
    Record {
        abi: names::ABI_VERSION,
        module: module.into(),
        item: Item::Function(Function {
            name: ident.into(),
            ident: ident.into(),
            doc: String::new(),
            args: Vec::new(),
            output: "()".into(),
            fallible: false,
            is_async: false,
            next: next.iter().map(|n| (*n).to_owned()).collect(),
            ..Function::default()
        }),
    }
}

fn state(module: &str, name: &str) -> Record {
    Record {
        abi: names::ABI_VERSION,
        module: module.into(),
        item: Item::State(State {
            name: name.into(),
            ident: name.into(),
            scope: Default::default(),
            ty: "u32".into(),
            cell: "Mutex".into(),
            ..State::default()
        }),
    }
}

fn section(records: &[Record]) -> Vec<u8> {
    records
        .iter()
        .flat_map(|r| frame(&serde_json::to_string(r).unwrap()))
        .collect()
}

fn renamed(mut record: Record, name: &str) -> Record {
    if let Item::Function(f) = &mut record.item {
        f.name = name.into();
    }
    record
}

#[test]
fn successors_resolve_as_rust_paths_do() {
    let check = |records: Vec<Record>, from: &str, want: &[&str]| {
        let schema = Schema::from_sections([&section(&records)[..]]).unwrap();
        assert_eq!(schema.functions[from].successors, want);
    };
    check(
        vec![function("a", "f", &["g"]), function("a", "g", &[])],
        "f",
        &["g"],
    );
    check(
        vec![function("a", "f", &["g"]), function("a::m", "g", &[])],
        "f",
        &["g"],
    );
    check(
        vec![
            function("a", "f", &["crate::m::g"]),
            function("a::m", "g", &[]),
        ],
        "f",
        &["g"],
    );
    check(
        vec![
            function("a::n", "f", &["super::m::g"]),
            function("a::m", "g", &[]),
        ],
        "f",
        &["g"],
    );
    check(
        vec![
            function("a", "f", &["g", "h"]),
            function("a", "h", &[]),
            renamed(function("a", "g", &[]), "other"),
        ],
        "f",
        &["other", "h"],
    );
    // Two of one Rust name: the own module's is meant by the plain identifier.
    check(
        vec![
            function("a::m", "f", &["g"]),
            function("a::m", "g", &[]),
            renamed(function("a::n", "g", &[]), "n_g"),
        ],
        "f",
        &["g"],
    );
    // A method goes by its type: a plain identifier is never one, and of two types
    // of one name the own module's is meant.
    check(
        vec![
            function("a", "f", &["g", "H::g", "m::H::g"]),
            function("a", "g", &[]),
            renamed(function("a", "H::g", &[]), "H-g"),
            renamed(function("a::m", "H::g", &[]), "m-g"),
        ],
        "f",
        &["g", "H-g", "m-g"],
    );
    check(
        vec![
            function("a", "f", &["crate::m::H::g"]),
            renamed(function("a::m", "H::g", &[]), "H-g"),
        ],
        "f",
        &["H-g"],
    );
}

#[test]
fn what_does_not_fit_is_refused_with_its_cure() {
    let check = |sections: &[Vec<u8>], wants: &[&str]| {
        let errors = Schema::from_sections(sections.iter().map(Vec::as_slice)).unwrap_err();
        let text = errors
            .iter()
            .map(SchemaError::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        for want in wants {
            assert!(text.contains(want), "`{want}` is not in:\n{text}");
        }
    };
    check(
        &[],
        &["no `skylark.schema` section", "#[skylark::function]"],
    );
    check(&[vec![]], &["no `skylark.schema` section"]);
    check(&[vec![9]], &["1 stray bytes"]);
    check(
        &[vec![9, 0, 0, 0, b'{']],
        &["a frame of 9 bytes, of which 1 are there"],
    );
    check(&[frame("{}")], &["missing field `abi`"]);
    check(
        &[frame(r#"{"abi":0}"#)],
        &["version 0", "this is version 1", "rebuild the module"],
    );
    check(&[frame(r#"{"abi":9}"#)], &["version 9", "update the node"]);
    check(
        &[frame(r#"{"abi":1,"module":"a","kind":"moon"}"#)],
        &["unknown variant `moon`"],
    );
    check(
        &[section(&[
            function("a", "f", &["detct"]),
            function("a", "detect", &[]),
        ])],
        &["`f` names the successor `detct`", "did you mean `detect`?"],
    );
    check(
        &[section(&[
            function("a", "f", &["g"]),
            function("a::m", "g", &[]),
            renamed(function("a::n", "g", &[]), "n_g"),
        ])],
        &["may be any of a::m::g, a::n::g"],
    );
    // Several faults at once, in two sections.
    check(
        &[
            section(&[function("a", "f", &["x"]), state("a", "S")]),
            section(&[state("a::m", "S")]),
        ],
        &[
            "`x`",
            "two states are named `S`: one in `a`, one in `a::m`",
            "rename",
        ],
    );
}

#[test]
fn the_nearest_name_is_one_that_may_be_meant() {
    let check = |name: &str, want: Option<&str>| {
        assert_eq!(
            nearest(name, ["detect", "alarm", "preprocess"]),
            want,
            "{name}"
        );
    };
    check("detct", Some("detect"));
    check("Alarm", Some("alarm"));
    check("aalrm", Some("alarm"));
    check("zzz", None);
    check(&"x".repeat(100_000), None);
}

#[test]
fn names_need_no_escaping() {
    let check = |name: &str, want: bool| assert_eq!(names::is_valid_name(name), want, "{name}");
    check("a", true);
    check("_a-1", true);
    check("1a", false);
    check("", false);
    check("a b", false);
    check("a{b}", false);
    check("é", false);
    check(&"a".repeat(names::MAX_NAME + 1), false);
}
