//! Nodes that reach each other over HTTP and share one store.

use crate::{
    eventually::eventually,
    guests::guest,
    redis_server::RedisServer,
    world::{Setting, served},
};
use bytes::Bytes;
use serde_json::json;
use skylark_node::{
    node::{InvokeOptions, Node},
    store::{self, StoreOptions},
};
use tokio::net::TcpListener;

/// An edge node and one in the cloud, on one Redis, with the fire alarm.
struct Pair {
    edge: Node,
    _cloud: Node,
    _redis: RedisServer,
    _directory: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let redis = RedisServer::start(&[]);
        let bind = || TcpListener::bind("127.0.0.1:0");
        let listeners = [bind().await.expect("a port"), bind().await.expect("a port")];
        let of = |n: usize, name: &str, kind: &str| {
            let address = listeners[n].local_addr().expect("address").to_string();
            json!({"node_name": name, "node_ip": address, "node_type": kind})
        };
        let topology = json!({
            "nodes": [of(0, "edge", "Edge"), of(1, "cloud", "Cloud")],
            "edges": [{"source": "edge", "target": "cloud", "bandwidth": 1000, "latency": 1}],
        });
        let file = directory.path().join("topology.json");
        std::fs::write(&file, topology.to_string()).expect("written");
        let mut nodes = Vec::new();
        for (name, listener) in ["edge", "cloud"].into_iter().zip(listeners) {
            let store = store::open(&redis.url(), &StoreOptions::default()).expect("store");
            let setting = Setting {
                topology: Some(file.clone()),
                ..Setting::new(name, store, directory.path())
            };
            let node = setting.start().await;
            let module = guest("firealarm");
            node.upload("firealarm", module, false)
                .await
                .expect("upload");
            served(node.clone(), listener, directory.path()).await;
            nodes.push(node);
        }
        let cloud = nodes.pop().expect("two nodes");
        Self {
            edge: nodes.pop().expect("two nodes"),
            _cloud: cloud,
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
    let pair = Pair::start().await;
    let want = [("edge".to_owned(), 2), ("cloud".to_owned(), 1)];
    // Once they have seen that they share the store.
    eventually("n + 1 round trips for n tasks", || async {
        (pair.detect().await == want).then_some(())
    })
    .await;
}
