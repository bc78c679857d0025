//! The examples as crates without annotations: the same schema, and their own tests
//! pass. It builds two of them, in this build's target directory.

use skylark_abi::schema::{Item, Record};
use skylark_compiler::{Ctx, load, read_crate};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use syn::{Lit, visit::Visit};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs the command; its exit code, standard output, standard error.
fn skylark(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-skylark"))
        .current_dir(workspace())
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

fn emit(example: &str, out: &Path) {
    let (code, _, error) = skylark(&["emit", "-p", example, "--out", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{example}: {error}");
    assert!(!error.contains("warning"), "{example}: {error}");
}

/// The apps among the examples.
fn examples() -> Vec<String> {
    let directories = fs::read_dir(workspace().join("examples")).unwrap();
    let paths = directories.map(|entry| entry.unwrap().path());
    let apps = paths.filter(|path| {
        let manifest = fs::read_to_string(path.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.contains("cdylib"))
    });
    let mut names: Vec<String> = apps
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Every file under a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(current) = directories.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let inside = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(inside, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The records of the schema in expanded source.
struct Records(Vec<Item>);

impl Visit<'_> for Records {
    fn visit_macro(&mut self, mac: &syn::Macro) {
        let tokens: Vec<_> = mac.tokens.clone().into_iter().collect();
        let record = tokens
            .iter()
            .position(|token| token.to_string() == "record");
        let Some(record) = record else { return };
        let parser = syn::punctuated::Punctuated::<Lit, syn::Token![,]>::parse_terminated;
        let proc_macro2::TokenTree::Group(group) = &tokens[record + 2] else {
            panic!()
        };
        let parts = syn::parse::Parser::parse2(parser, group.stream()).unwrap();
        let parts = parts.iter().map(|part| match part {
            Lit::Str(text) => text.value(),
            other => panic!("{other:?}"),
        });
        let json = parts.collect::<Vec<_>>().join("app");
        self.0
            .push(serde_json::from_str::<Record>(&json).unwrap().item);
    }
}

fn schema(root: &Path) -> (usize, BTreeMap<String, Item>) {
    let (files, missing) = load(root, "app", |path| fs::read_to_string(path)).unwrap();
    assert_eq!(missing, []);
    let model = read_crate(files, &Ctx::default());
    let schema = model.schema();
    let functions = schema
        .functions
        .into_values()
        .map(|f| Item::Function(f.function));
    let states = schema.states.into_values().map(|s| Item::State(s.state));
    let written: Vec<Item> = functions.chain(states).collect();
    let annotated = written.len();
    let mut records = Records(written);
    for file in &model.files {
        records.visit_file(&syn::parse_file(&file.text).unwrap());
    }
    let name = |item: &Item| match item {
        Item::Function(f) => format!("function {}", f.name),
        Item::State(s) => format!("state {}", s.name),
    };
    (
        annotated,
        records
            .0
            .into_iter()
            .map(|item| (name(&item), item))
            .collect(),
    )
}

#[test]
fn every_example_is_emitted_with_its_schema_and_the_same_bytes_again() {
    let here = tempfile::tempdir().unwrap();
    let examples = examples();
    assert!(examples.len() >= 8, "{examples:?}");
    for example in examples {
        let out = here.path().join(&example);
        emit(&example, &out);
        let once = files(&out);
        for (path, bytes) in &once {
            if path.extension().is_some_and(|e| e == "rs") {
                let text = String::from_utf8(bytes.clone()).unwrap();
                assert!(
                    !text.contains("#[skylark::"),
                    "{example}: {}",
                    path.display()
                );
            }
        }
        let original = workspace().join("examples").join(&example);
        for path in files(&original).keys() {
            assert!(
                once.contains_key(path),
                "{example}: {} is missing",
                path.display()
            );
        }
        let (annotated, wanted) = schema(&original.join("src/lib.rs"));
        let (left, got) = schema(&out.join("src/lib.rs"));
        assert!(annotated > 0 && left == 0, "{example}");
        assert_eq!(got, wanted, "{example}");
        fs::write(out.join("src/stale.rs"), "").unwrap();
        fs::write(out.join(".skylark-emit"), "src/stale.rs\n../escape\n").unwrap();
        emit(&example, &out);
        assert_eq!(files(&out), once, "{example}");
    }
}

#[test]
fn emitted_crates_pass_the_apps_own_tests() {
    let here = tempfile::tempdir().unwrap();
    for example in ["counter", "travel"] {
        let out = here.path().join(example);
        emit(example, &out);
        let programs = Path::new(env!("CARGO_BIN_EXE_cargo-skylark"))
            .parent()
            .unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["test", "--offline"])
            .current_dir(&out)
            // Not the workspace's own: what is a `cdylib` too has no hash in its
            // file's name, and the emitted crate would take the example's place.
            .env(
                "CARGO_TARGET_DIR",
                programs.parent().unwrap().join("emitted"),
            )
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{example}: {error}{said}");
        assert!(!error.contains("warning"), "{example}: {error}");
        assert!(said.matches(" ... ok").count() > 0, "{said}");
    }
}

#[test]
fn nothing_else_is_overwritten() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("mine"), "kept").unwrap();
    let out = here.path().to_str().unwrap();
    let (code, _, error) = skylark(&["emit", "-p", "counter", "--out", out]);
    assert_eq!(code, 2);
    assert!(
        error.contains("is not empty and not of an earlier `emit`"),
        "{error}"
    );
    assert_eq!(files(here.path()).len(), 1);
}

/// What is not whole is not emitted.
#[test]
fn a_file_that_is_not_there_is_an_error() {
    let here = tempfile::tempdir().unwrap();
    let app = here.path().join("app");
    fs::create_dir_all(app.join("src")).unwrap();
    let manifest = app.join("Cargo.toml");
    fs::write(
        &manifest,
        "[package]\nname = \"app\"\nedition = \"2024\"\n[workspace]\n",
    )
    .unwrap();
    fs::write(app.join("src/lib.rs"), "pub mod a;\n").unwrap();
    let (manifest, out) = (manifest.to_str().unwrap(), here.path().join("out"));
    let emit = [
        "emit",
        "--manifest-path",
        manifest,
        "--out",
        out.to_str().unwrap(),
    ];
    let (code, _, error) = skylark(&emit);
    assert_eq!(code, 1, "{error}");
    assert!(
        error.contains("src/lib.rs:1: no file for module `a`"),
        "{error}"
    );
    assert!(!out.exists());
    fs::write(app.join("src/a.rs"), "pub fn f() {}\n").unwrap();
    let (code, _, error) = skylark(&emit);
    assert_eq!(code, 0, "{error}");
}
