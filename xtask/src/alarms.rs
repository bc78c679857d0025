//! `cargo xtask alarms`: what the checks say of crates that were not written for
//! Skylark, to see false alarms.

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};
use cargo_skylark::{
    app::{diagnostics::render, project::Project},
    cli,
    output::{Output, table},
};
use skylark_compiler::{Diagnostic, Handlers, Model, Settings, check_app_with};
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

/// Published crates with globals, and the versions that are looked at.
const CRATES: [(&str, &str); 9] = [
    ("dotenvy", "0.15.7"),
    ("env_logger", "0.11.8"),
    ("fastrand", "2.5.0"),
    ("log", "0.4.27"),
    ("metrics", "0.24.2"),
    ("mini-redis", "0.4.1"),
    ("prometheus", "0.14.0"),
    ("sled", "0.34.7"),
    ("tracing-core", "0.1.34"),
];

/// What of them is to be shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fetches the crates from crates.io into cargo's registry, and takes every public function
for a handler, as `cargo skylark check --as-handlers all-pub` does.

Examples:
  cargo xtask alarms                      a table, in Markdown
  cargo xtask alarms --show sled          what is found in one of them")]
pub(crate) struct Options {
    /// Show what is found in this crate.
    #[arg(long, value_name = "CRATE")]
    show: Option<String>,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    let metadata = fetch()?;
    let mut rows = Vec::new();
    for (name, version) in CRATES {
        if options.show.as_deref().is_some_and(|shown| shown != name) {
            continue;
        }
        let (model, found) = look(&metadata, name, version)?;
        if options.show.is_some() {
            for finding in &found {
                output.text(&render(finding, &model.files));
                output.text("");
            }
        }
        let lines: usize = model
            .files
            .iter()
            .map(|file| file.text.lines().count())
            .sum();
        let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &found {
            *codes.entry(finding.code.name()).or_default() += 1;
        }
        let codes = codes.iter().map(|(code, n)| format!("{code} {n}"));
        let codes = codes.collect::<Vec<_>>().join(", ");
        rows.push([
            format!("| {name} {version}"),
            format!("| {lines}"),
            format!("| {}", found.len()),
            format!("| {codes} |"),
        ]);
    }
    ensure!(
        !rows.is_empty(),
        "`--show` takes one of the crates of the table"
    );
    rows.insert(
        0,
        ["| ---", "| ---:", "| ---:", "| --- |"].map(str::to_owned),
    );
    output.text(&table(
        ["| crate", "| lines", "| findings", "| by check |"],
        rows,
    ));
    Ok(())
}

/// Has cargo fetch the crates, and tells where they are.
fn fetch() -> Result<Metadata> {
    let directory = tempfile::tempdir()?;
    let dependencies: String = CRATES
        .iter()
        .map(|(name, version)| format!("{name} = \"={version}\"\n"))
        .collect();
    let manifest = directory.path().join("Cargo.toml");
    let package =
        "[package]\nname = \"alarms\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(
        &manifest,
        format!("{package}[dependencies]\n{dependencies}"),
    )?;
    fs::create_dir(directory.path().join("src"))?;
    fs::write(directory.path().join("src/lib.rs"), "")?;
    let fetched = Command::new("cargo")
        .args(["fetch", "--manifest-path"])
        .arg(&manifest)
        .status()
        .context("cannot run cargo")?;
    ensure!(fetched.success(), "cargo cannot fetch the crates");
    Ok(MetadataCommand::new().manifest_path(manifest).exec()?)
}

fn look(metadata: &Metadata, name: &str, version: &str) -> Result<(Model, Vec<Diagnostic>)> {
    let package = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == name && package.version.to_string() == version)
        .with_context(|| format!("cargo did not fetch {name} {version}"))?;
    let options = cli::Project {
        package: None,
        manifest_path: Some(PathBuf::from(&package.manifest_path)),
    };
    let model = Project::find(&options)?.model()?;
    let found = check_app_with(&model, &Settings::default(), Handlers::AllPublic);
    Ok((model, found))
}
