//! `cargo skylark fix`

use crate::{
    app::{
        diagnostics::{render, tally},
        fixes::{Fixed, fix},
        project::Project,
        settings,
    },
    cli::Fix,
    error::usage,
    output::{Output, count, diff},
};
use anyhow::{Context as _, Result};
use serde::Serialize;
use skylark_compiler::SourceFile;
use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

/// One file's change, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Change<'a> {
    file: &'a str,
    diff: String,
}

pub(super) fn run(args: &Fix, output: &Output) -> Result<()> {
    let project = Project::find(&args.project)?;
    let decided = settings::read(project.directory())?;
    let model = project.model()?;
    let fixed = fix(model.files.clone(), &project.context()?, &decided)?;
    let changed: Vec<(&SourceFile, &SourceFile)> = model
        .files
        .iter()
        .zip(&fixed.files)
        .filter(|(old, new)| old.text != new.text)
        .collect();
    if changed.is_empty() {
        output.status("Fixed", &format!("`{}`: nothing to do", project.name));
        return Ok(());
    }
    for (old, new) in &changed {
        let change = Change {
            file: &old.path,
            diff: diff(&old.path, &old.text, &new.text),
        };
        output.result(&change, |change| change.diff.clone())?;
    }
    if !(args.apply || (!output.json() && agreed()?)) {
        output.status(
            "Shown",
            &format!(
                "`{}`: {} in {}; `cargo skylark fix --apply` writes them",
                project.name,
                count(fixed.mended.len(), "fix").replace("fixs", "fixes"),
                count(changed.len(), "file"),
            ),
        );
        return Ok(());
    }
    let paths: Vec<PathBuf> = changed.iter().map(|(old, _)| (&old.path).into()).collect();
    if !args.allow_dirty {
        refuse_what_is_not_committed(&paths)?;
    }
    for (_, new) in &changed {
        write(Path::new(&new.path), &new.text)?;
    }
    say_what_is_left(&project, &fixed, changed.len(), output);
    Ok(())
}

fn say_what_is_left(project: &Project, fixed: &Fixed, files: usize, output: &Output) {
    for finding in &fixed.left {
        output.aside(&render(finding, &fixed.files));
    }
    let left = tally(&fixed.left);
    let left = if left.is_empty() {
        "nothing is wrong now".into()
    } else {
        format!("left are {left}")
    };
    output.status(
        "Fixed",
        &format!(
            "`{}`: {} in {}; {left}",
            project.name,
            count(fixed.mended.len(), "fix").replace("fixs", "fixes"),
            count(files, "file"),
        ),
    );
}

/// Asks on a terminal; elsewhere the answer is no.
fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    let mut errors = std::io::stderr();
    write!(errors, "Write this? [y/N] ")?;
    errors.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What is written can be taken back by git only where git has it.
fn refuse_what_is_not_committed(paths: &[PathBuf]) -> Result<()> {
    let mut dirty = Vec::new();
    for path in paths {
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
        let status = Command::new("git")
            .args(["status", "--porcelain", "--ignored", "--"])
            .arg(path.file_name().unwrap_or_default())
            .current_dir(directory.unwrap_or(Path::new(".")))
            .output();
        if !status.is_ok_and(|s| s.status.success() && s.stdout.is_empty()) {
            dirty.push(path.display().to_string());
        }
    }
    if dirty.is_empty() {
        return Ok(());
    }
    Err(usage(format!(
        "git could not give back what would be changed, as it is not committed: {}; commit it, or say \
         `--allow-dirty`",
        dirty.join(", ")
    )))
}

/// Writes beside the file and then over it, so that it is never half a file.
fn write(path: &Path, text: &str) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)?;
    let permissions = std::fs::metadata(path).with_context(context)?.permissions();
    file.as_file()
        .set_permissions(permissions)
        .with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}
