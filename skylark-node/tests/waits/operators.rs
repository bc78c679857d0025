//! What fails is listed, tried again, cancelled.

use crate::{
    eventually::eventually,
    guests::guest,
    world::{KINDS, Setting, bounds, ended, run, submit, world},
};
use skylark_abi::{call::FailureKind, protocol::Bounds};
use skylark_node::{
    node::InvokeOptions,
    store::{self, StoreOptions},
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_listed_and_tried_again() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["expenses"]).await;
        let node = &world.node;
        run::<()>(node, "expenses/break_printer", true)
            .await
            .unwrap();
        let id = submit(node, "expenses/print", 7).await;
        let view = ended(node, &id).await;
        assert_eq!(view.status, "failed", "{kind}");
        let error = view.error.expect("why");
        assert!(error.message.contains("out of paper"), "{error}");
        let (failed, next) = node.failed_runs("expenses", None, 10).await.unwrap();
        assert_eq!(failed.len(), 1, "{kind}");
        assert_eq!(failed[0].id, id);
        let (rest, _) = node
            .failed_runs("expenses", next.as_deref(), 10)
            .await
            .unwrap();
        assert!(rest.is_empty(), "{kind}");

        run::<()>(node, "expenses/break_printer", false)
            .await
            .unwrap();
        node.retry_run(&id).await.unwrap();
        let view = ended(node, &id).await;
        assert_eq!(view.status, "succeeded", "{kind}: {:?}", view.error);
        assert_eq!(
            view.result.map(|r| r.get().to_owned()).as_deref(),
            Some("7")
        );
        let (failed, _) = node.failed_runs("expenses", None, 10).await.unwrap();
        assert!(failed.is_empty(), "{kind}");
        let again = node.retry_run(&id).await.unwrap_err();
        assert!(again.to_string().contains("has not failed"), "{again}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_never_goes_on() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["expenses"]).await;
        let node = &world.node;
        let items = serde_json::json!([{"what": "train", "cents": 20_000}]);
        let id = submit(node, "expenses/submit", items).await;
        // It waits: a reminder is on its way.
        eventually("a reminder", || async {
            (crate::world::state(node, "expenses", "REMINDERS").await == 1).then_some(())
        })
        .await;
        node.cancel_run(&id).await.unwrap();
        assert_eq!(node.run(&id).await.unwrap().status, "failed", "{kind}");
        node.complete_promise(&format!("{id}~approval"), Ok("\"carol\"".into()))
            .await
            .unwrap();
        // Something else that goes the whole way after it.
        let other = submit(node, "expenses/nap", 400).await;
        ended(node, &other).await;
        assert_eq!(
            crate::world::state(node, "expenses", "PAID").await,
            serde_json::Value::Null,
            "{kind}"
        );
        let again = node.cancel_run(&id).await.unwrap_err();
        assert!(again.to_string().contains("has ended"), "{again}");
    }
}

/// What waits grows with what arrives for it. Where the store takes no more, the
/// run ends and says so, rather than being tried for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_outgrows_the_store_ends() {
    let directory = tempfile::tempdir().expect("directory");
    let options = StoreOptions {
        max_value: 4 << 10,
        ..StoreOptions::default()
    };
    let store = store::open("memory", &options).expect("store");
    let node = Setting::new("n1", store, directory.path()).start().await;
    node.upload("expenses", guest("expenses"), false)
        .await
        .expect("upload");
    let items: Vec<_> = (0..60)
        .map(|n| serde_json::json!({"what": format!("tea {n}"), "cents": n}))
        .collect();
    let id = submit(&node, "expenses/submit", &items).await;
    let view = ended(&node, &id).await;
    assert_eq!(view.status, "failed");
    let error = view.error.expect("why");
    assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
    assert!(error.message.contains("max-value"), "{error}");
    // With fewer items the same goes well.
    let id = submit(&node, "expenses/submit", &items[..3]).await;
    let view = ended(&node, &id).await;
    assert_eq!(view.status, "succeeded", "{:?}", view.error);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_remembered_for_as_long_as_its_run_waits() {
    for kind in KINDS {
        let bounds = Bounds {
            retention: Duration::from_millis(100),
            ..bounds()
        };
        let world = world(kind, bounds, &["expenses"]).await;
        let node = &world.node;
        let submit = async |key: &str, cents: u64| {
            let items = serde_json::json!([{"what": "train", "cents": cents}]).to_string();
            let options = InvokeOptions {
                key: Some(key.to_owned()),
                ..InvokeOptions::default()
            };
            node.submit("expenses", "submit", items.into(), options)
                .await
                .unwrap()
        };
        let id = submit("waits", 20_000).await;
        eventually("it waits", || async {
            (crate::world::state(node, "expenses", "REMINDERS").await == 1).then_some(())
        })
        .await;
        // What has ended meanwhile is forgotten after the retention.
        let quick = submit("quick", 1).await;
        eventually("the other is forgotten", || async {
            node.run(&quick).await.is_err().then_some(())
        })
        .await;
        assert_eq!(submit("waits", 20_000).await, id);
        assert_eq!(node.run(&id).await.unwrap().status, "running", "{kind}");
        let promise = format!("{id}~approval");
        let approved = node.complete_promise(&promise, Ok("\"carol\"".into()));
        approved.await.unwrap();
        let paid = serde_json::json!([1, 20_000]);
        eventually("it is paid", || async {
            (crate::world::state(node, "expenses", "PAID").await == paid).then_some(())
        })
        .await;
    }
}
