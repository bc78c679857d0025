//! Chains of real modules on one node: fused they come to what they come to apart, in
//! fewer steps.

use crate::world::{KINDS, World, bounds, ended, run, state, submit, world};
use serde_json::json;
use skylark_abi::protocol::Bounds;
use skylark_node::node::{InvokeOptions, NodeError};

async fn relay(kind: &'static str, max_fused: u32) -> World {
    let bounds = Bounds {
        max_fused,
        ..bounds()
    };
    world(kind, bounds, &["relay"]).await
}

/// Which tasks of a run were fused.
async fn tasks(world: &World, board: u32, key: Option<&str>) -> Vec<bool> {
    let options = InvokeOptions {
        key: key.map(str::to_owned),
        ..InvokeOptions::default()
    };
    let race = json!({"baton": 10, "board": board}).to_string();
    let reply = world.node.invoke("relay", "three", race.into(), options);
    let tasks = reply.await.expect("it succeeds").tasks;
    tasks.iter().map(|t| t.fused).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_are_fused_as_may_be_and_each_counts_once() {
    for kind in KINDS {
        for (max_fused, fused) in [
            (1, [false, false, false]),
            (2, [false, true, false]),
            (8, [false, true, true]),
        ] {
            let world = relay(kind, max_fused).await;
            for board in [0, 10] {
                // What they touch is learned.
                tasks(&world, board, None).await;
                let key = format!("k{board}");
                let found = tasks(&world, board, Some(&key)).await;
                assert_eq!(found, fused, "{kind} {max_fused} {board}");
                // The same key again runs nothing.
                tasks(&world, board, Some(&key)).await;
            }
            let legs = state(&world.node, "relay", "LEGS").await;
            assert_eq!(legs, json!(6), "{kind} {max_fused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_in_a_fused_tail_falls_alone() {
    for kind in KINDS {
        let world = relay(kind, 8).await;
        let race = json!({"baton": 1, "board": 1, "stumbles": true});
        // The second time nothing is tried that falls.
        for times in 1..=2 {
            let failure = run::<u32>(&world.node, "relay/three", &race).await;
            assert!(failure.unwrap_err().contains("stumbles"), "{kind}");
            let legs = state(&world.node, "relay", "LEGS").await;
            assert_eq!(legs, json!(2 * times), "{kind}");
        }
        // An operator can try again what failed, with the input that it had.
        let id = submit(&world.node, "relay/three", &race).await;
        let view = ended(&world.node, &id).await;
        assert_eq!(view.status, "failed", "{kind}: {view:?}");
        let fused: Vec<bool> = view.tasks.iter().map(|t| t.fused).collect();
        assert_eq!(fused, [false, true, false], "{kind}");
        assert_eq!(run(&world.node, "relay/one", json!({})).await, Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fused_function_has_limits_of_its_own() {
    // More than the instance's memory holds besides what went before: apart it has room.
    let world = relay("memory", 8).await;
    let race = json!({"baton": 9 << 20});
    let found = world.node.invoke(
        "relay",
        "two",
        race.to_string().into(),
        InvokeOptions::default(),
    );
    match found.await {
        Ok(reply) => assert_eq!(&*reply.output, b"2"),
        Err(NodeError::Failed { failure, .. }) => panic!("{failure}"),
        Err(error) => panic!("{error}"),
    }
}
