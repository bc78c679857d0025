//! A Redis server of our own, for as long as it is needed.

use anyhow::{Context as _, Result, bail};
use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// What it prints once it takes connections.
const READY: &str = "Ready to accept connections";

/// A server that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl RedisServer {
    /// Starts `program` on a free port of loopback, keeping nothing on disk, and
    /// waits until it takes connections.
    ///
    /// # Errors
    /// It ends at once; the error carries what it said.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("skylark-redis-")
            .tempdir()?;
        // Free now; somebody could take it before Redis does, which then says so.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--dir"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let log = child
            .stdout
            .take()
            .context("Redis has no standard output")?;
        let server = Self {
            child,
            port,
            _directory: directory,
        };
        let mut said = Vec::new();
        for line in BufReader::new(log).lines() {
            let line = line.context("Redis's log cannot be read")?;
            if line.contains(READY) {
                // It logs no more than a few lines after this: they fit the pipe.
                return Ok(server);
            }
            said.push(line);
        }
        bail!("Redis ended at its start: {}", said.join("\n"));
    }

    /// For `--store`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It keeps nothing, so nothing is lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
