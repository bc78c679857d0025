//! The file by which `invoke`, `deploy`, `state` and `runs` find the nodes that
//! `up` runs: `.skylark/cluster.json` in the app's directory.

use crate::error::environment;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use skylark_abi::schema::NodeType;
use std::path::{Path, PathBuf};

/// The nodes that run for a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFile {
    /// The process that started them and will end them.
    pub pid: u32,
    /// The file with their token.
    pub token_file: PathBuf,
    /// The topology that they read.
    pub topology_file: PathBuf,
    /// The nodes.
    pub nodes: Vec<NodeAddress>,
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAddress {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub node_type: NodeType,
    /// `http://host:port`
    pub url: String,
    /// Its process.
    pub pid: u32,
}

impl ClusterFile {
    /// Where the file of `directory` is.
    pub fn path(directory: &Path) -> PathBuf {
        directory.join(".skylark").join("cluster.json")
    }

    /// Finds the file of `directory` or of the nearest directory around it.
    ///
    /// # Errors
    /// There is none: no nodes are known to run.
    pub fn find(directory: &Path) -> Result<Self> {
        directory
            .ancestors()
            .map(Self::path)
            .find(|path| path.is_file())
            .ok_or_else(|| {
                environment(format!(
                    "no nodes are known to run for {}: start some with `cargo skylark up`, or name one with `--node URL --token-file FILE`",
                    directory.display()
                ))
            })
            .and_then(|path| Self::read(&path))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not there or no such file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| environment(format!("cannot read {}: {error}", path.display())))?;
        serde_json::from_str(&text).map_err(|error| {
            environment(format!(
                "{} is damaged ({error}); remove it and run `cargo skylark up` again",
                path.display()
            ))
        })
    }

    /// Writes it for its owner only; it goes when the guard does.
    ///
    /// # Errors
    /// It cannot be written, or other nodes run for this directory.
    pub fn write(&self, directory: &Path) -> Result<Guard> {
        let path = Self::path(directory);
        Self::refuse_running(directory)?;
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
        super::write_private(&path, &serde_json::to_string_pretty(self)?)?;
        Ok(Guard { path })
    }

    /// That no other nodes run for `directory`. A file whose process has ended
    /// stands for nothing.
    ///
    /// # Errors
    /// They do.
    pub fn refuse_running(directory: &Path) -> Result<()> {
        let path = Self::path(directory);
        match Self::read(&path) {
            Ok(other) if is_running(other.pid) => Err(environment(format!(
                "nodes run for this directory already (process {}); end them with Ctrl-C there, or remove {} if that is another program",
                other.pid,
                path.display()
            ))),
            _ => Ok(()),
        }
    }
}

fn is_running(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Removes the file, and its directory if nothing else is in it.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(directory) = self.path.parent() {
            // Refused by the system if it is not empty, as it should be.
            let _ = std::fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn file(pid: u32) -> ClusterFile {
        ClusterFile {
            pid,
            token_file: "/t".into(),
            topology_file: "/g".into(),
            nodes: vec![NodeAddress {
                name: "cloud1".into(),
                node_type: NodeType::Cloud,
                url: "http://127.0.0.1:4600".into(),
                pid: 7,
            }],
        }
    }

    #[test]
    fn it_is_found_from_below_and_goes_with_its_guard() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("src/shop");
        std::fs::create_dir_all(&below).unwrap();
        let own = file(std::process::id());
        let guard = own.write(directory.path()).unwrap();
        let path = ClusterFile::path(directory.path());
        assert_eq!(ClusterFile::find(&below).unwrap(), own);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let error = own.write(directory.path()).unwrap_err().to_string();
        assert!(error.contains("run for this directory already"), "{error}");
        drop(guard);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }

    #[test]
    fn a_dead_command_leaves_nothing_in_the_way() {
        let directory = tempfile::tempdir().unwrap();
        // A process that has ended and been waited for.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        std::mem::forget(file(child.id()).write(directory.path()).unwrap());
        drop(file(std::process::id()).write(directory.path()).unwrap());
    }
}
