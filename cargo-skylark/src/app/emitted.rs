//! Writes an app as a crate in which every annotation is expanded.

use super::{project::Project, standalone::Manifests};
use crate::error::{environment, usage};
use anyhow::{Context as _, Result, anyhow};
use skylark_compiler::{Code, Ctx, Level, SourceFile, annotations_in_macros, expand_file};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

/// Names what was written, so that the next time it can be replaced, and nothing else.
const LIST: &str = ".skylark-emit";

/// What was written.
#[derive(Debug)]
pub struct Emitted {
    /// Where.
    pub directory: PathBuf,
    /// The files, relative to it, in order.
    pub files: BTreeSet<PathBuf>,
    /// `file:line` of the annotations that are still there, inside of macros.
    pub left: Vec<String>,
}

/// Writes the app into `out`, which is made if it is not there.
///
/// # Errors
/// An annotation is wrong, a module's file is outside of the package, `out` holds
/// other things, or a file cannot be read or written.
pub fn emit(project: &Project, out: &Path) -> Result<Emitted> {
    let package = canonical(project.directory())?;
    let sources = expanded(project, &package)?;
    let earlier = earlier(out)?;
    fs::create_dir_all(out).with_context(|| unwritable(out))?;
    let out = canonical(out)?;
    let mut emitted = Emitted {
        files: files(&package, &[&out, &project.target_dir])?,
        directory: out.clone(),
        left: Vec::new(),
    };
    let lock = project.workspace.join("Cargo.lock");
    if lock.is_file() {
        emitted.files.insert("Cargo.lock".into());
    }
    for stale in earlier.difference(&emitted.files) {
        // It may have gone by itself.
        let _ = fs::remove_file(out.join(stale));
    }
    let ctx = project.context()?;
    for file in &emitted.files {
        let (from, to) = (package.join(file), out.join(file));
        let directory = to.parent().unwrap_or(&out);
        fs::create_dir_all(directory).with_context(|| unwritable(directory))?;
        let text = match file.to_str() {
            Some("Cargo.toml") => Some(manifest(project, &package, &out)?),
            Some("Cargo.lock") => Some(read(&lock)?),
            _ => source(file, &from, &sources, &ctx),
        };
        let Some(text) = text else {
            fs::copy(&from, &to).with_context(|| unwritable(&to))?;
            continue;
        };
        if file.extension().is_some_and(|extension| extension == "rs") {
            let file = source_file(file, text.clone());
            let left = annotations_in_macros(&file, &ctx);
            let places = left
                .iter()
                .map(|span| format!("{}:{}", file.path, span.line));
            emitted.left.extend(places);
        }
        fs::write(&to, text).with_context(|| unwritable(&to))?;
    }
    let list: Vec<String> = emitted
        .files
        .iter()
        .map(|f| f.display().to_string() + "\n")
        .collect();
    fs::write(out.join(LIST), list.concat()).with_context(|| unwritable(&out))?;
    Ok(emitted)
}

/// The app's files with everything in them expanded, by path in the package.
fn expanded(project: &Project, package: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let model = project.model()?;
    let ctx = project.context()?;
    let mut wrong = Vec::new();
    let mut sources = BTreeMap::new();
    for file in &model.files {
        let path = canonical(Path::new(&file.path))?;
        let Ok(inside) = path.strip_prefix(package) else {
            return Err(environment(format!(
                "module `{}` is in {}, outside of the package {}: move it there to emit the app",
                file.module,
                file.path,
                package.display()
            )));
        };
        match expand_file(file, &ctx) {
            Ok(text) => drop(sources.insert(inside.to_owned(), text)),
            Err(errors) => {
                wrong.extend(errors.into_iter().map(|e| format!("{}: {e}", file.path)));
            }
        }
    }
    // A file that is not there, say: rustc would miss it in the copy too.
    if wrong.is_empty() {
        let faults = model.diagnostics.iter();
        let faults = faults.filter(|d| d.code == Code::Source && d.level == Level::Error);
        wrong.extend(faults.map(|d| format!("{}:{}: {}", d.file, d.span.line, d.message)));
    }
    if wrong.is_empty() {
        return Ok(sources);
    }
    Err(anyhow!(
        "the app cannot be expanded (`cargo skylark check` shows the places):\n{}",
        wrong.join("\n")
    ))
}

fn source_file(path: &Path, text: String) -> SourceFile {
    SourceFile {
        path: path.display().to_string(),
        module: String::new(),
        text,
    }
}

/// The text of a Rust file; `None` of what is no Rust, or is wrong and no part of the
/// app: a fixture, say.
fn source(
    file: &Path,
    from: &Path,
    sources: &BTreeMap<PathBuf, String>,
    ctx: &Ctx,
) -> Option<String> {
    if let Some(text) = sources.get(file) {
        return Some(text.clone());
    }
    if file.extension()? != "rs" {
        return None;
    }
    let file = source_file(file, fs::read_to_string(from).ok()?);
    expand_file(&file, ctx).ok()
}

fn manifest(project: &Project, package: &Path, out: &Path) -> Result<String> {
    let root = canonical(&project.workspace)?;
    let manifests = Manifests {
        package: &read(&project.manifest)?,
        root: &read(&root.join("Cargo.toml"))?,
        package_directory: package,
        root_directory: &root,
    };
    manifests.standalone(out)
}

/// What an earlier `emit` wrote into a directory.
fn earlier(out: &Path) -> Result<BTreeSet<PathBuf>> {
    if let Ok(list) = fs::read_to_string(out.join(LIST)) {
        let paths = list.lines().map(PathBuf::from);
        // Whatever the list has come to say: nothing outside is touched.
        let inside = |path: &PathBuf| path.components().all(|c| matches!(c, Component::Normal(_)));
        return Ok(paths.filter(inside).collect());
    }
    let mut entries = match out.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => {
            return Err(environment(format!(
                "cannot read {}: {error}",
                out.display()
            )));
        }
    };
    if entries.next().is_some() {
        return Err(usage(format!(
            "{} is not empty and not of an earlier `emit`; choose another directory",
            out.display()
        )));
    }
    Ok(BTreeSet::new())
}

/// The files of a package, but those of other packages inside of it.
fn files(package: &Path, without: &[&Path]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut directories = vec![package.to_owned()];
    while let Some(directory) = directories.pop() {
        let unreadable = || environment(format!("cannot read {}", directory.display()));
        for entry in directory.read_dir().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let path = entry.path();
            if entry.file_type().with_context(unreadable)?.is_dir() {
                let hidden = [".git", ".skylark"]
                    .iter()
                    .any(|name| entry.file_name() == *name);
                let other = path.join("Cargo.toml").is_file();
                if !hidden && !other && !without.contains(&path.as_path()) {
                    directories.push(path);
                }
            } else if path.is_file()
                && let Ok(inside) = path.strip_prefix(package)
            {
                found.insert(inside.to_owned());
            }
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| environment(format!("cannot read {}: {error}", path.display())))
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .map_err(|error| environment(format!("cannot find {}: {error}", path.display())))
}

fn unwritable(path: &Path) -> anyhow::Error {
    environment(format!("cannot write {}", path.display()))
}
