//! An app as it was at a git revision. The working tree, its index and its branches
//! are left alone.

use super::project::Project;
use crate::{
    cli,
    error::{environment, usage},
};
use anyhow::{Context as _, Result};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// An app of a revision, in a directory of its own as long as this is there.
#[derive(Debug)]
pub struct Revision {
    /// The app.
    pub project: Project,
    _directory: TempDir,
}

impl Revision {
    /// The app `project` as it was at `revision`. Rust sources and manifests are read;
    /// nothing else is.
    ///
    /// # Errors
    /// The app is in no git repository, or there is no such revision, or no such app in it.
    pub fn of(project: &Project, revision: &str) -> Result<Self> {
        let here = project.directory();
        let top = git(here, &["rev-parse", "--show-toplevel"], None).map_err(|error| {
            environment(format!(
                "{} is in no git repository: {error}",
                here.display()
            ))
        })?;
        let top = PathBuf::from(top.trim_end());
        let commit = format!("{revision}^{{commit}}");
        let tree = git(
            here,
            &[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &commit,
            ],
            None,
        )
        .map_err(|_| usage(format!("no revision `{revision}` in {}", top.display())))?;
        let directory = tempfile::tempdir().context("no directory for temporary files")?;
        let index = directory.path().join("index");
        let sources = directory.path().join("sources");
        git(&top, &["read-tree", tree.trim_end()], Some(&index))?;
        let files = git(
            &top,
            &["ls-files", "-z", "--", "*.rs", "*Cargo.toml"],
            Some(&index),
        )?;
        export(&top, &index, &sources, &files)?;
        let inside = canonical(here)?;
        let inside = inside
            .strip_prefix(canonical(&top)?)
            .unwrap_or(Path::new(""))
            .to_owned();
        let options = cli::Project {
            package: None,
            manifest_path: Some(sources.join(inside).join("Cargo.toml")),
        };
        let project = Project::find_in(&sources, &options).with_context(|| {
            environment(format!("`{}` is not readable at {revision}", project.name))
        })?;
        Ok(Self {
            project,
            _directory: directory,
        })
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .map_err(|error| environment(format!("cannot find {}: {error}", path.display())))
}

fn command(directory: &Path, arguments: &[&str], index: Option<&Path>) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).args(arguments);
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    command
}

/// Runs git; what it prints.
fn git(directory: &Path, arguments: &[&str], index: Option<&Path>) -> Result<String> {
    let output = command(directory, arguments, index)
        .output()
        .map_err(|error| environment(format!("cannot run git: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(environment(said.trim().to_owned()));
    }
    String::from_utf8(output.stdout).map_err(|_| environment("git names a file that is not UTF-8"))
}

/// Writes these files of an index below `to`.
fn export(top: &Path, index: &Path, to: &Path, files: &str) -> Result<()> {
    use std::io::Write as _;
    let prefix = format!("--prefix={}/", to.display());
    let mut child = command(
        top,
        &["checkout-index", "-z", "--stdin", &prefix],
        Some(index),
    )
    .stdin(Stdio::piped())
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .map_err(|error| environment(format!("cannot run git: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(files.as_bytes())
            .context("git stopped reading")?;
    }
    let output = child.wait_with_output().context("git was lost")?;
    if output.status.success() {
        return Ok(());
    }
    Err(environment(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
