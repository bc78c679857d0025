//! The sources that are built: one template, as often as it takes.

use crate::process;
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A module of twenty functions; `NN` is its number.
const MODULE: &str = include_str!("module.txt");
/// How many functions that is.
const FUNCTIONS: usize = 20;
/// The line that changes from build to build.
const EDITED: &str = "let edited: u64 = 0;";

/// With the annotations, or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Annotated,
    Plain,
}

impl Flavour {
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Annotated => "depots-annotated",
            Self::Plain => "depots-plain",
        }
    }

    /// The template's text as this flavour has it: a line that ends in `//@skylark`
    /// is of the annotated one, one that begins with `//@plain` of the other.
    fn text(self, number: usize) -> String {
        let mut text = String::with_capacity(MODULE.len());
        for line in MODULE.lines() {
            let marked = line.strip_suffix(" //@skylark");
            let plain = line.trim_start().strip_prefix("//@plain ");
            let annotation = line.starts_with("#[skylark::");
            let kept = match self {
                Self::Annotated if plain.is_some() => continue,
                Self::Plain if annotation || marked.is_some() => continue,
                Self::Annotated => marked.unwrap_or(line),
                Self::Plain => plain.unwrap_or(line),
            };
            text.push_str(kept);
            text.push('\n');
        }
        text.replace("NN", &format!("{number:03}"))
    }
}

/// A crate that was written.
pub(super) struct App {
    pub(super) flavour: Flavour,
    pub(super) path: PathBuf,
    /// Of Rust, in all its files.
    pub(super) lines: usize,
    modules: usize,
}

impl App {
    /// Writes it under `directory`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn new(directory: &Path, flavour: Flavour, modules: usize) -> Result<Self> {
        let path = directory.join(flavour.package());
        let runtime = process::root().join("skylark-rt");
        let skylark = match flavour {
            Flavour::Annotated => {
                format!("skylark = {{ package = \"skylark-rt\", path = {runtime:?} }}\n")
            }
            Flavour::Plain => String::new(),
        };
        let manifest = format!(
            "[workspace]\n\n[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n{skylark}",
            flavour.package()
        );
        let mut library = String::from("//! Generated.\n\n");
        let mut lines = 2 + modules;
        for number in 0..modules {
            library += &format!("pub mod depot_{number:03};\n");
            let text = flavour.text(number);
            lines += text.lines().count();
            write(&module(&path, number), &text)?;
        }
        write(&path.join("src/lib.rs"), &library)?;
        write(&path.join("Cargo.toml"), &manifest)?;
        // The versions that this workspace is built with, and that are at hand.
        let lock = path.join("Cargo.lock");
        fs::copy(process::root().join("Cargo.lock"), &lock)
            .with_context(|| format!("writing {}", lock.display()))?;
        Ok(Self {
            flavour,
            path,
            lines,
            modules,
        })
    }

    /// Functions that the annotations make.
    pub(super) const fn functions(&self) -> usize {
        self.modules * FUNCTIONS
    }

    /// Changes one line in the body of one function, to what it never was.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn edit(&self, round: usize) -> Result<()> {
        let unique = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.as_secs());
        let text = self.flavour.text(0);
        let edited = format!("let edited: u64 = {unique} + {round};");
        write(&module(&self.path, 0), &text.replace(EDITED, &edited))
    }

    /// Makes cargo look at it again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn touch(&self) -> Result<()> {
        write(&module(&self.path, 0), &self.flavour.text(0))
    }
}

fn module(path: &Path, number: usize) -> PathBuf {
    path.join(format!("src/depot_{number:03}.rs"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let context = || format!("writing {}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).with_context(context)?;
    fs::write(path, text).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flavour_has_its_own_lines_only() {
        let check = |flavour: Flavour, has: &[&str], has_not: &[&str]| {
            let text = flavour.text(7);
            for part in has {
                assert!(text.contains(part), "{flavour:?} lacks {part}");
            }
            for part in has_not {
                assert!(!text.contains(part), "{flavour:?} has {part}");
            }
        };
        let call = "skylark::call!(quote(order.clone()))";
        let direct = "    let quoted = quote(order.clone());";
        check(
            Flavour::Annotated,
            &[call, "ship-007", EDITED],
            &["//@", "NN", direct],
        );
        check(
            Flavour::Plain,
            &[direct.trim(), EDITED],
            &["//@", "NN", "skylark"],
        );
        let named = MODULE.matches("-NN\"").count();
        // Of those names five are of states, and one of a service.
        assert_eq!(named - 6 + MODULE.matches("    pub fn ").count(), FUNCTIONS);
    }
}
