//! Nodes of this process, on stores of their own or shared ones.

use crate::{eventually::eventually, guests::guest, redis_server::RedisServer};
use serde::de::DeserializeOwned;
use skylark_abi::protocol::Bounds;
use skylark_elect::{Objectives, Policy};
use skylark_node::{
    commands::Commands,
    engine::{CallLimits, Engine, EngineConfig},
    http::{HttpConfig, Server, Token, Tokens},
    node::{Egress, InvokeOptions, Node, NodeConfig, NodeError, Placer, PlacerConfig, RunView},
    store::{self, Store, StoreOptions, SyncPolicy},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const CLUSTER_TOKEN: &str = "the-clusters-token";

/// What a node is started with.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) data: PathBuf,
    pub(crate) bounds: Bounds,
    pub(crate) egress: Egress,
    pub(crate) topology: Option<PathBuf>,
}

/// Short enough for a test to wait for.
pub(crate) fn bounds() -> Bounds {
    Bounds {
        claim: Duration::from_millis(300),
        lease: Duration::from_millis(500),
        ..Bounds::default()
    }
}

impl Setting {
    /// With the bounds of tests, alone, and with no server outside allowed.
    pub(crate) fn new(name: &'static str, store: Arc<dyn Store>, directory: &Path) -> Self {
        Self {
            name,
            store,
            data: directory.join(name),
            bounds: bounds(),
            egress: Egress::default(),
            topology: None,
        }
    }

    pub(crate) async fn start(&self) -> Node {
        let engine = Engine::new(EngineConfig {
            pool_instances: 64,
            max_memory: 64 << 20,
            cache_dir: Some(std::env::temp_dir().join("skylark-waits-compiled")),
            ..EngineConfig::default()
        })
        .expect("engine");
        let config = NodeConfig {
            name: self.name.into(),
            data: self.data.clone(),
            limits: CallLimits {
                memory: 32 << 20,
                timeout: Duration::from_secs(10),
                ..CallLimits::default()
            },
            bounds: self.bounds.clone(),
            wait: Duration::from_secs(60),
            runs_memory: 8 << 20,
            cluster_token: CLUSTER_TOKEN.into(),
            sweep: Duration::from_millis(50),
            takeover: Duration::from_millis(300),
            egress: self.egress.clone(),
            max_deliveries: 16 << 10,
            max_executions: 64,
        };
        let placer = Placer::open(PlacerConfig {
            node: self.name.into(),
            topology: self.topology.clone(),
            policy: Policy::default(),
            objectives: Objectives::default(),
        })
        .expect("placer");
        Node::start(config, engine, self.store.clone(), placer)
            .await
            .expect("node")
    }
}

/// Serves a node over HTTP for as long as the test runs.
pub(crate) async fn served(node: Node, listener: TcpListener, directory: &Path) {
    let engine = Engine::new(EngineConfig::default()).expect("engine");
    let commands = Commands::open(directory, engine).await.expect("commands");
    let tokens = Tokens {
        operator: Token::new("operator"),
        cluster: Token::new(CLUSTER_TOKEN),
    };
    let server = Server::new(node, commands, HttpConfig::default(), tokens);
    tokio::spawn(server.serve(listener, CancellationToken::new(), Duration::ZERO));
}

/// A node with everything that it needs.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) setting: Setting,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) directory: TempDir,
}

pub(crate) fn embedded(directory: &Path) -> Arc<dyn Store> {
    let options = StoreOptions {
        sync: SyncPolicy::None,
        ..StoreOptions::default()
    };
    let url = format!("embedded:{}", directory.join("store").display());
    store::open(&url, &options).expect("embedded store")
}

/// The kinds of store.
pub(crate) const KINDS: [&str; 3] = ["memory", "embedded", "redis"];

/// A node on a store of this kind, with these apps.
pub(crate) async fn world(kind: &'static str, bounds: Bounds, apps: &[&str]) -> World {
    let directory = tempfile::tempdir().expect("directory");
    let mut redis = None;
    let store = match kind {
        "embedded" => embedded(directory.path()),
        "redis" => {
            let server = RedisServer::start(&[]);
            let url = server.url();
            redis = Some(server);
            store::open(&url, &StoreOptions::default()).expect("redis store")
        }
        _ => store::open("memory", &StoreOptions::default()).expect("memory store"),
    };
    let setting = Setting {
        bounds,
        ..Setting::new("n1", store, directory.path())
    };
    let node = setting.start().await;
    for app in apps {
        node.upload(app, guest(app), false).await.expect("upload");
    }
    World {
        node,
        setting,
        redis,
        directory,
    }
}

/// Calls a function and waits for its result.
pub(crate) async fn run<T: DeserializeOwned>(
    node: &Node,
    function: &str,
    input: impl serde::Serialize,
) -> Result<T, String> {
    let (app, function) = function.split_once('/').expect("app/function");
    let json = serde_json::to_vec(&input).expect("JSON");
    let reply = node
        .invoke(app, function, json.into(), InvokeOptions::default())
        .await;
    match reply {
        Ok(reply) => Ok(serde_json::from_slice(&reply.output).expect("the result's type")),
        Err(NodeError::Failed { failure, .. }) => Err(failure.message),
        Err(error) => panic!("{app}/{function}: {error}"),
    }
}

/// Submits a call and gives its run's id.
pub(crate) async fn submit(node: &Node, function: &str, input: impl serde::Serialize) -> String {
    let (app, function) = function.split_once('/').expect("app/function");
    let json = serde_json::to_vec(&input).expect("JSON");
    node.submit(app, function, json.into(), InvokeOptions::default())
        .await
        .expect("accepted")
}

/// An app-scoped variable, as JSON.
pub(crate) async fn state(node: &Node, app: &str, name: &str) -> serde_json::Value {
    let state = node.state(app, name).await;
    state.map_or(serde_json::Value::Null, |view| view.value)
}

/// The values of a collection's entries, in the order of their keys.
pub(crate) async fn entries(node: &Node, app: &str, name: &str) -> Vec<serde_json::Value> {
    let (entries, next) = node
        .entries(app, name, None, None, 100)
        .await
        .expect("they are listed");
    assert_eq!(next, None);
    entries.into_iter().map(|entry| entry.value).collect()
}

/// Waits until a run has ended.
pub(crate) async fn ended(node: &Node, id: &str) -> RunView {
    eventually(&format!("{id} ends"), || async {
        let view = node.run(id).await.ok()?;
        (view.status != "running").then_some(view)
    })
    .await
}
