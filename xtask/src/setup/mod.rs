//! What building and testing need: found, or installed; nothing is done twice.

mod apt;
mod debian;

use crate::process;
use anyhow::{Context as _, Result};
use cargo_skylark::{
    app::target::{TARGET, Toolchain},
    error::environment,
    output::Output,
};
use std::{path::PathBuf, process::Command};

/// The wasm target and Redis.
///
/// # Errors
/// One is missing and cannot be installed from here; the error says how to.
pub(crate) fn everything(output: &Output) -> Result<()> {
    wasm_target(output)?;
    redis(output).map(|_| ())
}

/// A toolchain that builds for [`TARGET`]: the active one, one that an earlier
/// set-up linked, the system's; else by rustup; else from Debian's packages.
///
/// # Errors
/// None can be had; the error says what was tried and what to install.
pub(crate) fn wasm_target(output: &Output) -> Result<Toolchain> {
    if let Ok(found) = Toolchain::find(process::root()) {
        output.status("Found", &format!("{TARGET} in {found}"));
        return Ok(found);
    }
    let Err(by_rustup) = rustup(output) else {
        return installed(output);
    };
    let Err(by_debian) = debian::install(output) else {
        return installed(output);
    };
    Err(environment(format!(
        "no Rust toolchain here builds for {TARGET}, and none could be installed:\n\
         by rustup: {by_rustup:#}\n\
         from Debian's packages: {by_debian:#}\n\
         \n\
         Install rustup (https://rustup.rs), run `rustup target add {TARGET}`, and try again."
    )))
}

fn installed(output: &Output) -> Result<Toolchain> {
    let found = Toolchain::find(process::root())?;
    output.status("Installed", &format!("{TARGET} in {found}"));
    Ok(found)
}

fn rustup(output: &Output) -> Result<()> {
    process::find("rustup").context("rustup is not installed")?;
    process::run(
        Command::new("rustup")
            .current_dir(process::root())
            .args(["target", "add", TARGET]),
        output,
    )
}

/// The oldest Redis that the store supports.
const REDIS_MAJOR: u32 = 7;

/// The Redis server's program, for tests.
///
/// # Errors
/// There is none of version 7 or later, and it cannot be installed from here.
pub(crate) fn redis(output: &Output) -> Result<PathBuf> {
    let program = match process::find("redis-server") {
        Some(program) => program,
        None => {
            apt::install(&["redis-server"], output).map_err(|error| {
                environment(format!(
                    "redis-server is not installed ({error:#}); install Redis {REDIS_MAJOR} or later, \
                     on Debian or Ubuntu with `apt-get install redis-server`"
                ))
            })?;
            process::find("redis-server")
                .context("redis-server was installed but is not on the PATH")?
        }
    };
    let said = process::capture(Command::new(&program).arg("--version"))?;
    let version = redis_version(&said).unwrap_or("unknown");
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < REDIS_MAJOR) {
        return Err(environment(format!(
            "{} is Redis {version}; the tests need {REDIS_MAJOR} or later on the PATH",
            program.display()
        )));
    }
    output.status(
        "Found",
        &format!("Redis {version} at {}", program.display()),
    );
    Ok(program)
}

/// From `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 …`.
fn redis_version(said: &str) -> Option<&str> {
    said.split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_tells_its_version() {
        let said =
            "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81b8\n";
        assert_eq!(redis_version(said), Some("7.0.15"));
        assert_eq!(redis_version("valkey"), None);
    }
}
