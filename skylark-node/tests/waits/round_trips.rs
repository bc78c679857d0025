//! What runs cost, counted by the server.

use crate::world::{World, bounds, run, world};
use bytes::Bytes;
use skylark_node::node::InvokeOptions;

/// Scripts that the server has run: each is one round trip.
fn scripts(world: &World) -> u64 {
    let server = world.redis.as_ref().expect("Redis");
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut server.connect())
        .expect("INFO");
    let calls = |command: &str| {
        let line = stats
            .lines()
            .find(|l| l.starts_with(&format!("cmdstat_{command}:")))?;
        line.split("calls=")
            .nth(1)?
            .split(',')
            .next()?
            .parse::<u64>()
            .ok()
    };
    calls("evalsha").unwrap_or(0) + calls("eval").unwrap_or(0)
}

async fn keyed(world: &World, app: &str, function: &str, input: &'static str, key: String) {
    let options = InvokeOptions {
        key: Some(key),
        ..InvokeOptions::default()
    };
    let reply = world
        .node
        .invoke(app, function, Bytes::from_static(input.as_bytes()), options)
        .await
        .expect("it succeeds");
    assert!(!reply.replayed);
}

/// The node's own looks at the outbox are scripts too, fewer than one for each
/// run of a batch: what they add is less than one each, and left out.
async fn cost(world: &World, mut one: impl AsyncFnMut(usize)) -> u64 {
    const BATCH: u64 = 10;
    let mut least = u64::MAX;
    for batch in 0..6 {
        let before = scripts(world);
        for n in 0..BATCH as usize {
            one(batch * 100 + n).await;
        }
        least = least.min((scripts(world) - before) / BATCH);
    }
    least
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_n_costs_n_plus_one() {
    let world = world("redis", bounds(), &["hashchain", "counter"]).await;
    let node = &world.node;
    run::<u64>(node, "counter/add", 1).await.unwrap();
    run::<serde_json::Value>(node, "hashchain/f1", "x")
        .await
        .unwrap();
    // The commit of one is the begin of the next.
    let chain = cost(&world, async |n| {
        keyed(&world, "hashchain", "f1", "\"x\"", format!("k{n}")).await;
    });
    assert_eq!(chain.await, 4, "three tasks, with a key");
    let chain = cost(&world, async |_| {
        run::<serde_json::Value>(node, "hashchain/f1", "x")
            .await
            .unwrap();
    });
    assert_eq!(
        chain.await,
        3,
        "three tasks; the first has nothing to begin"
    );
    let counter = cost(&world, async |_| {
        run::<u64>(node, "counter/add", 1).await.unwrap();
    });
    assert_eq!(counter.await, 2, "one variable");
    let counter = cost(&world, async |n| {
        keyed(&world, "counter", "add", "1", format!("c{n}")).await;
    });
    assert_eq!(counter.await, 2, "one variable, with a key");
    let counter = cost(&world, async |n| {
        run::<u64>(node, "counter/count", format!("name{n}"))
            .await
            .unwrap();
    });
    assert_eq!(counter.await, 2, "one variable per name");
    let stateless = cost(&world, async |_| {
        run::<String>(node, "counter/echo", "x").await.unwrap();
    });
    assert_eq!(stateless.await, 0, "nothing to begin or commit");
}
