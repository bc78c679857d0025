//! Levels, and what an annotation accepts.

use super::{found_with, line};
use skylark_compiler::Settings;

/// Compares findings by how they begin.
#[track_caller]
fn check(text: &str, settings: &[(&str, &str)], wanted: &[&str]) {
    let mut decided = Settings::default();
    for (name, level) in settings {
        decided.set(name, level).unwrap();
    }
    let found = found_with(text, &decided);
    let lines: Vec<String> = found.iter().map(|d| line(text, d)).collect();
    let fits =
        lines.len() == wanted.len() && lines.iter().zip(wanted).all(|(l, w)| l.starts_with(w));
    assert!(fits, "found {lines:#?}\nwanted {wanted:#?}\nin\n{text}");
}

const UNUSED: &str = "#[skylark::state] static A: AtomicU8 = AtomicU8::new(0);";

#[test]
fn a_crate_sets_levels() {
    check(UNUSED, &[], &["unused_state warning 1:26 `A`"]);
    check(UNUSED, &[("unused_state", "deny")], &["unused_state error"]);
    check(UNUSED, &[("unused-state", "note")], &["unused_state note"]);
    check(UNUSED, &[("SKY0007", "allow")], &[]);
    check(UNUSED, &[("unreached", "allow")], &["unused_state warning"]);
    // Also of what is less bad than its code.
    let orphan = "#[skylark::chain(next = b)] fn a() {} #[skylark::function] fn b() {} #[skylark::function] fn c() {}";
    check(orphan, &[], &["unreached note"]);
    check(orphan, &[("unreached", "deny")], &["unreached error"]);
}

#[test]
fn what_cannot_be_set_is_said() {
    let check = |name: &str, level: &str, wanted: &str| {
        assert_eq!(Settings::default().set(name, level).unwrap_err(), wanted);
    };
    check(
        "unused_sate",
        "warn",
        "there is no check `unused_sate`; did you mean `unused_state`?",
    );
    check("zzz", "warn", "there is no check `zzz`");
    check(
        "SKY0001",
        "allow",
        "`unknown_successor` (SKY0001) cannot be set: an app with it would not run",
    );
    check(
        "unreached",
        "forbid",
        "`forbid` is no level; expected one of: allow, note, warn, deny",
    );
}

#[test]
fn an_item_accepts_what_is_found_in_it() {
    let with = |attribute: &str| format!("#[skylark::{attribute}]\n{UNUSED}");
    check(&with("accept(unused_state)"), &[], &[]);
    check(
        &with("accept(unreached, SKY0007, reason = \"soon\")"),
        &[],
        &[],
    );
    check(&with("accept(unreached)"), &[], &["unused_state warning"]);
    check(
        &format!("{UNUSED} #[skylark::accept(unused_state)] fn f() {{}}"),
        &[],
        &["unused_state warning"],
    );
    check(
        &format!("#[skylark::accept(unused_state)] mod m {{ {UNUSED} }}"),
        &[],
        &[],
    );
    // Also what the crate denies.
    check(
        &with("accept(unused_state)"),
        &[("unused_state", "deny")],
        &[],
    );
    check(
        "#[skylark::accept(unused_state, unused_sate, cycle)] fn f() {}",
        &[],
        &[
            "annotation error 1:33 `unused_sate` there is no check `unused_sate`; did you mean `unused_state`?",
            "annotation error 1:46 `cycle` `cycle` (SKY0003) cannot be set",
        ],
    );
    // Somebody else's.
    check(
        "#[accept(nobody)] fn f() {} #[other::accept(nobody)] fn g() {}",
        &[],
        &[],
    );
}
