//! A Redis that keeps everything, to be killed, behind a wire that can ail.

use super::wire::Wire;
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What it logs once it takes connections.
const READY: &str = "Ready to accept connections";
/// How long it may take until then.
const START: Duration = Duration::from_secs(10);

/// A server with an append-only file that is synced at every write; it ends
/// when this is dropped.
#[derive(Debug)]
pub(super) struct DurableRedis {
    program: PathBuf,
    port: u16,
    directory: PathBuf,
    child: Child,
    wire: Wire,
}

impl DurableRedis {
    /// Starts `program` on a port of loopback, with the wire on another, and
    /// waits until it takes connections. Its data goes under `directory`, its
    /// log beside it.
    ///
    /// # Errors
    /// It ends at once, or is not ready in time; the wire's port is taken.
    pub(super) fn start(
        program: &Path,
        [port, wire]: [u16; 2],
        directory: &Path,
        seed: u64,
    ) -> Result<Self> {
        let data = directory.join("redis");
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make {}", data.display()))?;
        let mut server = Self {
            child: spawn(program, port, directory)?,
            program: program.to_owned(),
            port,
            directory: directory.to_owned(),
            wire: Wire::new(wire, port, seed)?,
        };
        let log = log(directory);
        let begun = Instant::now();
        while !std::fs::read_to_string(&log).is_ok_and(|text| text.contains(READY)) {
            if let Some(status) = server.child.try_wait()? {
                bail!("Redis ended at its start ({status}); see {}", log.display());
            }
            if begun.elapsed() > START {
                bail!("Redis is not ready after {START:?}; see {}", log.display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// For `--store`: the wire's end.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.wire.port())
    }

    /// What connects callers with it.
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// It had ended by itself.
    pub(super) fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = log(&self.directory);
            bail!("Redis ended by itself ({status}); see {}", log.display());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again with what it has kept, and does not wait for it.
    ///
    /// # Errors
    /// Its program cannot be run.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.program, self.port, &self.directory)?;
        Ok(())
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Not waited for, so the id is its own; a zombie hears nothing.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for DurableRedis {
    fn drop(&mut self) {
        // What it acknowledged is on the disk.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(directory: &Path) -> PathBuf {
    directory.join("redis.log")
}

fn spawn(program: &Path, port: u16, directory: &Path) -> Result<Child> {
    Command::new(program)
        .args(["--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always"])
        .args(["--port", &port.to_string(), "--dir"])
        .arg(directory.join("redis"))
        .arg("--logfile")
        .arg(log(directory))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A Ctrl-C is for the harness, which ends it.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))
}
