//! Several nodes on this machine: started, waited for, drained and ended.

mod binary;
mod faults;
mod plan;
mod process;
mod state_file;

pub use binary::find_node_program;
pub use plan::{MAX_NODES, NodePlan, Plan, free_ports};
pub use process::LogSink;
pub use state_file::{ClusterFile, NodeAddress};

use crate::client::Client;
use anyhow::{Context as _, Result};
use process::{NodeProcess, Start};
use std::{
    ffi::OsString,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

/// What a node may take, past its drain period, to close its store and end.
const MARGIN: Duration = Duration::from_secs(5);

/// How to start nodes.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The node's program ([`find_node_program`]).
    pub program: PathBuf,
    /// The nodes and their links.
    pub plan: Plan,
    /// `embedded`, `memory` or `redis://host:port`.
    pub store: String,
    /// Where the nodes keep their data; a temporary directory if absent.
    pub data: Option<PathBuf>,
    /// Election policy; the node's own default if absent.
    pub policy: Option<String>,
    /// How long a node may take to become ready.
    pub start_timeout: Duration,
    /// How long a node may take to finish its work at the end.
    pub drain: Duration,
    /// More of the node's options, as on its command line.
    pub more: Vec<OsString>,
}

impl ClusterOptions {
    /// Nodes as planned, with the embedded store in a temporary directory.
    pub fn new(program: PathBuf, plan: Plan) -> Self {
        Self {
            program,
            plan,
            store: "embedded".into(),
            data: None,
            policy: None,
            start_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(15),
            more: Vec::new(),
        }
    }
}

/// Nodes that run. Dropping it kills them; [`Cluster::stop`] ends them well.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<NodeProcess>,
    token: String,
    token_file: PathBuf,
    topology_file: PathBuf,
    drain: Duration,
    // Last: it goes after the nodes have.
    _temporary: Option<tempfile::TempDir>,
}

impl Cluster {
    /// Starts the nodes and waits until each is ready. Their log lines go to
    /// `log`, one by one.
    ///
    /// # Errors
    /// A file cannot be written, or a node ends or does not become ready in
    /// time: the error carries its last lines. No node is left running.
    pub async fn start(options: &ClusterOptions, log: LogSink) -> Result<Self> {
        let (data, temporary) = match &options.data {
            Some(data) => (data.clone(), None),
            None => {
                let directory = tempfile::Builder::new()
                    .prefix("skylark-up-")
                    .tempdir()
                    .context("cannot make a temporary directory")?;
                (directory.path().to_owned(), Some(directory))
            }
        };
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot make the data directory {}", data.display()))?;
        // The nodes run in directories of their own.
        let data = data.canonicalize().unwrap_or(data);
        let token_file = data.join("token");
        let token = token(&token_file)?;
        // Among themselves they use another one, which no caller needs.
        self::token(&data.join("cluster-token"))?;
        let topology_file = data.join("topology.json");
        std::fs::write(
            &topology_file,
            serde_json::to_string_pretty(options.plan.topology())?,
        )
        .with_context(|| format!("cannot write {}", topology_file.display()))?;
        let mut cluster = Self {
            nodes: Vec::new(),
            token,
            token_file,
            topology_file,
            drain: options.drain,
            _temporary: temporary,
        };
        for plan in &options.plan.nodes {
            let start = Start {
                program: options.program.clone(),
                plan: plan.clone(),
                arguments: node_arguments(plan, options, &cluster, &data)?,
                log: log.clone(),
            };
            cluster.nodes.push(NodeProcess::start(start)?);
        }
        cluster.ready(options.start_timeout).await?;
        Ok(cluster)
    }

    /// The nodes' names, types, URLs and process ids, in the plan's order.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeAddress> {
        self.nodes.iter().map(NodeProcess::address)
    }

    /// The file with the token that all of them accept.
    pub fn token_file(&self) -> &Path {
        &self.token_file
    }

    /// The topology that they read.
    pub fn topology_file(&self) -> &Path {
        &self.topology_file
    }

    /// A client that may do everything on them.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn client(&self) -> Result<Client> {
        Client::new(Some(&self.token))
    }

    /// Waits until each node is ready, each for at most `limit`.
    ///
    /// # Errors
    /// A node ends, or is not ready in time: the error carries its last lines.
    pub async fn ready(&mut self, limit: Duration) -> Result<()> {
        let client = self.client()?;
        for node in &mut self.nodes {
            node.ready(&client, limit).await?;
        }
        Ok(())
    }

    /// What others need to find the nodes.
    pub fn file(&self) -> ClusterFile {
        ClusterFile {
            pid: std::process::id(),
            token_file: self.token_file.clone(),
            topology_file: self.topology_file.clone(),
            nodes: self.nodes().cloned().collect(),
        }
    }

    /// Waits until a node ends by itself, which none should; gives its name and
    /// its last lines.
    pub async fn ended(&mut self) -> String {
        let waits = self.nodes.iter_mut().map(|node| Box::pin(node.ended()));
        futures::future::select_all(waits).await.0
    }

    /// Asks all nodes to drain and end, and waits for them; after the drain
    /// period they are killed. Gives each node's name and end; `None` if it had
    /// to be killed.
    pub async fn stop(mut self) -> Vec<(String, Option<ExitStatus>)> {
        for node in &self.nodes {
            node.terminate();
        }
        let limit = self.drain + MARGIN;
        let waits = self.nodes.iter_mut().map(|node| node.stopped(limit));
        futures::future::join_all(waits).await
    }
}

/// The node's command line, in one place: `skylark-node/src/config.rs` is the
/// other side of it.
fn node_arguments(
    plan: &NodePlan,
    options: &ClusterOptions,
    cluster: &Cluster,
    data: &Path,
) -> Result<Vec<OsString>> {
    let own = data.join(&plan.name);
    std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
    let mut arguments: Vec<OsString> = vec![
        "--name".into(),
        plan.name.clone().into(),
        "--listen".into(),
        plan.address().into(),
        "--data".into(),
        own.into(),
        "--store".into(),
        options.store.clone().into(),
        "--topology".into(),
        cluster.topology_file.clone().into(),
        "--token-file".into(),
        cluster.token_file.clone().into(),
        "--cluster-token-file".into(),
        data.join("cluster-token").into(),
        "--grace".into(),
        format!("{}ms", options.drain.as_millis()).into(),
    ];
    if let Some(policy) = &options.policy {
        arguments.extend(["--policy".into(), policy.into()]);
    }
    arguments.extend(options.more.iter().cloned());
    Ok(arguments)
}

/// The token in the file, which is made if it is not there, for its owner only.
fn token(file: &Path) -> Result<String> {
    if let Ok(token) = std::fs::read_to_string(file) {
        return Ok(token.trim().to_owned());
    }
    // Two of version 4 hold 244 random bits from the system.
    let token = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    write_private(file, &token)?;
    Ok(token)
}

/// Writes a file that only its owner may read.
fn write_private(file: &Path, text: &str) -> Result<()> {
    let context = || format!("cannot write {}", file.display());
    let mut handle = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(context)?;
    handle.write_all(text.as_bytes()).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_token_is_kept_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        let first = token(&file).unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(token(&file).unwrap(), first);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
