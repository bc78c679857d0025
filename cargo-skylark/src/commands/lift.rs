//! `cargo skylark lift`

use crate::{
    app::{
        lift::{Change, LiftedCrate},
        new::Origin,
    },
    cli::Lift,
    error::{environment, usage},
    output::{Output, count, diff},
};
use anyhow::{Context as _, Result};
use skylark_compiler::{Kind, Report};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Files of a package that `--out` does not take along.
const LEFT: &[&str] = &["target", "Cargo.lock"];

pub(super) fn run(args: &Lift, output: &Output) -> Result<()> {
    let origin = Origin::find(args.path_to_skylark.as_deref())?;
    let home = args.out.as_ref().unwrap_or(&args.crate_dir);
    let lifted = LiftedCrate::read(&args.crate_dir, args.name.as_deref(), &origin, home)?;
    if args.apply {
        committed(&lifted.directory)?;
        write(&lifted.directory, &lifted.changes)?;
    }
    if let Some(out) = &args.out {
        copy(&lifted, out)?;
    }
    let diffs: Vec<String> = lifted.changes.iter().map(shown).collect();
    let written = args.apply || args.out.is_some();
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    let result = serde_json::json!({
        "package": lifted.name,
        "diff": plain(&diffs.concat()),
        "decisions": lifted.report.decisions,
        "questions": lifted.report.questions,
    });
    output.result(&result, |_| {
        let report = report(&lifted.report);
        if written {
            report
        } else {
            format!("{}\n{report}", diffs.concat())
        }
    })?;
    let questions = count(lifted.report.questions.len(), "question");
    let files = count(lifted.changes.len(), "file");
    match (&args.out, args.apply) {
        (Some(out), _) => output.status(
            "Lifted",
            &format!("`{}` to {}; {questions}", lifted.name, out.display()),
        ),
        (None, true) => output.status(
            "Lifted",
            &format!("`{}`: {files} changed; {questions}", lifted.name),
        ),
        (None, false) => output.status(
            "Read",
            &format!(
                "`{}`: {files} would change; {questions}; `--apply` or `--out DIR` writes",
                lifted.name
            ),
        ),
    }
    Ok(())
}

fn shown(change: &Change) -> String {
    let side = |text: &Option<String>| text.clone().unwrap_or_default();
    diff(&change.path, &side(&change.before), &side(&change.after))
}

/// That git has everything, so that what lift does can be looked at and undone.
fn committed(directory: &Path) -> Result<()> {
    let status = Command::new("git")
        .args(["status", "--porcelain", "--", "."])
        .current_dir(directory)
        .output()
        .context("cannot ask git whether the crate is committed")?;
    if !status.status.success() {
        return Err(environment(format!(
            "{} is in no git repository; `--out DIR` writes the annotated crate elsewhere",
            directory.display()
        )));
    }
    if !status.stdout.is_empty() {
        return Err(usage(format!(
            "{} has changes that are not committed, which could not be told from those of lift:\n{}",
            directory.display(),
            String::from_utf8_lossy(&status.stdout).trim_end()
        )));
    }
    Ok(())
}

fn write(directory: &Path, changes: &[Change]) -> Result<()> {
    for change in changes {
        let path = directory.join(&change.path);
        let context = || environment(format!("cannot write {}", path.display()));
        match &change.after {
            Some(text) => {
                fs::create_dir_all(path.parent().unwrap_or(directory)).with_context(context)?;
                fs::write(&path, text).with_context(context)?;
            }
            None if path.exists() => fs::remove_file(&path).with_context(context)?,
            None => {}
        }
    }
    Ok(())
}

/// The whole package, changed.
fn copy(lifted: &LiftedCrate, out: &Path) -> Result<()> {
    let manifest = out.join("Cargo.toml");
    let ours = fs::read_to_string(&manifest).is_ok_and(|text| text.contains("skylark-rt"));
    let empty = out
        .read_dir()
        .map_or(true, |mut entries| entries.next().is_none());
    if !empty && !ours {
        return Err(usage(format!(
            "{} is there already, and no crate that lift has written; choose another directory",
            out.display()
        )));
    }
    let context = || environment(format!("cannot write {}", out.display()));
    for path in files(&lifted.directory, Path::new("")).with_context(context)? {
        let shown = path.display().to_string();
        if lifted.changes.iter().any(|change| change.path == shown) {
            continue;
        }
        let to = out.join(&path);
        fs::create_dir_all(to.parent().unwrap_or(out)).with_context(context)?;
        fs::copy(lifted.directory.join(&path), &to).with_context(context)?;
    }
    write(out, &lifted.changes)
}

/// The files of a package, but hidden and built ones.
fn files(directory: &Path, inside: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in directory.join(inside).read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let hidden = name.starts_with('.');
        if hidden || (inside.as_os_str().is_empty() && LEFT.contains(&name.as_str())) {
            continue;
        }
        let path = inside.join(&name);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(directory, &path)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What became what, and why; and what is asked.
fn report(report: &Report) -> String {
    let mut text = String::new();
    for (kind, heading) in Kind::ALL {
        let decisions: Vec<_> = report
            .decisions
            .iter()
            .filter(|d| d.kind == *kind)
            .collect();
        if decisions.is_empty() {
            continue;
        }
        text.push_str(&format!("{heading}\n"));
        for decision in decisions {
            let became = match decision.became.as_str() {
                "" => String::new(),
                became => format!(" → {became}"),
            };
            text.push_str(&format!(
                "  {}:{}: {}{became}\n      {}\n",
                decision.file, decision.line, decision.what, decision.why
            ));
        }
        text.push('\n');
    }
    if report.questions.is_empty() {
        text.push_str("Nothing is asked.\n");
    } else {
        text.push_str("Asked, each in a comment `// skylark:` too\n");
        for question in &report.questions {
            text.push_str(&format!(
                "  {}:{}: {}\n",
                question.file, question.line, question.question
            ));
        }
    }
    text
}
