//! Running other programs, and saying so.

use anyhow::{Context as _, Result, anyhow, bail};
use cargo_skylark::{error::environment, output::Output};
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
};

/// The checkout.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where this task's own files go: cargo's target directory.
///
/// # Errors
/// Cargo cannot read the workspace.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let text = capture(cargo().args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
    ]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cargo's metadata")?;
    let directory = metadata["target_directory"]
        .as_str()
        .context("cargo names no target directory")?;
    Ok(directory.into())
}

/// The cargo that runs this task, in the checkout.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program to its end, its output on standard error: standard output is
/// for results.
///
/// # Errors
/// It cannot be started, or does not succeed.
pub(crate) fn run(command: &mut Command, output: &Output) -> Result<()> {
    let line = line(command);
    output.status("Running", &line);
    let status = command
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|error| environment(format!("cannot run `{line}`: {error}")))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a program and takes what it prints.
///
/// # Errors
/// It cannot be started, or does not succeed; the error carries what it said.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let line = line(command);
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| environment(format!("cannot run `{line}`: {error}")))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("`{line}` failed ({}): {}", done.status, said.trim());
    }
    String::from_utf8(done.stdout).with_context(|| format!("`{line}` prints no text"))
}

/// Where a program is, if it is on the `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// The command as one would type it, without its directory.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| match word.to_string_lossy() {
            word if word.is_empty() || word.contains([' ', '"', '\'', '*', '$']) => {
                format!("'{word}'")
            }
            word => word.into_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Waits for Ctrl-C, the terminal's end or a request to end, and says so as an
/// error.
pub(crate) async fn interrupted() -> anyhow::Error {
    let listen = |kind| signal(kind).map_err(|error| anyhow!("cannot listen for signals: {error}"));
    let wait = async {
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hangup = listen(SignalKind::hangup())?;
        select! {
            _ = interrupt.recv() => anyhow::Ok("interrupted"),
            _ = terminate.recv() => Ok("asked to end"),
            _ = hangup.recv() => Ok("the terminal is gone"),
        }
    };
    wait.await.map_or_else(|error| error, anyhow::Error::msg)
}

/// How often a directory that a dying process still writes to is tried again.
const TRIES: u32 = 50;

/// Removes nodes' data. Nodes that were killed may write for a moment more.
///
/// # Errors
/// It cannot be removed.
pub(crate) async fn remove(path: &Path) -> Result<()> {
    let mut tries = 0;
    loop {
        match std::fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(_) if tries < TRIES => tries += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_typed() {
        for (program, arguments, expected) in [
            (
                "/usr/bin/cargo",
                &["build", "-p", "x"][..],
                "cargo build -p x",
            ),
            ("sh", &["-c", "exit 1", ""], "sh -c 'exit 1' ''"),
        ] {
            assert_eq!(line(Command::new(program).args(arguments)), expected);
        }
    }

    #[test]
    fn failures_carry_what_the_program_said() {
        let error =
            capture(Command::new("sh").args(["-c", "echo no disk >&2; exit 3"])).unwrap_err();
        assert!(
            error.to_string().contains("exit status: 3): no disk"),
            "{error}"
        );
        let error = capture(&mut Command::new("/no/such/program")).unwrap_err();
        assert!(
            error.to_string().contains("cannot run `program`"),
            "{error}"
        );
        assert_eq!(capture(Command::new("echo").arg("yes")).unwrap(), "yes\n");
    }
}
