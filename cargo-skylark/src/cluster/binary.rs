//! Finds the node's program.

use crate::error::environment;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Name of the node's program.
const PROGRAM: &str = "skylark-node";
/// Names the program outright.
const VARIABLE: &str = "SKYLARK_NODE";

/// Finds `skylark-node`: named by `SKYLARK_NODE`, beside this program, on the
/// `PATH`, or in the target directory of the checkout that this command was
/// built from.
///
/// # Errors
/// It is in none of them; the error says how to get it.
pub fn find_node_program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        if named.is_file() {
            return Ok(named);
        }
        return Err(environment(format!(
            "{VARIABLE} names {}, which is no file",
            named.display()
        )));
    }
    let own = std::env::current_exe().ok();
    let beside = own.iter().flat_map(|own| {
        // Tests run from `deps`, one below.
        own.ancestors().skip(1).take(2).map(Path::to_owned)
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let built = checkout
        .iter()
        .flat_map(|root| ["release", "debug"].map(|profile| root.join("target").join(profile)));
    let directories = beside.chain(std::env::split_paths(&path)).chain(built);
    search(directories).ok_or_else(|| {
        environment(format!(
            "cannot find the node's program `{PROGRAM}` beside `cargo-skylark` or on the PATH\n\
             \n\
             in a checkout of Skylark:\n    cargo build --release -p {PROGRAM}\n\
             \n\
             or install it:\n    cargo install --git {} {PROGRAM}\n\
             \n\
             or name it:\n    {VARIABLE}=/path/to/{PROGRAM} cargo skylark up",
            env!("CARGO_PKG_REPOSITORY")
        ))
    })
}

fn search(directories: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    directories
        .map(|directory| directory.join(PROGRAM))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_that_has_it() {
        let [a, b] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let both = || [a.path().to_owned(), b.path().to_owned()].into_iter();
        assert_eq!(search(both()), None);
        std::fs::write(b.path().join(PROGRAM), "").unwrap();
        assert_eq!(search(both()), Some(b.path().join(PROGRAM)));
        std::fs::write(a.path().join(PROGRAM), "").unwrap();
        assert_eq!(search(both()), Some(a.path().join(PROGRAM)));
    }
}
