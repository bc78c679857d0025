//! Figures, for comparing builds and machines:
//! `cargo test --release -p skylark-node --test stores -- --ignored --nocapture throughput`

use crate::{
    app::{App, DONE, LONG, number, var},
    redis_server::RedisServer,
};
use futures::future::join_all;
use skylark_abi::protocol::{Begun, Commit};
use skylark_node::store::{StoreOptions, SyncPolicy, open};
use std::time::{Duration, Instant};

/// Begins and commits of invocations that each count one up, on a counter per
/// task, as a node does it for a function with one state variable.
async fn invocations(app: &App, tasks: usize, lasts: Duration) -> (usize, Duration) {
    let begun = Instant::now();
    let tasks = (0..tasks).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            let counter = var(&format!("v{task}"));
            let mut times = Vec::new();
            while begun.elapsed() < lasts {
                let run = format!("{tasks}-{task}-{}", times.len());
                let started = Instant::now();
                let reads = std::slice::from_ref(&counter);
                let leased = app.try_begin(&run, "n1", LONG, reads).await.expect("begin");
                let Begun::Leased { epoch, fields, .. } = leased else {
                    panic!("{leased:?}")
                };
                let count = number(fields[0].value.as_deref()) + 1;
                let commit = Commit {
                    checks: vec![(counter.clone(), fields[0].version)],
                    writes: vec![(counter.clone(), Some(count.to_string().into_bytes()))],
                    ..app.commit_of(&run, epoch)
                };
                assert_eq!(app.send(&commit).await, DONE);
                times.push(started.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = Vec::new();
    for task in join_all(tasks).await {
        times.extend(task.expect("task"));
    }
    times.sort();
    (times.len(), times[times.len() / 2])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; takes a quarter of a minute"]
async fn throughput() {
    const LASTS: Duration = Duration::from_secs(1);
    let volatile = RedisServer::start(&[]);
    let durable = RedisServer::start(&["--appendonly", "yes"]);
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("directory"));
    let embedded = |nth: usize| format!("embedded:{}", directories[nth].path().display());
    let rows = [
        ("memory", "memory".into(), SyncPolicy::Always),
        ("embedded, sync always", embedded(0), SyncPolicy::Always),
        ("embedded, sync none", embedded(1), SyncPolicy::None),
        ("redis, in memory", volatile.url(), SyncPolicy::Always),
        (
            "redis, appendfsync always",
            durable.url(),
            SyncPolicy::Always,
        ),
    ];
    println!(
        "{:<28}{:>22}{:>22}{:>22}",
        "begin + commit", "1 task", "16 tasks", "64 tasks"
    );
    for (name, url, sync) in rows {
        let options = StoreOptions {
            sync,
            ..StoreOptions::default()
        };
        let app = App {
            store: open(&url, &options).expect("open"),
            name: "app".into(),
        };
        let mut line = format!("{name:<28}");
        for tasks in [1, 16, 64] {
            let (count, median) = invocations(&app, tasks, LASTS).await;
            let per_second = count as f64 / LASTS.as_secs_f64();
            line += &format!(
                "{:>22}",
                format!("{per_second:.0}/s {:.0} µs", median.as_secs_f64() * 1e6)
            );
        }
        println!("{line}");
    }
}
