//! `cargo skylark lift`: rows of one construct each, whole services with their goldens,
//! and the command as its users run it.

use cargo_skylark::app::{lift::LiftedCrate, new::Origin};
use skylark_compiler::{Lifted, SourceFile};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What became of a crate of one file: new texts, decisions, questions.
fn shown(lifted: &Lifted) -> String {
    let mut text = String::new();
    for file in &lifted.files {
        // The type of refusals is always the same.
        if file.before.is_some() {
            text += file.after.as_deref().unwrap_or("(gone)\n");
        }
    }
    text += "\n----\n";
    for d in &lifted.report.decisions {
        text += &format!("{}: {} → {} ({})\n", d.line, d.what, d.became, d.why);
    }
    for q in &lifted.report.questions {
        text += &format!("{}? {}\n", q.line, q.question);
    }
    text
}

#[test]
fn each_construct_becomes_what_it_should() {
    let mut rows: Vec<PathBuf> = fs::read_dir(here().join("tests/lift"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    rows.sort();
    assert!(rows.len() > 9);
    for row in rows {
        let text = fs::read_to_string(&row).unwrap();
        let file = SourceFile {
            path: "src/lib.rs".into(),
            module: "app".into(),
            text,
        };
        let files = [file];
        let lifted = skylark_compiler::lift(&files).unwrap();
        let name = row.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(name, shown(&lifted));
        // Every question stands in the source, too.
        let comments: usize = lifted
            .files
            .iter()
            .filter_map(|file| file.after.as_ref())
            .map(|text| text.matches("// skylark: ").count())
            .sum();
        assert_eq!(comments, lifted.report.questions.len(), "{name}");
        // And nothing depends on chance.
        assert_eq!(
            shown(&lifted),
            shown(&skylark_compiler::lift(&files).unwrap())
        );
    }
}

#[test]
fn what_is_no_rust_is_an_error_with_its_place() {
    let file = SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text: "fn a() {}\nfn b( {}".into(),
    };
    let error = skylark_compiler::lift(&[file]).unwrap_err();
    assert!(error.starts_with("src/lib.rs:2:"), "{error}");
}

/// Lifts `examples/lift/<service>/before` and compares with what is beside it.
#[track_caller]
fn golden(service: &str, name: &str) {
    let root = here().parent().unwrap();
    let service = root.join("examples/lift").join(service);
    let (before, after) = (service.join("before"), service.join("after"));
    let origin = Origin::find(Some(root)).unwrap();
    let lifted = LiftedCrate::read(&before, Some(name), &origin, &after).unwrap();
    let bless = format!(
        "cargo run -p cargo-skylark -- skylark lift {} --out {} --name {name}",
        before.display(),
        after.display()
    );
    assert_eq!(lifted.report.questions, [], "the service needs no answers");
    for change in &lifted.changes {
        let found = fs::read_to_string(after.join(&change.path)).ok();
        if found != change.after {
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            panic!(
                "{}\nIf that is right: {bless}",
                cargo_skylark::output::diff(&change.path, &side(&found), &side(&change.after))
            );
        }
    }
}

#[test]
fn the_box_office_is_lifted() {
    golden("boxoffice", "boxoffice-app");
}

#[test]
fn the_text_services_are_lifted() {
    golden("textservice", "textservice-app");
}

const MAIN: &str = "\
//! Counts.

use axum::{Json, Router, routing::post};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

async fn count() -> Json<u64> {
    Json(COUNT.fetch_add(1, Ordering::Relaxed) + 1)
}

#[tokio::main]
async fn main() {
    let app = Router::new().route(\"/count\", post(count));
    let listener = tokio::net::TcpListener::bind(\"127.0.0.1:0\").await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
";

const MANIFEST: &str = "\
[package]
name = \"counter\"
version = \"0.1.0\"
edition = \"2024\"

[dependencies]
axum = \"0.8\" # serves
tokio = { version = \"1\", features = [\"full\"] }
";

fn service(directory: &Path) -> PathBuf {
    let service = directory.join("counter");
    fs::create_dir_all(service.join("src")).unwrap();
    fs::write(service.join("src/main.rs"), MAIN).unwrap();
    fs::write(service.join("Cargo.toml"), MANIFEST).unwrap();
    fs::write(service.join("README.md"), "Counts.\n").unwrap();
    service
}

fn lift(service: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-skylark"))
        .args(["skylark", "lift"])
        .arg(service)
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

#[test]
fn a_program_becomes_a_library() {
    let temporary = tempfile::tempdir().unwrap();
    let service = service(temporary.path());
    let (code, diff, error) = lift(&service, &[]);
    assert_eq!(code, 0, "{error}");
    for line in [
        "+crate-type = [\"cdylib\", \"rlib\"]",
        "-axum = \"0.8\" # serves",
        "+#[skylark::state]",
        "+fn count() -> u64 {",
        "Nothing is asked.",
    ] {
        assert!(diff.contains(line), "{line} is missing in\n{diff}");
    }
    assert!(
        error.contains("`counter`: 3 files would change; 0 questions"),
        "{error}"
    );
    assert!(service.join("src/main.rs").is_file(), "it was only shown");

    let out = temporary.path().join("out");
    let (code, _, error) = lift(&service, &["--out", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{error}");
    assert!(!out.join("src/main.rs").exists());
    assert!(out.join("README.md").is_file());
    let library = fs::read_to_string(out.join("src/lib.rs")).unwrap();
    assert!(
        library.starts_with("//! Counts.\n\nuse std::sync::atomic"),
        "{library}"
    );
    // What it wrote once it may write again, and nothing else.
    let (code, _, error) = lift(&service, &["--out", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = lift(&service, &["--out", service.to_str().unwrap()]);
    assert_eq!(
        (code, error.contains("choose another directory")),
        (2, true),
        "{error}"
    );

    let (code, json, _) = lift(&service, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["package"]), (0, &"counter".into()));
    assert_eq!(json["decisions"][0]["kind"], "state");
}

#[test]
fn only_a_committed_crate_is_rewritten() {
    let temporary = tempfile::tempdir().unwrap();
    let service = service(temporary.path());
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .current_dir(&service)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "--quiet"]);
    let (code, _, error) = lift(&service, &["--apply"]);
    assert_eq!(
        (code, error.contains("not committed")),
        (2, true),
        "{error}"
    );
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "Count"]);
    let (code, report, error) = lift(&service, &["--apply"]);
    assert_eq!(code, 0, "{error}");
    assert!(report.contains("POST /count → count()"), "{report}");
    assert!(!service.join("src/main.rs").exists());
    // It is an app now.
    let (code, _, error) = lift(&service, &[]);
    assert_eq!(
        (code, error.contains("uses Skylark already")),
        (2, true),
        "{error}"
    );
}

#[test]
fn what_cannot_be_lifted_is_said() {
    let temporary = tempfile::tempdir().unwrap();
    let service = service(temporary.path());
    let root = temporary.path().join("root");
    let member = root.join("plain");
    fs::create_dir_all(member.join("src")).unwrap();
    let write = |path: &Path, text: &str| fs::write(path, text).unwrap();
    write(
        &root.join("Cargo.toml"),
        "[workspace]\nmembers = [\"plain\"]\n",
    );
    write(
        &member.join("Cargo.toml"),
        "[package]\nname = \"plain\"\nedition = \"2024\"\n",
    );
    write(&member.join("src/lib.rs"), "pub fn f() {}\n");
    for (directory, options, wanted) in [
        (
            &service,
            &["--name", "bad name!"][..],
            "`bad name!` cannot name an app: letters, digits",
        ),
        (&root, &[], "lift one of its members:\n    plain in "),
        (&member, &[], "nothing in package `plain` was seen"),
    ] {
        let (code, _, error) = lift(directory, options);
        assert_eq!((code, error.contains(wanted)), (2, true), "{error}");
    }
}
