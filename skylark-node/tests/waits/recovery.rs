//! Nodes that go away, and those that go on in their place.

use crate::eventually::eventually;
use crate::world::{Setting, World, bounds, ended, run, state, submit, world};
use serde_json::json;
use std::time::Duration;

/// Waiting runs of the restart test; ten thousand of them are in
/// `tests/process.rs`.
const WAITING: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_survive_a_restart() {
    let World {
        node,
        mut setting,
        directory,
        ..
    } = world("embedded", bounds(), &["expenses"]).await;
    let submitted = (0..WAITING).map(|n| submit(&node, "expenses/approve", 20_000 + n));
    let ids = futures::future::join_all(submitted).await;
    eventually("all wait", || async {
        let reminders = state(&node, "expenses", "REMINDERS").await;
        (reminders == WAITING).then_some(())
    })
    .await;
    node.drain(Duration::from_secs(5)).await;
    // The store is free once nobody holds it.
    drop(node);
    setting.store = skylark_node::store::open("memory", &Default::default()).unwrap();
    setting.store = reopened(directory.path()).await;

    let node = setting.start().await;
    for id in &ids {
        node.complete_promise(&format!("{id}~approval"), Ok("\"carol\"".into()))
            .await
            .unwrap();
    }
    for id in &ids {
        assert_eq!(ended(&node, id).await.status, "succeeded");
    }
    let paid = state(&node, "expenses", "PAID").await;
    let mut paid: Vec<u64> = serde_json::from_value(paid).unwrap();
    paid.sort_unstable();
    assert!(paid.into_iter().eq((0..WAITING as u64).map(|n| 20_000 + n)));
}

async fn reopened(directory: &std::path::Path) -> std::sync::Arc<dyn skylark_node::store::Store> {
    eventually("the store is let go", || async {
        let url = format!("embedded:{}", directory.join("store").display());
        let options = skylark_node::store::StoreOptions {
            sync: skylark_node::store::SyncPolicy::None,
            ..Default::default()
        };
        skylark_node::store::open(&url, &options).ok()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_goes_on_for_one_that_is_gone() {
    let World {
        node: first,
        setting,
        redis: _redis,
        directory,
        ..
    } = world("redis", bounds(), &["expenses", "bank"]).await;
    let second = Setting {
        bounds: setting.bounds.clone(),
        ..Setting::new("n2", setting.store.clone(), directory.path())
    };
    let second = second.start().await;
    for app in ["expenses", "bank"] {
        let wasm = crate::guests::guest(app);
        second.upload(app, wasm, false).await.unwrap();
    }
    run::<()>(&first, "bank/open", ("ann", 1000)).await.unwrap();
    let nap = submit(&first, "expenses/nap", 400).await;
    let waits = submit(&first, "expenses/approve", 20_000).await;
    eventually("it waits", || async {
        (state(&second, "expenses", "REMINDERS").await == 1).then_some(())
    })
    .await;
    let wire = submit(
        &first,
        "bank/wire",
        json!({"from": "ann", "to": "ann", "cents": 7}),
    )
    .await;
    // Gone, without a word, whatever it was doing.
    first.drain(Duration::ZERO).await;
    drop(first);
    second
        .complete_promise(&format!("{waits}~approval"), Ok("\"carol\"".into()))
        .await
        .unwrap();
    for id in [&nap, &waits, &wire] {
        let view = ended(&second, id).await;
        assert_eq!(view.status, "succeeded", "{id}: {:?}", view.error);
    }
    assert_eq!(state(&second, "expenses", "PAID").await, json!([20_000]));
    let total: i64 = run(&second, "bank/total_money", ()).await.unwrap();
    assert_eq!(total, 2000);
}
