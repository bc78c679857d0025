//! Nodes that reach each other over HTTP and share one store.

use crate::{
    eventually::eventually,
    guests::guest,
    redis_server::RedisServer,
    world::{Setting, run, served},
};
use bytes::Bytes;
use serde_json::json;
use skylark_node::{
    node::{InvokeOptions, Node, NodeError},
    store::{self, StoreOptions},
};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// An edge node and one in the cloud, on one Redis or with a store each.
pub(crate) struct Pair {
    pub(crate) edge: Node,
    pub(crate) cloud: Node,
    pub(crate) addresses: [SocketAddr; 2],
    _redis: Option<RedisServer>,
    _directory: tempfile::TempDir,
}

impl Pair {
    pub(crate) async fn start(app: &str, shared: bool) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let redis = shared.then(|| RedisServer::start(&[]));
        let bind = || TcpListener::bind("127.0.0.1:0");
        let listeners = [bind().await.expect("a port"), bind().await.expect("a port")];
        let of = |n: usize, name: &str, kind: &str| {
            let address = listeners[n].local_addr().expect("address").to_string();
            json!({"node_name": name, "node_ip": address, "node_type": kind})
        };
        let addresses = [0, 1].map(|n: usize| listeners[n].local_addr().expect("address"));
        let topology = json!({
            "nodes": [of(0, "edge", "Edge"), of(1, "cloud", "Cloud")],
            "edges": [{"source": "edge", "target": "cloud", "bandwidth": 1000, "latency": 1}],
        });
        let file = directory.path().join("topology.json");
        std::fs::write(&file, topology.to_string()).expect("written");
        let mut nodes = Vec::new();
        for (name, listener) in ["edge", "cloud"].into_iter().zip(listeners) {
            let url = redis.as_ref().map_or("memory".into(), RedisServer::url);
            let store = store::open(&url, &StoreOptions::default()).expect("store");
            let setting = Setting {
                topology: Some(file.clone()),
                ..Setting::new(name, store, directory.path())
            };
            let node = setting.start().await;
            node.upload(app, guest(app), false).await.expect("upload");
            served(node.clone(), listener, directory.path()).await;
            nodes.push(node);
        }
        let cloud = nodes.pop().expect("two nodes");
        Self {
            edge: nodes.pop().expect("two nodes"),
            cloud,
            addresses,
            _redis: redis,
            _directory: directory,
        }
    }

    /// Detects nothing on a photograph of one pixel; tells where the tasks ran,
    /// and the round trips that each began and committed with.
    async fn detect(&self) -> Vec<(String, u32)> {
        let raster = json!({"width": 1, "height": 1, "rgb": "AAAA"});
        let features = json!({"station": "s", "width": 1, "height": 1, "raster": raster});
        let input = Bytes::from(features.to_string());
        let options = InvokeOptions::default();
        let reply = self.edge.invoke("firealarm", "detect", input, options);
        let tasks = reply.await.expect("it succeeds").tasks;
        tasks.into_iter().map(|t| (t.node, t.round_trips)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commit_of_one_node_is_the_begin_of_the_next() {
    let pair = Pair::start("firealarm", true).await;
    let want = [("edge".to_owned(), 2), ("cloud".to_owned(), 1)];
    // Once they have seen that they share the store.
    eventually("n + 1 round trips for n tasks", || async {
        (pair.detect().await == want).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_elsewhere_is_tried_again_there() {
    let Pair {
        edge,
        cloud,
        _redis,
        _directory,
        ..
    } = Pair::start("expenses", false).await;
    for node in [&edge, &cloud] {
        run::<()>(node, "expenses/break_printer", true)
            .await
            .expect("broken");
    }
    let on_cloud = async |n: u64| {
        let options = InvokeOptions {
            key: Some(format!("k{n}")),
            policy: Some("random".into()),
            ..InvokeOptions::default()
        };
        let reply = edge.invoke("expenses", "scan", "7".into(), options).await;
        let Err(NodeError::Failed { run_id, tasks, .. }) = reply else {
            panic!("the printer works: {reply:?}");
        };
        tasks
            .last()
            .is_some_and(|t| t.node == "cloud")
            .then_some(run_id)
    };
    let mut n = 0;
    let id = loop {
        n += 1;
        if let Some(id) = on_cloud(n).await {
            break id;
        }
    };
    // Only there is it mended.
    run::<()>(&cloud, "expenses/break_printer", false)
        .await
        .expect("mended");
    edge.retry_run(&id).await.expect("it can be tried again");
    let ended = eventually("it ends", || async {
        let view = edge.run(&id).await.ok()?;
        (view.status != "running").then_some(view)
    })
    .await;
    assert_eq!(ended.status, "succeeded", "{ended:?}");
    assert_eq!(ended.result.expect("a result").get(), "7");
}
