//! The world outside of a guest.

use super::check;

#[test]
fn what_a_guest_has_not() {
    for (body, wanted) in [
        (
            "std::env::var(\"A\").ok();",
            "environment warning 1:41 `var` `f` asks for its surroundings: `std::env::var`",
        ),
        ("use std::env; env::args().count();", "environment warning"),
        ("std::fs::read(\"a\").ok();", "files warning"),
        (
            "use std::fs::File; File::open(\"a\").ok();",
            "files warning",
        ),
        (
            "std::net::TcpStream::connect(\"a:1\").ok();",
            "sockets warning",
        ),
        (
            "reqwest::blocking::get(\"http://a\").ok();",
            "sockets warning",
        ),
        ("std::thread::spawn(|| 1);", "threads warning"),
        (
            "use rayon::prelude::*; [1].par_iter().sum::<u8>();",
            "threads warning",
        ),
        ("std::thread::sleep(D);", "blocking_sleep warning"),
        ("std::process::exit(1);", "process warning"),
        (
            "std::process::Command::new(\"ls\").spawn().ok();",
            "process warning",
        ),
        // As a value, renamed, in a closure, in a macro.
        (
            "let f = std::env::var; f(\"A\").ok();",
            "environment warning",
        ),
        (
            "use std::env::var as v; v(\"A\").ok();",
            "environment warning",
        ),
        (
            "let f = || std::env::var(\"A\"); f().ok();",
            "environment warning",
        ),
        (
            "assert!(std::env::var(\"A\").is_ok());",
            "environment warning",
        ),
        // Recording what is not there does not bring it.
        (
            "skylark::nondet(|| std::env::var(\"A\").ok());",
            "environment warning",
        ),
    ] {
        check(
            &format!("#[skylark::function] fn f() {{ {body} }}"),
            &[wanted],
        );
    }
}

#[test]
fn what_a_guest_has() {
    for body in [
        // Clocks and chance are recorded.
        "std::time::Instant::now(); std::time::SystemTime::now(); chrono::Utc::now();",
        "rand::random::<u8>(); fastrand::u8(..); uuid::Uuid::new_v4(); getrandom::fill(&mut []);",
        // Types and functions beside those that are not there.
        "let a: std::net::IpAddr = \"::1\".parse().unwrap(); reqwest::StatusCode::OK;",
        "std::thread::current(); std::process::ExitCode::SUCCESS; env!(\"PATH\"); option_env!(\"A\");",
        "std::path::Path::new(\"a\").join(\"b\"); std::io::Cursor::new(vec![0]);",
        "println!(\"a\"); eprintln!(\"b\");",
        // Somebody else's.
        "mod std { pub mod env { pub fn var(_: &str) {} } } self::std::env::var(\"A\");",
        "struct env; impl env { fn var() {} } env::var();",
    ] {
        check(&format!("#[skylark::function] fn f() {{ {body} }}"), &[]);
    }
}

#[test]
fn only_what_handlers_run() {
    check("pub fn f() { std::env::var(\"A\").ok(); }", &[]);
    check(
        "#[skylark::function] fn f() {} #[cfg(test)] mod tests { fn g() { std::env::var(\"A\"); } }",
        &[],
    );
    // Through helpers, with the way there.
    let text = "#[skylark::function] fn f() { S.helper() }
struct Settings; static S: Settings = Settings;
impl Settings { fn helper(&self) { deep::read() } }
mod deep { pub fn read() { std::env::var(\"A\").ok(); } }";
    let found = check(text, &["environment warning 4:38 `var` `f` asks"]);
    let labels: Vec<(usize, &str)> = found[0]
        .labels
        .iter()
        .map(|label| (label.span.line, label.text.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            (1, "it is run by this function"),
            (1, "which runs `helper` here"),
            (3, "which runs `read` here"),
        ]
    );
}

#[test]
fn time_that_does_not_pass() {
    check(
        "#[skylark::function] fn f() { let a = std::time::Instant::now(); work(); a.elapsed(); } fn work() {}",
        &["elapsed warning 1:76 `elapsed`"],
    );
    check(
        "#[skylark::function] async fn f() { let a = std::time::Instant::now(); skylark::sleep(D).await; a.elapsed(); }",
        &[],
    );
    // A time from before the call has passed, and does where a loop waits.
    for body in [
        "born.elapsed()",
        "T.lock().unwrap().unwrap().elapsed()",
        "let a = std::time::Instant::now(); while a.elapsed() < D { skylark::sleep(D).await; }",
    ] {
        check(
            &format!(
                "use std::{{sync::*, time::*}}; #[skylark::state] static T: Mutex<Option<SystemTime>> = Mutex::new(None);
#[skylark::function] async fn f(born: SystemTime) {{ T.lock().unwrap(); {body}; }}"
            ),
            &[],
        );
    }
    check(
        "struct Work; impl Work { fn elapsed(&self) {} } #[skylark::function] fn f() { Work.elapsed(); }",
        &[],
    );
}

/// What waits in its place is written as it stands there.
#[test]
fn pauses_are_mended() {
    for (body, wanted) in [
        ("std::thread::sleep(d * 2);", "skylark::sleep(d * 2).await;"),
        ("tokio::time::sleep(d).await;", "skylark::sleep(d).await;"),
        (
            "let pause = tokio::time::sleep(d); pause.await;",
            "let pause = skylark::sleep(d); pause.await;",
        ),
    ] {
        let text = format!("#[skylark::function] async fn f(d: std::time::Duration) {{ {body} }}");
        let found = check(&text, &["blocking_sleep warning"]);
        let mend = found[0].suggestion.as_ref().expect("a mend");
        let mut mended = text.clone();
        mended.replace_range(mend.span.start..mend.span.end, &mend.replacement);
        assert_eq!(mended, text.replace(body, wanted));
    }
}

#[test]
fn addresses() {
    for body in [
        "format!(\"{:p}\", &x);",
        "println!(\"{x:p} {}\", 1);",
        "let a = &x as *const u8 as usize;",
        "let a = v.as_ptr() as usize;",
        "write!(out, r#\"{x:#p}\"#);",
    ] {
        check(
            &format!("#[skylark::function] fn f() {{ {body} }}"),
            &["address warning"],
        );
    }
    for body in [
        "format!(\"{:?} {p} p\", x);",
        "format!(\"{x} {{:p}} {{x:p}}\");",
        "format!(\"{} {}\", x, \"{:p}\");",
        "let a = x as usize;",
        "v.as_ptr();",
    ] {
        check(&format!("#[skylark::function] fn f() {{ {body} }}"), &[]);
    }
}

#[test]
fn clocks_and_chance_when_asked_for() {
    let loud = |text: &str| {
        let found = super::found_with(text, &super::loud());
        found.iter().map(|d| d.code.name()).collect::<Vec<_>>()
    };
    let of = |body: &str| loud(&format!("#[skylark::function] fn f() {{ {body} }}"));
    assert_eq!(of("std::time::Instant::now();"), ["clock"]);
    assert_eq!(of("uuid::Uuid::new_v4();"), ["randomness"]);
    assert!(of("skylark::nondet(std::time::Instant::now);").is_empty());
    assert!(of("skylark::nondet(|| { let a = 1; uuid::Uuid::new_v4() });").is_empty());
    assert!(loud("#[skylark::function] fn f() { g(); } #[skylark::nondet] fn g() -> u8 { rand::random() }").is_empty());
}
