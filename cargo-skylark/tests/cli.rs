//! The command as its users run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The command in `directory`, with none of this machine's settings.
fn skylark(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-skylark"));
    command
        .current_dir(directory)
        .args(arguments)
        .env_remove("SKYLARK_NODE")
        .env_remove("SKYLARK_STORE")
        .env_remove("SKYLARK_TOKEN_FILE")
        .env("NO_COLOR", "1");
    command
}

/// What came of it: exit code, standard output, standard error.
fn outcome(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    outcome(skylark(directory, arguments).output().unwrap())
}

/// A new app, its sources replaced by `files` if there are any.
fn app(directory: &Path, files: &[(&str, &str)]) -> PathBuf {
    let (code, _, error) = run(directory, &["new", "greeter"]);
    assert_eq!(code, 0, "{error}");
    let app = directory.join("greeter");
    for (path, text) in files {
        let path = app.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    app
}

#[test]
fn help_teaches() {
    let here = tempfile::tempdir().unwrap();
    for command in [
        "",
        "new",
        "emit",
        "lift",
        "check",
        "build",
        "up",
        "deploy",
        "invoke",
        "state",
        "runs",
        "runs retry",
        "promise",
        "promise complete",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let (code, help, _) = run(here.path(), &arguments);
        assert_eq!(code, 0, "{command}");
        assert!(help.contains("cargo skylark"), "{command}: {help}");
        insta::assert_snapshot!(format!("help_{}", command.replace(' ', "_")), help);
    }
}

#[test]
fn cargo_calls_it_alike() {
    let here = tempfile::tempdir().unwrap();
    assert_eq!(
        run(here.path(), &["skylark", "--version"]),
        run(here.path(), &["--version"])
    );
}

#[test]
fn exit_codes_and_what_is_said() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("no.wasm"), "no wasm").unwrap();
    fs::write(here.path().join("plain.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let check = |arguments: &[&str], code: i32, part: &str| {
        let (got, output, error) = run(here.path(), arguments);
        assert!(
            error.contains(part),
            "{arguments:?}: {part:?} is not in {error:?}"
        );
        assert_eq!((got, output.as_str()), (code, ""), "{arguments:?}: {error}");
    };
    check(&["fly"], 2, "unrecognized subcommand 'fly'");
    check(&["up", "-n", "0"], 2, "1..=64");
    check(
        &["up", "--policy", "nearest"],
        2,
        "possible values: skylark, databelt, random, stateless",
    );
    check(&["new", "4ever"], 2, "not starting with a digit");
    check(
        &["new", "x", "--path-to-skylark", "."],
        2,
        "no checkout of Skylark",
    );
    check(
        &["invoke", "greet", "Ada"],
        2,
        "needs its quotes: '\"Ada\"'",
    );
    check(
        &["invoke", "greet", "@missing.json"],
        3,
        "cannot read missing.json",
    );
    check(
        &["invoke", "greet"],
        3,
        "start some with `cargo skylark up`",
    );
    check(
        &["invoke", "a/greet", "--node", "http://127.0.0.1:1"],
        3,
        "cannot reach the node at http://127.0.0.1:1",
    );
    check(&["state", "ls"], 3, "start some with `cargo skylark up`");
    check(&["runs"], 2, "<ID>");
    check(&["runs", "a.1", "--failed"], 2, "cannot be used with");
    check(&["runs", "--failed", "--wait"], 2, "cannot be used with");
    check(&["runs", "a.1", "--app", "a"], 2, "cannot be used with");
    check(&["runs", "--failed", "--limit", "0"], 2, "1..");
    check(&["runs", "retry"], 2, "<ID>");
    for arguments in [
        &["runs", "a.1"][..],
        &["runs", "--failed", "--app", "a"],
        &["runs", "retry", "a.1"],
        &["runs", "cancel", "a.1"],
        &["promise", "complete", "a.1~paid", "7"],
        &["promise", "complete", "a.1~paid"],
        &["promise", "fail", "a.1~paid", "no budget"],
    ] {
        check(arguments, 3, "start some with `cargo skylark up`");
        let there = [arguments, &["--node", "http://127.0.0.1:1"]].concat();
        check(&there, 3, "cannot reach the node at http://127.0.0.1:1");
    }
    check(
        &["promise", "complete", "a.1", "7"],
        2,
        "as in 'a.1~approval'",
    );
    check(
        &["promise", "complete", "a.1~approval", "Ada"],
        2,
        "needs its quotes: '\"Ada\"'",
    );
    check(&["promise", "fail", "a.1~approval"], 2, "<WHY>");
    check(&["check"], 3, "could not find `Cargo.toml`");
    check(&["build"], 3, "could not find `Cargo.toml`");
    let node = ["--node", "http://127.0.0.1:1"];
    check(
        &[&["deploy", "no.wasm"], &node[..]].concat(),
        1,
        "this is no wasm module",
    );
    check(
        &[&["deploy", "plain.wasm"], &node[..]].concat(),
        1,
        "annotate a handler",
    );
    check(
        &[&["deploy", "missing.wasm"], &node[..]].concat(),
        3,
        "cannot read missing.wasm",
    );
}

#[test]
fn errors_are_json_when_asked_for() {
    let here = tempfile::tempdir().unwrap();
    let (code, output, error) = run(here.path(), &["--json", "state", "ls"]);
    assert_eq!((code, output.as_str()), (3, ""));
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["exit_code"], 3);
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .contains("no nodes are known to run")
    );
}

#[test]
fn a_new_app_is_clean_and_has_its_graph() {
    let here = tempfile::tempdir().unwrap();
    let app = app(here.path(), &[]);
    let (code, output, error) = run(&app, &["check", "--deny-warnings"]);
    assert_eq!((code, output.as_str()), (0, ""), "{error}");
    assert!(
        error.contains("2 functions, 1 state; nothing is wrong"),
        "{error}"
    );
    for (format, start) in [("mermaid", "flowchart"), ("dot", "digraph")] {
        let (code, graph, error) = run(&app, &["graph", "--format", format]);
        assert_eq!((code, error.as_str()), (0, ""));
        assert!(
            graph.starts_with(start) && graph.contains("VISITS"),
            "{graph}"
        );
    }
    let (_, graph, _) = run(&app, &["graph", "--json"]);
    let graph: serde_json::Value = serde_json::from_str(&graph).unwrap();
    assert_eq!(graph["functions"].as_object().unwrap().len(), 2);
    let (code, _, error) = run(&app, &["graph", "-o", "g.dot", "--format", "dot"]);
    assert_eq!(code, 0, "{error}");
    assert!(
        fs::read_to_string(app.join("g.dot"))
            .unwrap()
            .starts_with("digraph")
    );
}

#[test]
fn graphs_are_compared_with_a_revision() {
    let here = tempfile::tempdir().unwrap();
    let app = app(here.path(), &[]);
    let (code, _, error) = run(&app, &["graph", "--diff", "HEAD"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("is in no git repository"), "{error}");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(&app)
            .args(["-c", "user.name=t", "-c", "user.email=t@t"]);
        let status = command.args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    let (code, changes, error) = run(&app, &["graph", "--diff", "HEAD"]);
    assert_eq!((code, changes.as_str()), (0, ""), "{error}");
    let library = app.join("src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let added = "\n#[skylark::function(on = cloud)]\npub fn added(x: u8) -> u8 {\n    x\n}\n";
    fs::write(&library, text.replace("VISITS", "VISITORS") + added).unwrap();
    let (code, changes, error) = run(&app, &["graph", "--diff", "HEAD"]);
    assert_eq!(code, 0, "{error}");
    for line in [
        "+ function added (u8) -> u8",
        "+ state VISITORS ",
        "- state VISITS ",
    ] {
        assert!(changes.contains(line), "{line} in {changes}");
    }
    assert_eq!(
        fs::read_to_string(&library)
            .unwrap()
            .matches("VISITORS")
            .count(),
        text.matches("VISITS").count()
    );
    let (_, json, _) = run(&app, &["graph", "--diff", "HEAD", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["functions"]["added"]["added"], "(u8) -> u8");
    let (_, svg, _) = run(&app, &["graph", "--diff", "HEAD", "--format", "svg"]);
    assert!(
        svg.starts_with("<svg") && svg.contains("function added"),
        "{svg}"
    );
    let (code, _, error) = run(&app, &["graph", "--diff", "nowhere"]);
    assert_eq!(code, 2);
    assert!(error.contains("no revision `nowhere`"), "{error}");
}

#[test]
fn expansions_are_readable() {
    let here = tempfile::tempdir().unwrap();
    let app = app(here.path(), &[]);
    let (code, source, error) = run(&app, &["expand", "--function", "welcome"]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(
        source.contains("pub fn welcome(guest: Guest) -> String {"),
        "{source}"
    );
    assert!(
        source.contains("skylark_fn_welcome") && !source.contains("greet"),
        "{source}"
    );
    let (_, whole, _) = run(&app, &["expand"]);
    let (_, file, _) = run(&app, &["expand", "src/lib.rs"]);
    assert_eq!(whole, file, "an app of one file");
    assert!(
        whole.contains("static VISITS") && !whole.contains("#[skylark::"),
        "{whole}"
    );
    let (code, _, error) = run(&app, &["expand", "--function", "wellcome"]);
    assert_eq!(code, 2);
    assert!(error.contains("did you mean `welcome`?"), "{error}");
}

/// Most of what `check` finds, over two files.
const WRONG: [(&str, &str); 2] = [
    (
        "src/lib.rs",
        r#"//! Wrong in several ways.
mod shop;
mod missing;

#[skylark::state]
static UNUSED: std::sync::Mutex<u32> = std::sync::Mutex::new(0);

#[skylark::chain(next = detct)] // ä before the place
pub fn preprocess(photo: String) -> u32 {
    photo.len() as u32
}

#[skylark::chain(next = preprocess2)]
pub fn detect(n: u32) -> String {
    n.to_string()
}

#[skylark::chain(next = detect)]
pub fn preprocess2(photo: String) -> u32 {
    photo.len() as u32
}
"#,
    ),
    (
        "src/shop.rs",
        r#"#[skylark::function]
pub fn detect(n: u32) -> u32 {
    n
}

#[skylark::function(timeuot = "2s")]
pub fn order(n: u32) -> u32 {
    n
}
"#,
    ),
];

#[test]
fn diagnostics_are_drawn_all_at_once() {
    let here = tempfile::tempdir().unwrap();
    let app = app(here.path(), &WRONG);
    let (code, drawn, error) = run(&app, &["check"]);
    assert_eq!(code, 1, "{drawn}{error}");
    insta::assert_snapshot!("check_wrong", drawn);
    insta::assert_snapshot!("check_wrong_summary", error);
    let (code, lines, _) = run(&app, &["check", "--json"]);
    assert_eq!(code, 1);
    let codes: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|found| {
            format!(
                "{} {}",
                found["code"].as_str().unwrap(),
                found["file"].as_str().unwrap()
            )
        })
        .collect();
    assert!(
        codes.contains(&"SKY0009 src/lib.rs".to_owned()),
        "the module without a file: {codes:?}"
    );
    assert!(
        codes.contains(&"SKY0008 src/shop.rs".to_owned()),
        "the unknown option: {codes:?}"
    );
    assert_eq!(codes.len(), drawn.matches("--> ").count(), "{drawn}");
}

#[test]
fn warnings_fail_only_when_denied() {
    let here = tempfile::tempdir().unwrap();
    let unused =
        "#[skylark::state]\nstatic UNUSED: std::sync::Mutex<u32> = std::sync::Mutex::new(0);\n";
    let app = app(here.path(), &[("src/lib.rs", unused)]);
    let (code, drawn, error) = run(&app, &["check"]);
    assert_eq!(code, 0, "{error}");
    assert!(drawn.contains("warning[SKY0007]"), "{drawn}");
    let (code, _, error) = run(&app, &["check", "--deny-warnings"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("1 warning, and warnings are denied"),
        "{error}"
    );
}

#[test]
fn a_node_that_does_not_start_says_why_and_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let here = tempfile::tempdir().unwrap();
    let check = |script: &str, part: &str| {
        let program = here.path().join("node.sh");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let output = skylark(here.path(), &["up", "-n", "2", "--start-timeout", "1"])
            .env("SKYLARK_NODE", &program)
            .env("TMPDIR", temporary.path())
            .output()
            .unwrap();
        let (code, _, error) = outcome(output);
        assert_eq!(code, 3, "{error}");
        assert!(error.contains(part), "{part:?} is not in {error}");
        assert_eq!(
            fs::read_dir(temporary.path()).unwrap().count(),
            0,
            "a data directory is left"
        );
        assert!(
            !here.path().join(".skylark").exists(),
            "a state file is left"
        );
    };
    check(
        "echo 'the port is in use' >&2; exit 7",
        "the port is in use",
    );
    check("echo 'the port is in use' >&2; exit 7", "exit status: 7");
    check(
        "echo listening on http://127.0.0.1:1; exec sleep 600",
        "not ready after 1 s (`--start-timeout`)",
    );
    check("exec sleep 600", "not ready after 1 s (`--start-timeout`)");
    let output = skylark(here.path(), &["up"])
        .env("SKYLARK_NODE", "/missing")
        .output()
        .unwrap();
    let (code, _, error) = outcome(output);
    assert_eq!(code, 3);
    assert!(
        error.contains("SKYLARK_NODE names /missing, which is no file"),
        "{error}"
    );
}
