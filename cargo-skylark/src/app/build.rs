//! Builds an app into a module and makes it small.

use super::{
    diagnostics::{render, tally},
    module::{self, Stripped},
    project::Project,
    target::{TARGET, Toolchain},
};
use crate::{error::environment, output::Output};
use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Message, camino::Utf8PathBuf};
use serde::Serialize;
use skylark_abi::{Schema, names};
use skylark_compiler::{Analysis, Model, broken_promises};
use std::{
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How to build.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Without optimisation, keeping debug information.
    pub debug: bool,
    /// Where to write the module; [`Project::module`] if absent.
    pub out: Option<PathBuf>,
    /// Leave wasm-opt alone.
    pub no_wasm_opt: bool,
}

/// A module that was built.
#[derive(Debug, Clone, Serialize)]
pub struct Built {
    /// The app's name.
    pub app: String,
    /// The module.
    pub path: PathBuf,
    /// Bytes as rustc left it.
    pub bytes_before: u64,
    /// Bytes as written to `path`.
    pub bytes: u64,
    /// What made it smaller: `wasm-opt`, `strip` or `none`.
    pub optimised_by: &'static str,
    /// What it says of itself.
    pub schema: Schema,
}

/// Builds `project`.
///
/// # Errors
/// No toolchain has the target, a function breaks what its annotation promises, the app
/// does not compile (rustc has said why on
/// standard error), or its schema has faults.
pub fn build(project: &Project, options: &BuildOptions, output: &Output) -> Result<Built> {
    project.require_cdylib()?;
    let model = project.model()?;
    let analysis = Analysis::new(&model);
    keep_promises(project, &model, &analysis, output)?;
    let toolchain = Toolchain::find(project.directory())?;
    let shown = match toolchain {
        Toolchain::Active => String::new(),
        _ => format!(" with {toolchain}"),
    };
    output.status("Building", &format!("{} for {TARGET}{shown}", project.name));
    let artifact = compile(project, &toolchain, options.debug)?;
    let wasm = std::fs::read(&artifact)
        .with_context(|| format!("cannot read the module {}", artifact.display()))?;
    let schema = module::schema(&wasm)?;
    let (mut small, optimised_by) = if options.debug {
        (wasm.clone(), "none")
    } else {
        optimise(&wasm, &project.library, options, output)?
    };
    // Whatever made it smaller must not have touched what the node reads.
    if module::schema(&small)? != schema {
        bail!(
            "{optimised_by} changed the module's schema; build with `--no-wasm-opt` and report it"
        );
    }
    // rustc does not see the structure of types; the whole crate's sources do.
    module::append(&mut small, names::SHAPES, &analysis.shapes().write());
    // Nor what functions touch through others.
    if let Some(hints) = analysis.hints().to_section() {
        module::append(&mut small, names::HINTS, &hints);
    }
    let path = options.out.clone().unwrap_or_else(|| project.module());
    write(&path, &small)?;
    Ok(Built {
        app: project.name.clone(),
        path,
        bytes_before: wasm.len() as u64,
        bytes: small.len() as u64,
        optimised_by,
        schema,
    })
}

/// That every function is as idempotent as it promises: rustc cannot see that.
fn keep_promises(
    project: &Project,
    model: &Model,
    analysis: &Analysis<'_>,
    output: &Output,
) -> Result<()> {
    let broken = broken_promises(analysis);
    if broken.is_empty() {
        return Ok(());
    }
    for diagnostic in &broken {
        output.aside(&render(diagnostic, &model.files));
    }
    bail!("`{}`: {}", project.name, tally(&broken))
}

/// Runs cargo and takes the module's path from what it reports. Its progress
/// and rustc's diagnostics go straight to standard error.
fn compile(project: &Project, toolchain: &Toolchain, debug: bool) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo();
    cargo
        .args(["rustc", "--lib", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(&project.manifest)
        // Proc-macros are built by the toolchain that has the target, which need
        // not be the one of the host's builds: their artifacts must not mix.
        .arg("--target-dir")
        .arg(project.target_dir.join("guest"))
        .current_dir(project.directory())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if !debug {
        cargo.arg("--release");
    }
    // Only of the app itself: flags for all would build what it depends on again.
    cargo.arg("--").args(in_package(project));
    let mut child = cargo
        .spawn()
        .map_err(|error| environment(format!("cannot run {:?}: {error}", cargo.get_program())))?;
    let stdout = child
        .stdout
        .take()
        .context("cargo has no standard output")?;
    let mut artifact = None;
    for message in Message::parse_stream(BufReader::new(stdout)) {
        if let Message::CompilerArtifact(found) =
            message.context("cargo's messages cannot be read")?
            && Path::new(found.manifest_path.as_str()) == project.manifest
        {
            let wasm = |file: &&Utf8PathBuf| file.extension() == Some("wasm");
            artifact = found.filenames.iter().find(wasm).cloned().or(artifact);
        }
    }
    let status = child.wait().context("cargo was lost")?;
    if !status.success() {
        bail!(
            "`{}` does not build for {TARGET}; cargo has said why",
            project.name
        );
    }
    artifact
        .map(PathBuf::from)
        .with_context(|| format!("cargo built `{}` but reported no wasm module", project.name))
}

/// Has the places that panics name begin at the package, as in `src/lib.rs:12:5`, and
/// not at the workspace or in the home of whoever built it. Diagnostics keep theirs.
fn in_package(project: &Project) -> Vec<String> {
    let directory = project.directory();
    let mut arguments = vec!["--remap-path-scope=object".to_owned()];
    // Cargo names sources from the workspace's root, or by their whole path.
    let inside = directory.strip_prefix(&project.workspace).ok();
    for from in inside.into_iter().chain([directory]) {
        if !from.as_os_str().is_empty() {
            arguments.push(format!("--remap-path-prefix={}=", from.display()));
        }
    }
    arguments
}

fn optimise(
    wasm: &[u8],
    library: &str,
    options: &BuildOptions,
    output: &Output,
) -> Result<(Vec<u8>, &'static str)> {
    let Stripped { wasm: stripped, .. } = module::strip(wasm, library)?;
    if !options.no_wasm_opt {
        match wasm_opt(wasm) {
            Ok(Some(smaller)) => return Ok((module::strip(&smaller, library)?.wasm, "wasm-opt")),
            Ok(None) => {}
            Err(why) => output.warning(&format!("wasm-opt could not be used: {why:#}")),
        }
    }
    Ok((stripped, "strip"))
}

/// What rustc may use on the target. Named, since older versions of wasm-opt do
/// not read the `target_features` section.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Runs wasm-opt, if it is there.
fn wasm_opt(wasm: &[u8]) -> Result<Option<Vec<u8>>> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let [from, to] = ["in.wasm", "out.wasm"].map(|name| directory.path().join(name));
    std::fs::write(&from, wasm).context("cannot write a temporary file")?;
    let result = Command::new("wasm-opt")
        .args(FEATURES)
        .arg("-O3")
        // Keeps names; the app's own stay in the module.
        .arg("-g")
        .arg(&from)
        .arg("-o")
        .arg(&to)
        .stdin(Stdio::null())
        .output();
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("it does not start"),
        Ok(done) if !done.status.success() => {
            bail!("{}", String::from_utf8_lossy(&done.stderr).trim())
        }
        Ok(_) => Ok(Some(std::fs::read(&to).context("it wrote nothing")?)),
    }
}

fn write(path: &Path, wasm: &[u8]) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(context)?;
    }
    std::fs::write(path, wasm).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_told_from_the_package_on() {
        let check = |manifest: &str, wanted: &[&str]| {
            let project = Project {
                name: "app".into(),
                manifest: manifest.into(),
                workspace: "/w".into(),
                root: "/".into(),
                library: "app".into(),
                target_dir: "/w/target".into(),
                cdylib: true,
                runtime: "skylark".into(),
            };
            let arguments = in_package(&project);
            assert_eq!(arguments[0], "--remap-path-scope=object");
            assert_eq!(arguments[1..], *wanted);
        };
        check(
            "/w/apps/app/Cargo.toml",
            &[
                "--remap-path-prefix=apps/app=",
                "--remap-path-prefix=/w/apps/app=",
            ],
        );
        check("/w/Cargo.toml", &["--remap-path-prefix=/w="]);
        check("/x/app/Cargo.toml", &["--remap-path-prefix=/x/app="]);
    }
}
