//! The processes that are measured: nodes, a bare hyper server, Redis.

use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The argument that makes this program the bare server.
pub(crate) const BARE: &str = "bare-hyper";
const TOKEN: &str = "bench-token-0123456789abcdef0123456789";

/// A process that is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    _data: Option<TempDir>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a node on a store and a data directory and waits until it listens.
pub(crate) fn node_in(data: &Path, store: &str, extra: &[&str]) -> Result<Process> {
    let token = data.join("bench.token");
    files::private(&token)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-node"));
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--log",
            "error",
            "--store",
            store,
        ])
        .arg("--data")
        .arg(data)
        .arg("--token-file")
        .arg(&token)
        .args(extra);
    listening(command, None)
}

/// As [`node_in`], in a directory of its own.
pub(crate) fn node(store: &str, extra: &[&str]) -> Result<Process> {
    let data = scratch()?;
    let store = store.replace("DIR", &data.path().join("store").display().to_string());
    let mut process = node_in(data.path(), &store, extra)?;
    process._data = Some(data);
    Ok(process)
}

/// A directory on a real disk rather than in a temporary folder that may be in
/// memory: what is measured is durable.
pub(crate) fn scratch() -> Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("skylark-bench-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    Ok(directory)
}

/// A port of loopback that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts a server that says nothing of when it takes connections at `address`.
pub(crate) fn server(mut command: Command, address: String, data: TempDir) -> Result<Process> {
    let mut process = Process {
        child: command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?,
        address,
        _data: Some(data),
    };
    let give_up = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(&process.address).is_err() {
        if let Some(status) = process.child.try_wait()? {
            anyhow::bail!("{command:?} ended ({status})");
        }
        ensure!(
            Instant::now() < give_up,
            "{command:?} does not listen on {}",
            process.address
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(process)
}

/// The least that hyper can do: read the body, send it back.
pub(crate) fn bare() -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(BARE);
    listening(command, None)
}

/// A Redis server of its own that keeps nothing but in memory, or syncs every
/// write; `None` if there is no `redis-server`.
pub(crate) fn redis(durable: bool) -> Result<Option<Process>> {
    let data = scratch()?;
    let port = free_port()?;
    let (aof, sync) = if durable {
        ("yes", "always")
    } else {
        ("no", "no")
    };
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--maxmemory-policy", "noeviction"])
        .args(["--appendonly", aof, "--appendfsync", sync, "--dir"])
        .arg(data.path());
    match server(command, format!("127.0.0.1:{port}"), data) {
        Ok(redis) => Ok(Some(redis)),
        Err(e) if is_missing(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

fn listening(mut command: Command, data: Option<TempDir>) -> Result<Process> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let stdout = child.stdout.take().context("its standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .map(str::to_owned);
    let process = Process {
        child,
        address: address.clone().unwrap_or_default(),
        _data: data,
    };
    ensure!(
        address.is_some(),
        "{command:?} did not come to listen; it said `{}`",
        line.trim()
    );
    Ok(process)
}

/// Uploads a module.
pub(crate) async fn upload(node: &Process, app: &str, wasm: Vec<u8>) -> Result<()> {
    let response = reqwest::Client::new()
        .put(format!("http://{}/f/{app}", node.address))
        .bearer_auth(TOKEN)
        .body(wasm)
        .send()
        .await?;
    let status = response.status();
    ensure!(status.is_success(), "{status}: {}", response.text().await?);
    Ok(())
}

/// Calls a function once.
pub(crate) async fn post(node: &Process, path: &str, body: &str) -> Result<()> {
    let response = call(node, path, body.to_owned()).send().await?;
    let status = response.status();
    ensure!(status.is_success(), "{status}: {}", response.text().await?);
    Ok(())
}

fn call(node: &Process, path: &str, body: String) -> reqwest::RequestBuilder {
    reqwest::Client::new()
        .post(format!("http://{}{path}", node.address))
        .header("content-type", "application/json")
        .body(body)
}

/// What a node's store has done.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Steps that functions and their messages made, one round trip each;
    /// without those that the node makes by the clock.
    pub(crate) steps: f64,
    /// Writes and syncs of an embedded store; zeros for others.
    pub(crate) writes: f64,
    pub(crate) syncs: f64,
    /// Bytes that begins have read, and that commits have written.
    pub(crate) read: f64,
    pub(crate) written: f64,
}

/// Asks a node's metrics.
pub(crate) async fn activity(node: &Process) -> Result<Activity> {
    let metrics = reqwest::Client::new()
        .get(format!("http://{}/metrics", node.address))
        .bearer_auth(TOKEN)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    let sum = |matches: &dyn Fn(&str) -> bool| -> f64 {
        let lines = metrics.lines().filter(|line| matches(line));
        lines
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum()
    };
    let by_the_clock = ["overdue", "announce", "expire"];
    Ok(Activity {
        steps: sum(&|line| {
            line.starts_with("skylark_store_steps_total{")
                && !by_the_clock.iter().any(|step| line.contains(step))
        }),
        writes: sum(&|line| line.starts_with("skylark_store_writes_total ")),
        syncs: sum(&|line| line.starts_with("skylark_store_syncs_total ")),
        read: sum(&|line| line.starts_with("skylark_store_bytes_total{direction=\"read\"")),
        written: sum(&|line| line.starts_with("skylark_store_bytes_total{direction=\"written\"")),
    })
}

/// Serves until killed: hyper with nothing on it.
pub(crate) fn serve_bare() -> Result<()> {
    use http_body_util::BodyExt;
    use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let echo = service_fn(|request: hyper::Request<Incoming>| async move {
                    let body = request.into_body().collect().await?.to_bytes();
                    Ok::<_, hyper::Error>(Response::new(http_body_util::Full::new(body)))
                });
                // A client that goes away is no error here.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), echo)
                    .await;
            });
        }
    })
}

mod files {
    use anyhow::Result;
    use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

    /// Writes the token for its owner only.
    pub(super) fn private(path: &Path) -> Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        writeln!(options.open(path)?, "{}", super::TOKEN)?;
        Ok(())
    }
}
