//! One conformance suite for all stores ([`cases`]), and what is particular to
//! each of them.

#[path = "../common/eventually.rs"]
mod eventually;

mod app;
mod cases;
mod embedded;
mod on_redis;
mod redis_faults;
mod redis_server;
mod throughput;

use app::App;
use futures::{FutureExt, future::BoxFuture};
use skylark_node::store::{Store, StoreOptions};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// A case of the suite, in an app of its own.
type Case = fn(App) -> BoxFuture<'static, ()>;

/// Options small enough for the cases to reach the limits.
fn options() -> StoreOptions {
    StoreOptions {
        max_value: 8 << 20,
        max_read: 20 << 20,
        ..StoreOptions::default()
    }
}

/// Runs all cases and names those that fail.
async fn conform(store: Arc<dyn Store>) {
    let mut failed = Vec::new();
    for (name, case) in cases::all() {
        let app = App {
            store: store.clone(),
            name: name.to_owned(),
        };
        if AssertUnwindSafe(case(app)).catch_unwind().await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{} fails: {failed:?}", store.describe());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_conforms() {
    let store = skylark_node::store::open("memory", &options()).expect("open");
    conform(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn embedded_conforms() {
    let directory = tempfile::tempdir().expect("directory");
    let url = format!("embedded:{}", directory.path().display());
    let store = skylark_node::store::open(&url, &options()).expect("open");
    conform(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_conforms() {
    let server = redis_server::RedisServer::start(&[]);
    let store = skylark_node::store::open(&server.url(), &options()).expect("open");
    conform(store).await;
}
