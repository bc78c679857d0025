//! A real node, served on a free port, over a store whose reads can be held.

use super::modules;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use skylark_abi::protocol::{
    Begin, Begun, Bounds, BundleField, Commit, Committed, OutboxEntry, RunWrite, Versioned,
};
use skylark_elect::{Objectives, Policy};
use skylark_node::{
    commands::Commands,
    engine::{CallLimits, Engine, EngineConfig},
    http::{HttpConfig, Server, Token, Tokens},
    node::{Egress, Node, NodeConfig, Placer, PlacerConfig},
    store::{self, Store, StoreError, StoreOptions},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The operator's token.
pub(crate) const TOKEN: &str = "the-operators-token";
/// The nodes' token.
pub(crate) const CLUSTER_TOKEN: &str = "the-clusters-token";
/// A key whose blob makes the store panic.
pub(crate) const PANICS: &str = "chain:node:panics";

/// A served node.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) gate: Arc<Gate>,
    pub(crate) stop: CancellationToken,
    pub(crate) ended: JoinHandle<()>,
    _data: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// Serves a node with small limits, an app `app` and a command `greet`.
pub(crate) async fn serve(adjust: impl FnOnce(&mut HttpConfig)) -> Served {
    let mut config = HttpConfig {
        max_body: 1024,
        max_message: 4096,
        max_module: 64 * 1024,
        ..HttpConfig::default()
    };
    adjust(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = start("local", listener, None, config).await;
    let put = async |path: &str, body: Bytes| {
        let answer = served
            .send("PUT", path, &[("authorization", &bearer(TOKEN))], body)
            .await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    };
    put("/f/app", example()).await;
    put("/run/greet", modules::command("hello", 0)).await;
    put("/run/fail", modules::command("", 3)).await;
    served
}

/// Serves two nodes without apps that know each other: `ground`, an edge node,
/// and `sat`, a satellite. `file` becomes their topology.
pub(crate) async fn serve_two(file: &Path) -> [Served; 2] {
    let bind = || TcpListener::bind("127.0.0.1:0");
    let (ground, sat) = (bind().await.unwrap(), bind().await.unwrap());
    let topology = json!({
        "nodes": [
            {"node_name": "ground", "node_ip": ground.local_addr().unwrap().to_string(), "node_type": "Edge"},
            {"node_name": "sat", "node_ip": sat.local_addr().unwrap().to_string(), "node_type": "Sat"},
        ],
        "edges": [{"source": "ground", "target": "sat", "bandwidth": 90, "latency": 10}],
    });
    std::fs::write(file, topology.to_string()).unwrap();
    [
        start("ground", ground, Some(file), HttpConfig::default()).await,
        start("sat", sat, Some(file), HttpConfig::default()).await,
    ]
}

/// The app that [`serve`] uploads.
pub(crate) fn example() -> Bytes {
    use modules::Body;
    use skylark_abi::call::FailureKind as Kind;
    modules::app(&[
        ("answer", Body::Returns("42")),
        ("bytes", Body::Yields(b"\xff\x00bytes")),
        ("reads", Body::Reads),
        ("traps", Body::Traps),
        ("spins", Body::Spins),
        ("hogs", Body::Hogs),
        (
            "refuses",
            Body::Fails(Kind::Returned, "no seats left", None),
        ),
        (
            "misread",
            Body::Fails(Kind::Input, "expected a number", Some("photo.width")),
        ),
        (
            "outgrown",
            Body::Fails(Kind::TooLarge, "past max_output", None),
        ),
        (
            "unreadable",
            Body::Fails(Kind::State, "wrote u32, is u64", Some("S")),
        ),
        ("endless", Body::Fails(Kind::Depth, "64 tasks deep", None)),
        (
            "contended",
            Body::Fails(Kind::Conflict, "kept changing", Some("S")),
        ),
        (
            "cancelled",
            Body::Fails(Kind::Cancelled, "by an operator", None),
        ),
    ])
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn start(
    name: &str,
    listener: TcpListener,
    topology: Option<&Path>,
    config: HttpConfig,
) -> Served {
    let data = tempfile::tempdir().unwrap();
    let engine = Engine::new(EngineConfig {
        pool_instances: 16,
        max_memory: 16 << 20,
        epoch_tick: Duration::from_millis(1),
        ..EngineConfig::default()
    })
    .unwrap();
    let gate = Arc::new(Gate::new(
        store::open("memory", &StoreOptions::default()).unwrap(),
    ));
    let node_config = NodeConfig {
        name: name.into(),
        data: data.path().to_owned(),
        limits: CallLimits::default(),
        bounds: Bounds::default(),
        wait: Duration::from_secs(30),
        runs_memory: 1 << 20,
        cluster_token: CLUSTER_TOKEN.into(),
        sweep: Duration::from_secs(3600),
        takeover: Duration::from_secs(1),
        egress: Egress::default(),
        max_deliveries: 1024,
        max_executions: 64,
    };
    let placer = Placer::open(PlacerConfig {
        node: name.into(),
        topology: topology.map(Path::to_owned),
        policy: Policy::default(),
        objectives: Objectives::default(),
    })
    .unwrap();
    let commands = Commands::open(data.path(), engine.clone()).await.unwrap();
    let node = Node::start(node_config, engine, gate.clone(), placer)
        .await
        .unwrap();
    let tokens = Tokens {
        operator: Token::new(TOKEN),
        cluster: Token::new(CLUSTER_TOKEN),
    };
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = Server::new(node, commands, config, tokens);
    Served {
        url: format!("http://{address}"),
        address,
        client: reqwest::Client::new(),
        gate,
        ended: tokio::spawn(server.serve(listener, stop.clone(), Duration::from_secs(20))),
        stop,
        _data: data,
    }
}

impl Served {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request
            .send()
            .await
            .unwrap_or_else(|e| panic!("{method} {path}: {e:?}"));
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &'static str) -> Answer {
        self.send("POST", path, &[], body).await
    }
}

/// A store whose reads wait while the gate is closed.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            open: watch::Sender::new(true),
            waiting: watch::Sender::new(0),
        }
    }

    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until this many reads wait.
    pub(crate) async fn waited_for(&self, reads: usize) {
        self.waiting
            .subscribe()
            .wait_for(|n| *n >= reads)
            .await
            .unwrap();
    }

    async fn pass(&self) {
        self.waiting.send_modify(|n| *n += 1);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.waiting.send_modify(|n| *n -= 1);
    }
}

#[async_trait]
impl Store for Gate {
    fn describe(&self) -> String {
        self.store.describe()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError> {
        self.pass().await;
        self.store.begin(begin).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.store.commit(commit).await
    }

    async fn accept(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        outbox: Vec<OutboxEntry>,
        retention: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.store
            .accept(app, chain_id, run, outbox, retention)
            .await
    }

    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError> {
        self.store.acknowledge(app, entries).await
    }

    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError> {
        self.store.overdue(limit, claim).await
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        self.store.outbox_len().await
    }

    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.run(app, chain_id).await
    }

    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError> {
        self.store.put_run(app, run).await
    }

    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.failed(app, after, limit).await
    }

    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.store.cancel(app, chain_id, retention).await
    }

    async fn announce(&self, node: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        self.store.announce(node, lasts).await
    }

    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError> {
        self.store.states(app, after, limit).await
    }

    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.store.put_blob(key, value, retention).await
    }

    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        assert_ne!(key, PANICS, "this store was told to panic");
        self.store.blob(key).await
    }

    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError> {
        self.store.delete_blob(key).await
    }

    async fn expire(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.expire(limit).await
    }
}
