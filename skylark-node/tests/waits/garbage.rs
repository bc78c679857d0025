//! Nothing grows: what has been done is forgotten after its retention.

use crate::eventually::eventually;
use crate::world::{World, bounds, world};
use bytes::Bytes;
use skylark_abi::protocol::Bounds;
use skylark_node::node::InvokeOptions;
use std::{path::Path, time::Duration};

/// Invocations in all.
const INVOCATIONS: usize = 100_000;
/// After each of which the store is looked at.
const ROUND: usize = 20_000;
/// In bytes; an id alone has 36.
const SMALLEST_RECORD: u64 = 64;

/// Keys in Redis, or bytes of the embedded store's file.
fn size(world: &World) -> u64 {
    match &world.redis {
        Some(server) => redis::cmd("DBSIZE")
            .query(&mut server.connect())
            .expect("DBSIZE"),
        None => bytes_in(&world.directory.path().join("store")),
    }
}

fn bytes_in(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("the store's directory");
    let sizes = entries.map(|e| e.and_then(|e| e.metadata()).map_or(0, |m| m.len()));
    sizes.sum()
}

/// Records, outboxes, chain state and promises: half of the invocations are
/// counters with a key, the rest chains, calls that wait, and one-way ones.
async fn invoke(world: &World, n: usize) {
    let (app, function, input) = match n % 20 {
        0 => ("hashchain", "f1", format!("\"{n}\"")),
        1 => (
            "bank",
            "wire",
            r#"{"from":"ann","to":"bob","cents":0}"#.into(),
        ),
        2 => ("expenses", "submit", r#"[{"what":"tea","cents":1}]"#.into()),
        _ => ("counter", "add", "1".to_owned()),
    };
    let options = InvokeOptions {
        key: Some(format!("k{n}")),
        ..InvokeOptions::default()
    };
    let reply = world
        .node
        .invoke(app, function, Bytes::from(input), options)
        .await;
    if let Err(error) = reply {
        panic!("{app}/{function}: {error}");
    }
}

async fn stays_flat(kind: &'static str) {
    let bounds = Bounds {
        retention: Duration::from_millis(500),
        ..bounds()
    };
    let world = world(kind, bounds, &["hashchain", "bank", "expenses", "counter"]).await;
    for name in ["ann", "bob"] {
        crate::world::run::<()>(&world.node, "bank/open", (name, 1000))
            .await
            .unwrap();
    }
    let mut sizes = Vec::new();
    for round in 0..INVOCATIONS / ROUND {
        for batch in 0..ROUND / 50 {
            let first = round * ROUND + batch * 50;
            let calls = (first..first + 50).map(|n| invoke(&world, n));
            futures::future::join_all(calls).await;
        }
        sizes.push(size(&world));
    }
    if kind == "redis" {
        // All but what is state: bundles, their index, the list of nodes and
        // apps.
        eventually("records expire", || async {
            (size(&world) < 20).then_some(())
        })
        .await;
    } else {
        // The file keeps its length, which follows how many calls a retention
        // sees; what each of them left would be more.
        let grown = sizes[sizes.len() - 1].saturating_sub(sizes[0]);
        let left = (INVOCATIONS - ROUND) as u64 * SMALLEST_RECORD;
        assert!(grown < left, "{kind} grows: {sizes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_invocations_leave_redis_flat() {
    stays_flat("redis").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_invocations_leave_the_embedded_store_flat() {
    stays_flat("embedded").await;
}
