//! Finds a toolchain that can build for the wasm target.

use crate::error::environment;
use anyhow::Result;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target that apps are built for.
pub const TARGET: &str = "wasm32-wasip1";

/// Name under which the project's set-up links a toolchain that has the target
/// into rustup, where rustup itself cannot add it.
pub const LINKED_TOOLCHAIN: &str = "skylark-wasi";

/// A toolchain that has the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that `cargo` and `rustc` mean here.
    Active,
    /// One of rustup's, by name.
    Rustup(String),
    /// The system's, in this directory.
    System(PathBuf),
}

impl Toolchain {
    /// The toolchains to ask, in this order.
    fn candidates() -> [Self; 3] {
        [
            Self::Active,
            Self::Rustup(LINKED_TOOLCHAIN.into()),
            Self::System("/usr/bin".into()),
        ]
    }

    /// Finds the first that has the target, as seen from `directory` (which may
    /// have a `rust-toolchain.toml`).
    ///
    /// # Errors
    /// None has it; the error says what to run.
    pub fn find(directory: &Path) -> Result<Self> {
        Self::candidates()
            .into_iter()
            .find(|toolchain| toolchain.has_target(directory))
            .ok_or_else(|| environment(missing()))
    }

    /// Asks its rustc where the target's libraries are, and looks there.
    fn has_target(&self, directory: &Path) -> bool {
        let output = self
            .rustc()
            .current_dir(directory)
            .args(["--print", "target-libdir", "--target", TARGET])
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else { return false };
        let Ok(libdir) = String::from_utf8(output.stdout) else {
            return false;
        };
        output.status.success() && has_std(Path::new(libdir.trim()))
    }

    /// Its compiler.
    fn rustc(&self) -> Command {
        match self {
            Self::Active => Command::new(from_env("RUSTC", "rustc")),
            Self::Rustup(name) => rustup_run(name, "rustc"),
            Self::System(bin) => Command::new(bin.join("rustc")),
        }
    }

    /// Its cargo, set to use its compiler.
    pub fn cargo(&self) -> Command {
        match self {
            Self::Active => Command::new(from_env("CARGO", "cargo")),
            Self::Rustup(name) => {
                let mut cargo = rustup_run(name, "cargo");
                cargo.env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
                cargo
            }
            Self::System(bin) => {
                let mut cargo = Command::new(bin.join("cargo"));
                cargo.env("RUSTC", bin.join("rustc"));
                cargo
            }
        }
    }
}

impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Active => f.write_str("the active toolchain"),
            Self::Rustup(name) => write!(f, "toolchain `{name}`"),
            Self::System(bin) => write!(f, "the toolchain in {}", bin.display()),
        }
    }
}

/// rustc prints the folder whether or not the target is installed; only the
/// standard library in it tells.
fn has_std(libdir: &Path) -> bool {
    std::fs::read_dir(libdir).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

fn from_env(variable: &str, otherwise: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| otherwise.into(), PathBuf::from)
}

fn rustup_run(toolchain: &str, program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, program]);
    command
}

fn missing() -> String {
    format!(
        "no Rust toolchain here can build for {TARGET}\n\
         \n\
         with rustup:\n    rustup target add {TARGET}\n\
         \n\
         without (Debian or Ubuntu; builds the target's standard library, about a minute):\n    \
         cargo xtask setup        in a checkout of Skylark\n\
         \n\
         then run this command again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_tells() {
        let dir = tempfile::tempdir().unwrap();
        let check = |files: &[&str], wanted: bool| {
            for file in files {
                std::fs::write(dir.path().join(file), "").unwrap();
            }
            assert_eq!(has_std(dir.path()), wanted, "{files:?}");
        };
        assert!(!has_std(&dir.path().join("missing")));
        check(&[], false);
        check(&["libcore-1.rlib", "libstd-1.so"], false);
        check(&["libstd-0123.rlib"], true);
    }

    #[test]
    fn the_error_says_what_to_run() {
        assert!(missing().contains("rustup target add wasm32-wasip1"));
    }
}
