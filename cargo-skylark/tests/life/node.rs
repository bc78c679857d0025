//! One node of its own, which can be killed and started again.

use crate::{node_program, skylark};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A node's process; killed with its test.
pub(crate) struct Node {
    child: Child,
    data: PathBuf,
    pub(crate) url: String,
}

impl Node {
    /// Starts one that keeps everything in `data`, and waits until it listens.
    pub(crate) fn start(data: &Path) -> Self {
        fs::create_dir_all(data).unwrap();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(data.join("log"))
            .unwrap();
        let mut child = Command::new(node_program())
            .env_clear()
            .env("SKYLARK_LISTEN", "127.0.0.1:0")
            .env("SKYLARK_STORE", "embedded")
            .env("SKYLARK_ALLOW_EGRESS", "127.0.0.1")
            .env("SKYLARK_DATA", data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let mut node = Self {
            child,
            data: data.to_owned(),
            url: String::new(),
        };
        node.url = url.unwrap_or_else(|| panic!("the node did not start: {line}{}", node.log()));
        node
    }

    /// What it has said since it was first started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.data.join("log")).unwrap()
    }

    /// Kills it as a crash would, and starts it again.
    pub(crate) fn restart(self) -> Self {
        let data = self.data.clone();
        drop(self);
        Self::start(&data)
    }

    /// `cargo skylark` with this node.
    pub(crate) fn skylark(&self, app: &Path, arguments: &[&str]) -> (i32, String, String) {
        let token = self.data.join("token");
        let of_node = ["--node", &self.url, "--token-file", token.to_str().unwrap()];
        skylark(app, &[arguments, &of_node].concat())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
