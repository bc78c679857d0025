//! What a commit does to state.

use crate::app::{App, DONE, LONG, keyed, message, number, returned, run, var};
use futures::future::join_all;
use skylark_abi::protocol::{Begun, Commit, Committed};
use std::time::Duration;

cases![
    never_written_is_version_zero,
    reads_come_in_the_order_asked_for,
    writes_touch_only_their_fields,
    apps_are_apart,
    deleted_keeps_its_version,
    conflict_writes_nothing,
    conflict_names_the_first_that_changed,
    checks_guard_what_is_only_read,
    concurrent_increments_all_count,
];

async fn never_written_is_version_zero(app: App) {
    assert_eq!(app.get(&var("count")).await, (0, None));
    assert_eq!(app.get(&keyed("a", "count")).await, (0, None));
    assert_eq!(app.read(&[]).await, []);
    assert_eq!(app.store.run(&app.name, "none").await, Ok(None));
    assert_eq!(app.store.states(&app.name, None, 10).await, Ok(Vec::new()));
}

async fn reads_come_in_the_order_asked_for(app: App) {
    app.put(&[
        (var("a"), Some(b"1")),
        (var("b"), Some(b"2")),
        (keyed("x", "a"), Some(b"3")),
    ])
    .await;
    let asked = [
        var("b"),
        keyed("x", "a"),
        var("none"),
        var("a"),
        var("b"),
        keyed("y", "a"),
    ];
    let read = app.read(&asked).await;
    let fields: Vec<_> = read.iter().map(|v| v.field.clone()).collect();
    assert_eq!(fields, asked);
    let values: Vec<_> = read
        .iter()
        .map(|v| v.value.as_deref().unwrap_or(b"-"))
        .collect();
    assert_eq!(values.concat(), b"23-12-");
    // The same by a begin with a lease.
    match app.try_begin("r", "n1", LONG, &asked).await {
        Ok(Begun::Leased { fields, .. }) => assert_eq!(fields, read),
        other => panic!("{other:?}"),
    }
}

async fn writes_touch_only_their_fields(app: App) {
    app.put(&[(var("a"), Some(b"1")), (var("b"), Some(b"1"))])
        .await;
    app.put(&[(var("a"), Some(b"2"))]).await;
    app.put(&[(var("a"), Some(b"2"))]).await;
    assert_eq!(app.get(&var("a")).await, (3, Some(b"2".to_vec())));
    assert_eq!(app.get(&var("b")).await, (1, Some(b"1".to_vec())));
}

async fn apps_are_apart(app: App) {
    let other = app.sibling("-2");
    app.put(&[(var("a"), Some(b"mine"))]).await;
    other.put(&[(var("a"), Some(b"theirs"))]).await;
    assert_eq!(app.get(&var("a")).await, (1, Some(b"mine".to_vec())));
    assert_eq!(other.get(&var("a")).await, (1, Some(b"theirs".to_vec())));
    for app in [&app, &other] {
        let listed = app.store.states(&app.name, None, 10).await.expect("states");
        assert_eq!(listed.len(), 1);
    }
}

async fn deleted_keeps_its_version(app: App) {
    app.put(&[(var("a"), Some(b"old"))]).await;
    app.put(&[(var("a"), None)]).await;
    assert_eq!(app.get(&var("a")).await, (2, None));
    app.put(&[(var("a"), Some(b"new"))]).await;
    // Whoever read the old value, at version 1, must not win now.
    let late = Commit {
        checks: vec![(var("a"), 1)],
        writes: vec![(var("a"), Some(b"late".to_vec()))],
        ..app.commit()
    };
    assert_eq!(app.send(&late).await, Committed::Conflict(var("a")));
    assert_eq!(app.get(&var("a")).await, (3, Some(b"new".to_vec())));
}

async fn conflict_writes_nothing(app: App) {
    app.put(&[(var("a"), Some(b"1"))]).await;
    let epoch = app.lease("r", "n1", LONG).await;
    app.put(&[(var("a"), Some(b"2"))]).await;
    let stale = Commit {
        checks: vec![(var("b"), 0), (var("a"), 1)],
        writes: vec![
            (var("b"), Some(b"x".to_vec())),
            (keyed("k", "c"), Some(b"x".to_vec())),
            (var("a"), None),
        ],
        outbox: vec![message("m", Duration::ZERO)],
        run: Some(run("r", b"run")),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&stale).await, Committed::Conflict(var("a")));
    assert_eq!(app.get(&var("a")).await, (2, Some(b"2".to_vec())));
    assert_eq!(app.get(&var("b")).await, (0, None));
    assert_eq!(app.get(&keyed("k", "c")).await, (0, None));
    assert_eq!(app.store.run(&app.name, "r").await, Ok(None));
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
    let listed = app.store.states(&app.name, None, 10).await.expect("states");
    assert_eq!(listed.len(), 1);
    // The lease is as it was, and no outcome is recorded.
    assert!(matches!(
        app.begin("r", "n2", LONG).await,
        Begun::Busy { .. }
    ));
    let good = Commit {
        checks: vec![(var("b"), 0), (var("a"), 2)],
        ..stale
    };
    assert_eq!(app.send(&good).await, DONE);
    assert_eq!(app.get(&var("a")).await, (3, None));
    assert_eq!(app.due(LONG).await, ["m"]);
}

async fn conflict_names_the_first_that_changed(app: App) {
    app.put(&[(var("a"), Some(b"1")), (keyed("k", "b"), Some(b"1"))])
        .await;
    let commit = Commit {
        checks: vec![(var("a"), 1), (keyed("k", "b"), 7), (var("c"), 9)],
        ..app.commit()
    };
    assert_eq!(
        app.send(&commit).await,
        Committed::Conflict(keyed("k", "b"))
    );
}

async fn checks_guard_what_is_only_read(app: App) {
    let commit = |read_at: u64| Commit {
        checks: vec![(var("limit"), read_at)],
        writes: vec![(var("seats"), Some(b"1".to_vec()))],
        ..app.commit()
    };
    assert_eq!(app.send(&commit(0)).await, DONE);
    app.put(&[(var("limit"), Some(b"0"))]).await;
    assert_eq!(
        app.send(&commit(0)).await,
        Committed::Conflict(var("limit"))
    );
    assert_eq!(app.send(&commit(1)).await, DONE);
    assert_eq!(app.get(&var("limit")).await, (1, Some(b"0".to_vec())));
}

async fn concurrent_increments_all_count(app: App) {
    const TASKS: u64 = 12;
    const EACH: u64 = 10;
    let tasks = (0..TASKS).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            for i in 0..EACH {
                app.increment(&format!("{task}-{i}"), "n1", &var("count"))
                    .await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("task");
    }
    let (version, value) = app.get(&var("count")).await;
    assert_eq!(
        (version, number(value.as_deref())),
        (TASKS * EACH, TASKS * EACH)
    );
    for (task, i) in [(0, 0), (TASKS - 1, EACH - 1)] {
        let begun = app.begin(&format!("{task}-{i}"), "n2", LONG).await;
        assert_eq!(begun, Begun::Recorded(returned("1")));
    }
}
