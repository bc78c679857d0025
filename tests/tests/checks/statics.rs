//! Statics, and functions, that are not annotated.

use super::check;

const USE: &str = "#[skylark::function] fn f() { let a = &A; }";

#[test]
fn what_is_lost_when_a_call_is_over() {
    for (declared, fix) in [
        (
            "static A: std::sync::atomic::AtomicU8 = AtomicU8::new(0);",
            true,
        ),
        (
            "static A: std::sync::Mutex<Vec<u8>> = Mutex::new(vec![]);",
            true,
        ),
        (
            "pub(crate) static A: std::sync::RwLock<String> = RwLock::new(String::new());",
            true,
        ),
        (
            "static A: std::sync::LazyLock<std::sync::Mutex<u8>> = LazyLock::new(Default::default);",
            true,
        ),
        // Perhaps with serde's traits, perhaps not.
        (
            "static A: std::sync::Mutex<S> = Mutex::new(S); struct S;",
            false,
        ),
        (
            "static A: std::sync::OnceLock<std::sync::Mutex<u8>> = OnceLock::new();",
            false,
        ),
        ("static mut A: u8 = 0;", false),
        (
            "thread_local! { static A: std::cell::RefCell<u8> = RefCell::new(0); }",
            false,
        ),
    ] {
        let found = check(
            &format!("{declared} {USE}"),
            &["unannotated_static warning"],
        );
        let certain = found[0].suggestion.as_ref().is_some_and(|s| s.certain);
        assert_eq!(certain, fix, "{declared}");
        assert!(
            found[0]
                .labels
                .iter()
                .any(|label| label.text == "`A` is used here")
        );
    }
}

#[test]
fn what_is_built_once_is_not_lost() {
    for declared in [
        "static A: u8 = 0;",
        "static A: &str = \"\";",
        "static A: std::sync::LazyLock<regex::Regex> = LazyLock::new(|| regex::Regex::new(\"a\").unwrap());",
        "static A: std::sync::OnceLock<String> = OnceLock::new();",
        "static A: std::sync::Mutex<()> = Mutex::new(());",
        "static A: S = S; struct S;",
        "const A: std::cell::Cell<u8> = Cell::new(0);",
        "#[skylark::state] static A: std::sync::Mutex<u8> = Mutex::new(0);",
        "#[skylark::accept(unannotated_static)] static A: std::sync::Mutex<u8> = Mutex::new(0);",
    ] {
        check(&format!("{declared} {USE}"), &[]);
    }
    // Nobody changes it.
    check(
        "static A: std::sync::atomic::AtomicU8 = AtomicU8::new(3); #[skylark::function] fn f() -> u8 { A.load(Relaxed) }",
        &[],
    );
    // Nobody who is a handler uses it.
    check(
        "static A: std::sync::Mutex<u8> = Mutex::new(0); #[skylark::function] fn f() {} pub fn g() { A.lock(); }",
        &[],
    );
}

#[test]
fn forgotten_functions() {
    let found = check(
        "#[skylark::function] async fn f() { skylark::call!(g(1)).await; }\npub fn g(x: u8) {}",
        &["unannotated_function warning 2:8 `g` `g` is called by a message"],
    );
    let suggestion = found[0].suggestion.as_ref().unwrap();
    assert!(suggestion.certain);
    assert_eq!(suggestion.replacement, "#[skylark::function]\n");
    let state = "#[skylark::state] static N: AtomicU8 = AtomicU8::new(0); #[skylark::function] pub fn f() { N.load(Relaxed); }";
    check(
        &format!("{state}\npub fn reset() {{ N.store(0, Relaxed); }}"),
        &["unannotated_function note 2:8 `reset`"],
    );
    for not_alike in [
        "fn reset() { N.store(0, Relaxed); }",
        "pub fn reset() {}",
        "pub fn reset(to: &str) { N.store(0, Relaxed); }",
        "pub fn reset() { N.store(0, Relaxed); } fn other() { reset() }",
        "pub fn reset<T>(t: T) { N.store(0, Relaxed); }",
        "mod other { pub fn reset() { super::N.store(0, Relaxed); } }",
    ] {
        check(&format!("{state}\n{not_alike}"), &[]);
    }
}
