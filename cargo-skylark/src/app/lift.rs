//! A crate on disk, lifted: what its files become.

mod manifest;

use super::{
    new::{Origin, app_name},
    sources::Sources,
};
use crate::error::{environment, usage};
use anyhow::{Result, anyhow};
use cargo_metadata::{MetadataCommand, Package, Target, TargetKind};
use proc_macro2::{TokenStream, TokenTree};
use skylark_compiler::{Decision, Kind, Report};
use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A crate and what becomes of it.
#[derive(Debug)]
pub struct LiftedCrate {
    /// The package's name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// Files that change, by their paths in it.
    pub changes: Vec<Change>,
    /// What was decided and what is asked.
    pub report: Report,
}

/// A file that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path in the package.
    pub path: String,
    /// What it was; `None` of a new one.
    pub before: Option<String>,
    /// What it is; `None` if it goes.
    pub after: Option<String>,
}

impl LiftedCrate {
    /// Lifts the package in `directory`. Nothing is written.
    ///
    /// `name` is another name for the package, `home` where it will be, as Cargo.toml
    /// says where Skylark is from there.
    ///
    /// # Errors
    /// There is no package, it is no Rust, or it names Skylark already.
    pub fn read(
        directory: &Path,
        name: Option<&str>,
        origin: &Origin,
        home: &Path,
    ) -> Result<Self> {
        let name = name.map(|name| app_name(Path::new(name))).transpose()?;
        let name = name.as_deref();
        let package = package(directory)?;
        let manifest: PathBuf = package.manifest_path.clone().into();
        let directory = manifest.parent().unwrap_or(directory).to_owned();
        if package.dependencies.iter().any(|d| d.name == "skylark-rt") {
            return Err(usage(format!(
                "package `{}` uses Skylark already: `cargo skylark check` looks at it",
                package.name
            )));
        }
        let (root, programs) = targets(&package)?;
        let library = package.name.replace('-', "_");
        let sources = Sources::read_seen_from(&root, &library, &directory)?;
        if let Some(fault) = sources.faults.first() {
            return Err(anyhow!(
                "{}:{}: {}",
                fault.file,
                fault.span.line,
                fault.message
            ));
        }
        let lifted = skylark_compiler::lift(&sources.files).map_err(|error| anyhow!(error))?;
        let edition = package.edition.as_str();
        let mut report = lifted.report;
        if report.decisions.is_empty() && report.questions.is_empty() {
            return Err(usage(format!(
                "nothing in package `{}` was seen that could be lifted: no handlers of axum or of a Thrift \
                 service, and no globals that they share",
                package.name
            )));
        }
        let mut changes: Vec<Change> = lifted
            .files
            .into_iter()
            .map(|file| Change {
                after: file
                    .after
                    .map(|text| formatted(file.before.as_deref(), text, edition, &directory)),
                path: file.path,
                before: file.before,
            })
            .collect();
        for (path, why) in programs
            .iter()
            .map(|path| (path, "a node serves the functions: there is no program"))
            .chain(
                tests(&directory, &report)
                    .iter()
                    .map(|path| (path, "it drives the server, which is gone")),
            )
        {
            let shown = path
                .strip_prefix(&directory)
                .unwrap_or(path)
                .display()
                .to_string();
            if changes.iter().any(|change| change.path == shown) {
                continue;
            }
            changes.push(Change {
                before: Some(read(path)?),
                after: None,
                path: shown.clone(),
            });
            report.decisions.push(Decision {
                kind: Kind::Removed,
                file: shown.clone(),
                line: 1,
                what: shown,
                became: String::new(),
                why: why.to_owned(),
            });
        }
        report.decisions.sort();
        let text = read(&manifest)?;
        let mut mentions = lifted.mentions;
        let edit = manifest::Edit {
            name,
            mentions: &mut mentions,
            skylark: manifest::skylark(origin, home),
        };
        let edited = manifest::edit(&text, edit)?;
        changes.push(Change {
            path: "Cargo.toml".into(),
            before: Some(text),
            after: Some(edited),
        });
        changes.retain(|change| change.before != change.after);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            name: package.name.to_string(),
            directory,
            changes,
            report,
        })
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| environment(format!("cannot read {}: {error}", path.display())))
}

fn package(directory: &Path) -> Result<Package> {
    let manifest = directory.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(environment(format!(
            "no Cargo.toml in {}",
            directory.display()
        )));
    }
    let mut command = MetadataCommand::new();
    command.no_deps().manifest_path(&manifest);
    let metadata = command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } => environment(format!(
            "cargo cannot read the package in {}: {}",
            directory.display(),
            stderr.trim().trim_start_matches("error: ")
        )),
        other => other.into(),
    })?;
    let manifest = manifest.canonicalize().unwrap_or(manifest);
    let is_it = |package: &&Package| {
        let path = package.manifest_path.canonicalize();
        path.is_ok_and(|path| path == manifest)
    };
    if let Some(found) = metadata.packages.iter().find(is_it) {
        return Ok(found.clone());
    }
    let members = metadata.packages.iter().map(|package| {
        let path = package.manifest_path.parent();
        format!(
            "  {} in {}",
            package.name,
            path.map_or("", |path| path.as_str())
        )
    });
    Err(usage(format!(
        "{} is a workspace and no package; lift one of its members:\n{}",
        directory.display(),
        members.collect::<Vec<_>>().join("\n")
    )))
}

/// The root that is lifted, and programs that go.
fn targets(package: &Package) -> Result<(PathBuf, Vec<PathBuf>)> {
    let is = |target: &&Target, kinds: &[TargetKind]| {
        kinds.iter().any(|kind| target.kind.contains(kind))
    };
    let of = |kinds: &[TargetKind]| -> Vec<PathBuf> {
        let found = package.targets.iter().filter(|target| is(target, kinds));
        found.map(|target| target.src_path.clone().into()).collect()
    };
    let libraries = of(&[TargetKind::Lib, TargetKind::RLib, TargetKind::CDyLib]);
    let programs = of(&[TargetKind::Bin]);
    match (libraries.first(), programs.as_slice()) {
        (Some(library), _) => Ok((library.clone(), programs)),
        (None, [program]) => Ok((program.clone(), Vec::new())),
        (None, []) => Err(environment(format!(
            "package `{}` has nothing to lift",
            package.name
        ))),
        (None, _) => Err(usage(format!(
            "package `{}` has several programs and no library: move the handlers into src/lib.rs first",
            package.name
        ))),
    }
}

/// Integration tests that drive what is gone: they name a server's crate, or a function
/// that was removed. If none is left, what they share goes too.
fn tests(directory: &Path, report: &Report) -> Vec<PathBuf> {
    // Of names that many functions have, nobody knows which is meant.
    const COMMON: &[&str] = &["default", "main", "new"];
    let removed = report.decisions.iter().filter(|d| d.kind == Kind::Removed);
    let gone: BTreeSet<&str> = removed
        .filter_map(|d| d.what.strip_prefix("fn "))
        .filter_map(|path| path.rsplit("::").next())
        .filter(|name| !COMMON.contains(name))
        .collect();
    let drives = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut names = BTreeSet::new();
        identifiers(text.parse().unwrap_or_default(), &mut names);
        let server = |server: &&str| names.contains(&server.replace('-', "_"));
        manifest::SERVERS.iter().any(server) || gone.iter().any(|name| names.contains(*name))
    };
    let tests = directory.join("tests");
    let files = rust_files(&tests);
    let (whole, shared): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|path| path.parent() == Some(tests.as_path()));
    let count = whole.len();
    let mut found: Vec<PathBuf> = whole.into_iter().filter(|path| drives(path)).collect();
    if found.len() == count {
        found.extend(shared);
    }
    found
}

/// The Rust files in a directory, and in those in it, in order.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = directory.read_dir() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        // A link to a directory is not followed: it may lead back.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn identifiers(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(into.insert(ident.to_string())),
            TokenTree::Group(group) => identifiers(group.stream(), into),
            _ => {}
        }
    }
}

/// What rustfmt makes of a new text, if it had nothing to say of the old one.
fn formatted(before: Option<&str>, after: String, edition: &str, directory: &Path) -> String {
    let was = before.is_none_or(|text| rustfmt(text, edition, directory).as_deref() == Some(text));
    was.then(|| rustfmt(&after, edition, directory))
        .flatten()
        .unwrap_or(after)
}

/// `None` where there is no rustfmt, or it does not understand the text.
fn rustfmt(text: &str, edition: &str, directory: &Path) -> Option<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", edition, "--emit", "stdout"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let written = writer.join().is_ok_and(|written| written.is_ok());
    let text = String::from_utf8(output.stdout).ok()?;
    (written && output.status.success() && !text.is_empty()).then_some(text)
}
