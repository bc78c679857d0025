//! The programs of Restate's that Skylark is measured beside: its server from
//! npm, in the version named here, and a service on its Rust SDK.

use crate::process;
use anyhow::{Context as _, Result};
use cargo_skylark::{error::environment, output::Output};
use std::{path::PathBuf, process::Command};

const VERSION: &str = "1.7.12";

/// Where they are.
pub(super) struct Programs {
    pub(super) server: PathBuf,
    pub(super) subjects: PathBuf,
}

/// Fetches and builds what is not there yet, under the target directory.
///
/// # Errors
/// There is no npm, or no network, or the service does not build.
pub(super) fn programs(output: &Output) -> Result<Programs> {
    let directory = process::target_dir()?.join("restate");
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("creating {}", directory.display()))?;
    // The program itself: npm's own is a script that starts it and would be
    // killed in its place.
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux-x64",
        "aarch64" => "linux-arm64",
        other => return Err(environment(format!("Restate has no server for {other}"))),
    };
    let package = format!("@restatedev/restate-server-{platform}");
    let server = directory
        .join("node_modules")
        .join(&package)
        .join("bin/restate-server");
    let installed = process::capture(Command::new(&server).arg("--version"));
    if !installed.is_ok_and(|said| said.contains(VERSION)) {
        process::run(
            Command::new("npm")
                .args([
                    "install",
                    "--no-save",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                ])
                .arg("--prefix")
                .arg(&directory)
                .arg(format!("{package}@{VERSION}")),
            output,
        )?;
    }
    let manifest = process::root().join("benches/restate/Cargo.toml");
    process::run(
        process::cargo()
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&directory),
        output,
    )?;
    Ok(Programs {
        server,
        subjects: directory.join("release/restate-subjects"),
    })
}
