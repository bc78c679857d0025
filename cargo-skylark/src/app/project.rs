//! Finds the app's package.

use super::sources::Sources;
use crate::{
    cli,
    error::{environment, usage},
};
use anyhow::{Context as _, Result};
use cargo_metadata::{CrateType, Metadata, MetadataCommand, Package, Target, TargetKind};
use skylark_compiler::{Ctx, Model, read_crate};
use std::path::{Path, PathBuf};

/// An app's package.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name, which is the app's.
    pub name: String,
    /// Its `Cargo.toml`.
    pub manifest: PathBuf,
    /// The directory of its workspace's root; its own without one.
    pub workspace: PathBuf,
    /// The root of its library.
    pub root: PathBuf,
    /// The library's name, as rustc knows it.
    pub library: String,
    /// Cargo's target directory.
    pub target_dir: PathBuf,
    /// Whether its library is built into a module.
    pub cdylib: bool,
    /// What it calls the runtime: `skylark`, unless Cargo.toml renames it.
    pub runtime: String,
}

impl Project {
    /// The package that the options and the current directory mean.
    ///
    /// # Errors
    /// There is none, or cargo cannot read it.
    pub fn find(options: &cli::Project) -> Result<Self> {
        Self::find_in(
            &std::env::current_dir().context("no current directory")?,
            options,
        )
    }

    /// As [`Project::find`], seen from `directory`.
    ///
    /// # Errors
    /// As there.
    pub fn find_in(directory: &Path, options: &cli::Project) -> Result<Self> {
        let mut command = MetadataCommand::new();
        command.no_deps().current_dir(directory);
        if let Some(manifest) = &options.manifest_path {
            command.manifest_path(manifest);
        }
        let metadata = command.exec().map_err(|error| match error {
            cargo_metadata::Error::CargoMetadata { stderr } => environment(format!(
                "cargo cannot read a package here: {}",
                stderr.trim().trim_start_matches("error: ")
            )),
            other => other.into(),
        })?;
        let package = select(&metadata, directory, options)?;
        let library = library(package).ok_or_else(|| {
            environment(format!(
                "package `{}` has no library: an app is a library crate, with its handlers in src/lib.rs",
                package.name
            ))
        })?;
        Ok(Self {
            name: package.name.to_string(),
            manifest: package.manifest_path.clone().into(),
            workspace: metadata.workspace_root.clone().into(),
            root: library.src_path.clone().into(),
            library: library.name.replace('-', "_"),
            target_dir: metadata.target_directory.clone().into(),
            cdylib: library.crate_types.contains(&CrateType::CDyLib),
            runtime: package
                .dependencies
                .iter()
                .filter(|dependency| dependency.name == "skylark-rt")
                .find_map(|dependency| dependency.rename.as_deref())
                .map_or_else(|| "skylark".into(), |name| name.replace('-', "_")),
        })
    }

    /// What the compiler must know besides the sources.
    ///
    /// # Errors
    /// Cargo.toml calls the runtime by a name that is no identifier.
    pub fn context(&self) -> Result<Ctx> {
        let path = syn::parse_str(&format!("::{}", self.runtime));
        Ok(Ctx::new(path.with_context(|| {
            format!(
                "Cargo.toml calls skylark-rt `{}`, which is no crate's name",
                self.runtime
            )
        })?))
    }

    /// Reads its sources and what is annotated in them.
    ///
    /// # Errors
    /// The root of its library cannot be read.
    pub fn model(&self) -> Result<Model> {
        let sources = Sources::read(&self.root, &self.library)?;
        let mut model = read_crate(sources.files, &self.context()?);
        model.diagnostics.extend(sources.faults);
        Ok(model)
    }

    /// The package's directory.
    pub fn directory(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }

    /// Where `build` puts the module unless told otherwise.
    pub fn module(&self) -> PathBuf {
        self.target_dir
            .join("skylark")
            .join(format!("{}.wasm", self.name))
    }

    /// That it can be built into a module.
    ///
    /// # Errors
    /// Its library is no `cdylib`; the error says what to write.
    pub fn require_cdylib(&self) -> Result<()> {
        if self.cdylib {
            return Ok(());
        }
        Err(anyhow::anyhow!(
            "package `{}` does not build a wasm module; write in {}:\n    [lib]\n    crate-type = [\"cdylib\", \"rlib\"]",
            self.name,
            self.manifest.display()
        ))
    }
}

/// Whether it builds a module.
fn is_app(package: &Package) -> bool {
    library(package).is_some_and(|library| library.crate_types.contains(&CrateType::CDyLib))
}

fn library(package: &Package) -> Option<&Target> {
    package.targets.iter().find(|target| {
        target.kind.iter().any(|kind| {
            matches!(
                kind,
                TargetKind::Lib | TargetKind::CDyLib | TargetKind::RLib
            )
        })
    })
}

fn select<'a>(
    metadata: &'a Metadata,
    directory: &Path,
    options: &cli::Project,
) -> Result<&'a Package> {
    let packages = metadata.workspace_packages();
    let apps: Vec<&Package> = packages.iter().copied().filter(|p| is_app(p)).collect();
    let names = || {
        let names: Vec<&str> = apps.iter().map(|p| p.name.as_str()).collect();
        names.join(", ")
    };
    if let Some(name) = &options.package {
        return packages
            .iter()
            .find(|package| package.name.as_str() == name)
            .copied()
            .ok_or_else(|| {
                usage(format!(
                    "no package `{name}` here; the apps are: {}",
                    names()
                ))
            });
    }
    let start = options.manifest_path.as_deref().and_then(Path::parent);
    let start = directory.join(start.unwrap_or(Path::new("")));
    let start = start.canonicalize().unwrap_or(start);
    // The innermost package around the directory, as cargo would take.
    let around = packages
        .iter()
        .filter(|package| {
            let own = package.manifest_path.parent();
            own.is_some_and(|own| start.starts_with(own.as_std_path()))
        })
        .max_by_key(|package| package.manifest_path.as_str().len());
    match (around, packages.as_slice(), apps.as_slice()) {
        (Some(package), ..) | (None, [package], _) | (None, _, [package]) => Ok(package),
        (None, _, []) => Err(environment(
            "no package of this workspace is an app: none has a library with crate-type `cdylib`",
        )),
        (None, ..) => Err(usage(format!(
            "several apps here: choose one with `-p`: {}",
            names()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of these packages; `app` in a name makes it one.
    fn workspace(packages: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let members = format!("[workspace]\nresolver = \"3\"\nmembers = {packages:?}\n");
        write("Cargo.toml", &members);
        for name in packages {
            let app = if name.contains("app") {
                "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n"
            } else {
                ""
            };
            let runtime = "[dependencies]\nsky = { package = \"skylark-rt\", version = \"1\" }\n";
            let manifest =
                format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{app}{runtime}");
            write(&format!("{name}/Cargo.toml"), &manifest);
            write(&format!("{name}/src/lib.rs"), "");
        }
        directory
    }

    #[test]
    fn the_package_that_is_meant() {
        let check =
            |packages: &[&str], from: &str, asked: Option<&str>, wanted: Result<&str, &str>| {
                let workspace = workspace(packages);
                let options = cli::Project {
                    package: asked.map(str::to_owned),
                    manifest_path: None,
                };
                let from = workspace.path().join(from);
                match (Project::find_in(&from, &options), wanted) {
                    (Ok(project), Ok(wanted)) => assert_eq!(project.name, wanted),
                    (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                    (got, wanted) => panic!("{got:?}, not {wanted:?}"),
                }
            };
        check(&["app1", "app2", "tool"], "app2/src", None, Ok("app2"));
        check(&["app1", "app2", "tool"], "tool", None, Ok("tool"));
        check(&["app1", "app2", "tool"], "tool", Some("app1"), Ok("app1"));
        check(
            &["app1", "app2", "tool"],
            "",
            None,
            Err("with `-p`: app1, app2"),
        );
        check(&["app1", "tool"], "", None, Ok("app1"));
        check(&["tool"], "", None, Ok("tool"));
        check(
            &["tool1", "tool2"],
            "",
            None,
            Err("none has a library with crate-type `cdylib`"),
        );
        check(
            &["app1", "tool"],
            "",
            Some("app3"),
            Err("no package `app3` here; the apps are: app1"),
        );
    }

    #[test]
    fn what_is_known_of_it() {
        let workspace = workspace(&["my-app"]);
        let project = Project::find_in(workspace.path(), &cli::Project::default()).unwrap();
        assert_eq!(
            (project.library.as_str(), project.runtime.as_str()),
            ("my_app", "sky")
        );
        assert!(project.module().ends_with("skylark/my-app.wasm"));
        project.require_cdylib().unwrap();
        let tool = self::workspace(&["tool"]);
        let tool = Project::find_in(tool.path(), &cli::Project::default()).unwrap();
        let error = tool.require_cdylib().unwrap_err().to_string();
        assert!(
            error.contains("crate-type = [\"cdylib\", \"rlib\"]"),
            "{error}"
        );
    }
}
