//! Apps' lives with real nodes. These build apps, so they need the wasm target, and the
//! node's program, unless `SKYLARK_NODE` names one to test with.

mod builds;
mod evolves;
mod falls;
mod greeter;
mod node;
mod outside;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

/// The directory of the programs of this build, `target/debug` or the like.
pub(crate) fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_cargo-skylark"))
        .parent()
        .unwrap()
}

/// The node's program.
pub(crate) fn node_program() -> PathBuf {
    match std::env::var_os("SKYLARK_NODE") {
        Some(named) => named.into(),
        None => programs().join("skylark-node"),
    }
}

pub(crate) fn cargo(directory: &Path, arguments: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(directory)
        // Shared with the workspace's builds: macros and their syntax trees are
        // the most of it, and are the same.
        .env("CARGO_TARGET_DIR", programs().parent().unwrap())
        .status()
        .unwrap();
    assert!(
        status.success(),
        "cargo {arguments:?} in {}",
        directory.display()
    );
}

/// What a command came to: exit code, standard output, standard error.
pub(crate) fn skylark(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command(directory, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-skylark"));
    command
        .current_dir(directory)
        .args(arguments)
        .env("CARGO_TARGET_DIR", programs().parent().unwrap())
        .env("SKYLARK_NODE", node_program())
        .env_remove("SKYLARK_STORE")
        .env_remove("SKYLARK_TOKEN_FILE")
        .env("NO_COLOR", "1");
    command
}

/// Makes a new app, as a user would, and what its life needs.
pub(crate) fn make(directory: &Path, name: &str) -> PathBuf {
    static NODE: Once = Once::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    NODE.call_once(|| {
        if std::env::var_os("SKYLARK_NODE").is_none() {
            cargo(workspace, &["build", "--package", "skylark-node"]);
        }
    });
    let (code, _, error) = skylark(directory, &["new", name]);
    assert_eq!(code, 0, "{error}");
    let app = directory.join(name);
    // The versions that the workspace was tested with.
    fs::copy(workspace.join("Cargo.lock"), app.join("Cargo.lock")).unwrap();
    app
}
