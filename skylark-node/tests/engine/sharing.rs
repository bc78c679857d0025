//! Calls that share a thread and the pool.

use super::fixtures::*;
use skylark_abi::call::FailureKind;
use skylark_node::engine::{Engine, EngineConfig};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

#[tokio::test]
async fn a_looping_guest_lets_others_run_on_its_thread() {
    let engine = engine();
    let module = load(
        &engine,
        app_with(
            "",
            &[
                ("spin", "{}", "(loop $l (br $l)) unreachable"),
                ("f", "{}", "$OK"),
            ],
        ),
    )
    .await;
    let spinning = module.clone();
    let spin = tokio::spawn(async move { call(&spinning, "spin").await });
    // One thread: these run only because the guest yields.
    while engine.instances_in_use() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(call(&module, "f").await, Ok(response(b"null")));
    assert!(!spin.is_finished());
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
    assert_eq!(
        engine.instances_in_use(),
        0,
        "an abandoned call gives its instance back"
    );
}

#[tokio::test]
async fn calls_beyond_the_pool_wait_for_an_instance() {
    let engine = Engine::new(EngineConfig {
        pool_instances: 2,
        pool_wait: Duration::from_secs(60),
        ..small()
    })
    .expect("the engine starts");
    let module = load(&engine, app("$OK")).await;
    let calls = (0..50).map(|_| call(&module, "f"));
    for ended in futures::future::join_all(calls).await {
        assert_eq!(ended, Ok(response(b"null")));
    }
}

#[tokio::test]
async fn a_call_that_finds_no_instance_in_time_names_the_limit() {
    let engine = Engine::new(EngineConfig {
        pool_instances: 1,
        pool_wait: Duration::from_millis(1),
        ..small()
    })
    .expect("the engine starts");
    let module = load(&engine, reader()).await;
    let asked = Arc::new(Notify::new());
    let holder = tokio::spawn({
        let (module, asked) = (module.clone(), Arc::clone(&asked));
        async move {
            let mut state = States::Never { asked };
            module.call("f", &request(), &limits(), &mut state).await
        }
    });
    asked.notified().await;
    let refused = call(&module, "f").await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert_mentions(
        "refused",
        &refused.message,
        &["all 1 instances", "`instances`", "`instance-wait`"],
    );
    holder.abort();
    let _ = holder.await;
    assert_eq!(call(&module, "f").await, Ok(response(b"absent..")));
}
