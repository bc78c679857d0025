//! A node's process, which can be killed and started again.

use crate::http::{Request, send};
use serde_json::Value;
use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Killed with its test.
pub(crate) struct Node {
    child: Child,
    data: TempDir,
    pub(crate) address: SocketAddr,
}

/// `target`, of this build.
fn target() -> PathBuf {
    // target/debug/deps/nodes-…
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().to_owned()
}

fn spawn(data: &TempDir) -> (Child, SocketAddr) {
    let program = match std::env::var_os("SKYLARK_NODE") {
        Some(named) => named.into(),
        None => target().join("debug/skylark-node"),
    };
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.path().join("log"))
        .unwrap();
    let mut child = Command::new(&program)
        .env_clear()
        .env("SKYLARK_LISTEN", "127.0.0.1:0")
        .env("SKYLARK_STORE", "embedded")
        .env("SKYLARK_CLAIM", "1s")
        .env("SKYLARK_LEASE", "5s")
        .env("SKYLARK_TIMEOUT", "5s")
        .env("SKYLARK_DATA", data.path())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| {
            panic!(
                "{}: {e}; build it: cargo build --workspace --bins",
                program.display()
            )
        });
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://");
    let address = address.unwrap_or_else(|| {
        let log = std::fs::read_to_string(data.path().join("log"));
        panic!("the node does not start: {}", log.unwrap_or_default())
    });
    let address = address.parse().unwrap();
    (child, address)
}

impl Node {
    /// Starts one with this app.
    pub(crate) fn start(app: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (child, address) = spawn(&data);
        let token = std::fs::read_to_string(data.path().join("token")).unwrap();
        let module = format!("guest/wasm32-wasip1/release/{}.wasm", app.replace('-', "_"));
        let module = target().join(module);
        let wasm = std::fs::read(&module).unwrap_or_else(|e| {
            panic!(
                "{}: {e}; build it: cargo xtask test guests",
                module.display()
            )
        });
        let put = Request {
            method: "PUT",
            path: &format!("/f/{app}"),
            headers: &[("authorization", &format!("Bearer {}", token.trim()))],
            body: &wasm,
        };
        let answer = send(address, &put).unwrap();
        assert!(answer.status < 300, "{answer:?}");
        Self {
            child,
            data,
            address,
        }
    }

    /// Kills it as a crash would, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address) = spawn(&self.data);
    }

    /// A state variable of an app.
    pub(crate) fn state(&self, app: &str, name: &str) -> Value {
        let get = Request {
            method: "GET",
            path: &format!("/apps/{app}/states/{name}"),
            headers: &[],
            body: b"",
        };
        let answer = send(self.address, &get).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["value"].clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
