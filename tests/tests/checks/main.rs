//! The checks: what each finds and, as important, what it does not; their levels;
//! their documentation.

mod hash;
mod levels;
mod outside;
mod statics;
mod stored;
mod waits;

use skylark_compiler::{
    Code, Ctx, Diagnostic, Handlers, Level, Setting, Settings, SourceFile, check_app_with,
    read_crate,
};

/// A crate of one file.
fn crate_of(text: &str) -> Vec<SourceFile> {
    vec![SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text: text.into(),
    }]
}

/// What is found in a crate of one file, with `settings`.
fn found_with(text: &str, settings: &Settings) -> Vec<Diagnostic> {
    let model = read_crate(crate_of(text), &Ctx::default());
    check_app_with(&model, settings, Handlers::Annotated)
}

/// Compares findings, under the levels that the codes have, by how they begin.
#[track_caller]
fn check(text: &str, wanted: &[&str]) -> Vec<Diagnostic> {
    let found = found_with(text, &Settings::default());
    let lines: Vec<String> = found.iter().map(|d| line(text, d)).collect();
    let fits =
        lines.len() == wanted.len() && lines.iter().zip(wanted).all(|(l, w)| l.starts_with(w));
    assert!(fits, "found {lines:#?}\nwanted {wanted:#?}\nin\n{text}");
    found
}

/// Nothing is silent.
fn loud() -> Settings {
    let mut settings = Settings::default();
    for code in Code::ALL {
        if code.setting() == Setting::Allow {
            settings.choose(*code, Setting::Note);
        }
    }
    settings
}

/// A finding as `check_name level line:column "the text there" message`.
fn line(text: &str, d: &Diagnostic) -> String {
    let level = match d.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let there = &text[d.span.start..d.span.end];
    let name = d.code.name();
    format!(
        "{name} {level} {}:{} `{there}` {}",
        d.span.line, d.span.column, d.message
    )
}

/// The example under a code is found by it; the better one is not, by none.
#[test]
fn the_examples_of_the_documentation_hold() {
    for code in Code::ALL {
        let [bad, good] = code.examples();
        assert!(
            !bad.is_empty() && !good.is_empty(),
            "{code} has no examples"
        );
        let found = found_with(&bad, &loud());
        let lines: Vec<String> = found.iter().map(|d| line(&bad, d)).collect();
        assert!(
            found.iter().any(|d| d.code == *code),
            "{code} `{}` is not found in\n{bad}\nbut {lines:#?}",
            code.name()
        );
        let found = found_with(&good, &Settings::default());
        let lines: Vec<String> = found.iter().map(|d| line(&good, d)).collect();
        assert!(lines.is_empty(), "{code}: {lines:#?} in\n{good}");
    }
}

/// `docs/checks.md` says what the codes say.
#[test]
fn the_book_is_what_the_codes_say() {
    const BEGIN: &str = "<!-- codes: cargo test -p skylark-tests --test checks, with BLESS=1 -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, _) = text
        .split_once(BEGIN)
        .expect("the mark after which the codes stand");
    let mut book = format!("{head}{BEGIN}");
    for code in Code::ALL {
        book.push('\n');
        book.push_str(&code.page());
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &book).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text == book,
        "docs/checks.md is stale; write it with: BLESS=1 cargo test -p skylark-tests --test checks"
    );
}

#[test]
fn numbers_and_names_are_one_codes_each() {
    for pair in Code::ALL.windows(2) {
        assert!(pair[0].as_str() < pair[1].as_str(), "{pair:?}");
    }
    for code in Code::ALL {
        for text in [code.as_str(), code.name(), &code.name().replace('_', "-")] {
            assert_eq!(Code::parse(text), Some(*code));
        }
    }
}
