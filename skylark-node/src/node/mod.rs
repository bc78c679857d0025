//! The node itself: apps, runs, exactly-once execution, delivery, placement.
//!
//! Everything here is plain Rust calls; only [`crate::http`] knows of routes
//! and status codes. One request's way: [`Node::invoke`] makes an
//! `Invocation`, `execute` drives `abi::protocol::Task` between engine and
//! store, `deliver` takes what was committed to the outbox to the node that
//! [`Placer`] elected, and `runs` wakes whoever waits for the result. A call of
//! a function without state or successors takes the short way of `quick`.

mod apps;
mod brief;
mod deliver;
mod entries;
mod errands;
mod error;
mod evolution;
mod execute;
mod extra_http;
mod fuse;
mod guest;
mod in_progress;
mod invoke;
mod keyed;
mod operators;
mod outbox;
mod peers;
mod placement;
mod prepare;
mod promises;
mod quick;
mod runs;
mod state;
mod views;

pub use apps::AppView;
pub use errands::{Egress, Server};
pub use error::NodeError;
pub use invoke::InvokeOptions;
pub use placement::{DEFAULT_PORT, Placer, PlacerConfig};
pub use views::{EntryView, Reply, RunView, StateView};
pub(crate) use views::{result_as_json, shown};

use crate::{
    engine::{CallLimits, Engine},
    store::Store,
};
use skylark_abi::protocol::Bounds;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a node needs to know; checked by [`crate::config`].
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Unique among the nodes of the topology.
    pub name: String,
    /// Where uploaded modules are kept.
    pub data: PathBuf,
    /// Defaults and ceilings of what one call may use.
    pub limits: CallLimits,
    /// Bounds of the protocol.
    pub bounds: Bounds,
    /// How long a caller of a synchronous invocation is kept waiting.
    pub wait: Duration,
    /// Bytes of ended runs that are kept in memory for `GET /runs/{id}`: half
    /// of them for runs of functions without state or successors, which would
    /// otherwise leave no room for the others.
    pub runs_memory: usize,
    /// Shared secret of the nodes that send each other messages.
    pub cluster_token: String,
    /// How often the outbox is searched for what a dead node left.
    pub sweep: Duration,
    /// How long a node must be silent before one that shares its store does its
    /// work.
    pub takeover: Duration,
    /// Where functions may send requests to.
    pub egress: Egress,
    /// Messages that this node delivers at once; further ones wait in the
    /// store.
    pub max_deliveries: usize,
    /// Asynchronous executions and successors that run here at once; further
    /// ones wait their turn.
    pub max_executions: usize,
}

/// One Skylark node. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    config: NodeConfig,
    engine: Engine,
    store: Arc<dyn Store>,
    apps: apps::Apps,
    runs: runs::Runs,
    briefs: brief::Briefs,
    peers: peers::Peers,
    placer: Placer,
    outbox: outbox::Outbox,
    neighbours: outbox::Neighbours,
    in_progress: in_progress::InProgress,
    draining: AtomicBool,
    background: TaskTracker,
    stop: CancellationToken,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.0.config.name)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// A node with the apps that its data directory holds, delivering what its
    /// store's outbox holds.
    ///
    /// # Errors
    /// The data directory cannot be used, or a module kept in it no longer
    /// loads.
    pub async fn start(
        config: NodeConfig,
        engine: Engine,
        store: Arc<dyn Store>,
        placer: Placer,
    ) -> Result<Self, NodeError> {
        let apps = apps::Apps::open(&config.data, &engine).await?;
        let peers = peers::Peers::new(&config.cluster_token)?;
        let (outbox, acknowledgements) =
            outbox::Outbox::new(config.max_deliveries, config.max_executions);
        let node = Self(Arc::new(Inner {
            runs: runs::Runs::new(config.runs_memory.div_ceil(2)),
            briefs: brief::Briefs::new(config.runs_memory / 2),
            peers,
            apps,
            engine,
            store,
            placer,
            outbox,
            neighbours: outbox::Neighbours::default(),
            in_progress: in_progress::InProgress::default(),
            draining: AtomicBool::new(false),
            background: TaskTracker::new(),
            stop: CancellationToken::new(),
            config,
        }));
        node.spawn_acknowledger(acknowledgements);
        node.spawn_sweeper();
        Ok(node)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// Its configuration.
    pub fn config(&self) -> &NodeConfig {
        &self.0.config
    }

    /// Its engine.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Its store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Where its successors go.
    pub fn placer(&self) -> &Placer {
        &self.0.placer
    }

    /// Whether it takes work: not draining, and its store answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), NodeError> {
        self.accepting()?;
        Ok(self.0.store.check().await?)
    }

    fn accepting(&self) -> Result<(), NodeError> {
        if self.0.draining.load(Ordering::Relaxed) {
            return Err(NodeError::Draining);
        }
        Ok(())
    }

    /// Whether [`Node::drain`] has begun.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Takes no new runs, finishes what is under way, at most for `grace`.
    /// What is left is in the outbox and will be delivered by whoever opens
    /// the store next.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.store(true, Ordering::Relaxed);
        let finished = tokio::time::timeout(grace, self.0.outbox.idle()).await;
        if finished.is_err() {
            tracing::warn!(?grace, "deliveries are left in the outbox");
        }
        self.0.stop.cancel();
        self.0.background.close();
        // The background tasks end at the cancellation; the bound is for a
        // store that does not answer.
        let _ = tokio::time::timeout(grace, self.0.background.wait()).await;
    }
}

/// Microseconds since the Unix epoch.
fn unix_us() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, micros)
}

/// A duration as the reports hold it.
fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}
