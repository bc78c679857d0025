//! `cargo skylark fix`, and levels, as their users see them.

use std::{fs, path::Path, process::Command};

const BEFORE: &str = include_str!("../../tests/ui/fixes/shop.rs");
const AFTER: &str = include_str!("../../tests/ui/pass/fixed.rs");

/// Exit code, standard output, standard error.
fn run(program: &str, directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(program)
        .current_dir(directory)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn skylark(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(env!("CARGO_BIN_EXE_cargo-skylark"), directory, arguments)
}

fn git(directory: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
    let (code, _, error) = run("git", directory, &[&who[..], arguments].concat());
    assert_eq!(code, 0, "git {arguments:?}: {error}");
}

/// A library with this source, which nothing builds.
fn library(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"shop\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(directory.path().join("src")).unwrap();
    fs::write(directory.path().join("src/lib.rs"), text).unwrap();
    directory
}

#[test]
fn a_diff_first_and_only_what_git_could_give_back() {
    let shop = library(BEFORE);
    let shop = shop.path();
    let source = || fs::read_to_string(shop.join("src/lib.rs")).unwrap();

    let (code, diff, said) = skylark(shop, &["fix"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!("fix_diff", diff);
    assert!(
        said.contains("5 fixes in 1 file; `cargo skylark fix --apply` writes them"),
        "{said}"
    );
    assert_eq!(source(), BEFORE);

    // Nobody could take it back: no repository, not committed, changed since.
    let refused = |what: &str| {
        let (code, _, said) = skylark(shop, &["fix", "--apply"]);
        assert_eq!(code, 2, "{what}: {said}");
        assert!(said.contains("not committed: src/lib.rs"), "{what}: {said}");
    };
    refused("no repository");
    git(shop, &["init", "-q"]);
    refused("not added");
    git(shop, &["add", "."]);
    git(shop, &["commit", "-qm", "shop"]);
    fs::write(shop.join("src/lib.rs"), format!("{BEFORE}\n")).unwrap();
    refused("changed");
    git(shop, &["checkout", "-q", "."]);

    let (code, _, said) = skylark(shop, &["fix", "--apply"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing is wrong now"), "{said}");
    assert_eq!(source(), AFTER);
    let (code, diff, said) = skylark(shop, &["fix", "--apply"]);
    assert_eq!((code, diff.as_str()), (0, ""), "{said}");
    assert!(said.contains("nothing to do"), "{said}");
    fs::write(shop.join("src/lib.rs"), BEFORE).unwrap();
    let (code, _, said) = skylark(shop, &["fix", "--apply", "--allow-dirty"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(source(), AFTER);
}

#[test]
fn findings_are_drawn_with_the_way_there() {
    let shop = library(BEFORE);
    let (code, drawn, said) = skylark(shop.path(), &["check"]);
    assert_eq!(code, 1, "a guard across a wait is an error: {said}");
    insta::assert_snapshot!("check_lints", drawn);
}

#[test]
fn levels_and_choices() {
    let shop = library(
        "#[skylark::function]\npub fn f() { std::fs::read(\"a\").ok(); std::time::Instant::now(); }\npub fn g() { std::process::exit(1) }\n",
    );
    let shop = shop.path();
    let check = |arguments: &[&str], code: i32, wanted: &[&str]| {
        let (got, lines, said) = skylark(shop, &[&["check", "--json"], arguments].concat());
        let codes: Vec<String> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|d| {
                format!(
                    "{} {}",
                    d["code"].as_str().unwrap(),
                    d["level"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            (got, codes),
            (code, wanted.iter().map(ToString::to_string).collect()),
            "{said}"
        );
    };
    check(&[], 0, &["SKY0019 warning"]);
    check(&["--deny-warnings"], 1, &["SKY0019 warning"]);
    check(&["--only", "clock"], 0, &["SKY0012 note"]);
    check(
        &["--only", "clock,files"],
        0,
        &["SKY0019 warning", "SKY0012 note"],
    );
    check(
        &["--as-handlers", "all-pub"],
        0,
        &["SKY0019 warning", "SKY0023 warning"],
    );
    fs::write(
        shop.join("Skylark.toml"),
        "[checks]\nfiles = \"deny\"\nSKY0012 = \"note\"\n",
    )
    .unwrap();
    check(&[], 1, &["SKY0019 error", "SKY0012 note"]);
    fs::write(shop.join("Skylark.toml"), "[checks]\nfiles = \"allow\"\n").unwrap();
    check(&["--deny-warnings"], 0, &[]);
    fs::write(shop.join("Skylark.toml"), "[checks]\n\nfils = \"allow\"\n").unwrap();
    let (code, _, said) = skylark(shop, &["check"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("Skylark.toml:3: there is no check `fils`; did you mean `files`?"),
        "{said}"
    );
}
