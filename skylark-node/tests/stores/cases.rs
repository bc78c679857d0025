//! What every store does.

use crate::{
    Case,
    app::{App, LONG, SHORT, eventually, failed, keyed, message, number, returned, var},
};
use futures::future::join_all;
use skylark_abi::{
    keys::Bundle,
    protocol::{Begin, Begun, BundleField, Commit, Committed},
};
use skylark_node::store::StoreError;
use std::{collections::BTreeSet, time::Duration};

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// All cases, by name.
        pub(crate) const CASES: &[(&str, Case)] =
            &[$((stringify!($name), |app| Box::pin($name(app)))),+];
    };
}

cases![
    never_written_is_version_zero,
    reads_come_in_the_order_asked_for,
    writes_touch_only_their_fields,
    apps_are_apart,
    deleted_keeps_its_version,
    conflict_writes_nothing,
    conflict_names_the_first_that_changed,
    checks_guard_what_is_only_read,
    outcome_is_recorded,
    newer_lease_fences_the_older,
    never_leased_is_fenced,
    other_owner_waits_for_the_lease,
    late_owner_may_commit_if_nobody_took_over,
    begin_without_id_takes_no_lease,
    epoch_without_outcome_keeps_the_lease,
    concurrent_increments_all_count,
    many_owners_of_one_invocation_do_it_once,
    accept_twice_is_accept_once,
    concurrent_accepts_leave_one,
    commit_posts_messages_and_run,
    overdue_goes_to_one_claimer,
    overdue_again_after_its_claim,
    overdue_keeps_to_its_limit,
    acknowledge_is_idempotent,
    runs_are_replaced,
    states_page_in_order,
    blobs_come_and_go,
    values_are_bytes,
    values_may_be_large,
    too_large_is_refused,
    names_of_all_kinds,
    records_expire,
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
        run: Some(("r".into(), b"run".to_vec())),
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
    assert_eq!(app.send(&good).await, Committed::Done);
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
    assert_eq!(app.send(&commit(0)).await, Committed::Done);
    app.put(&[(var("limit"), Some(b"0"))]).await;
    assert_eq!(
        app.send(&commit(0)).await,
        Committed::Conflict(var("limit"))
    );
    assert_eq!(app.send(&commit(1)).await, Committed::Done);
    assert_eq!(app.get(&var("limit")).await, (1, Some(b"0".to_vec())));
}

async fn outcome_is_recorded(app: App) {
    for (run, outcome) in [
        ("ok", returned("{\"a\":1}")),
        ("err", failed("no such photo")),
    ] {
        let epoch = app.lease(run, "n1", LONG).await;
        let commit = Commit {
            outcome: Some(outcome.clone()),
            writes: vec![(var("a"), Some(b"1".to_vec()))],
            ..app.commit_of(run, epoch)
        };
        let (before, _) = app.get(&var("a")).await;
        assert_eq!(app.send(&commit).await, Committed::Done);
        for owner in ["n1", "n2"] {
            assert_eq!(
                app.begin(run, owner, LONG).await,
                Begun::Recorded(outcome.clone())
            );
        }
        // A commit that is sent again changes nothing.
        assert_eq!(app.send(&commit).await, Committed::Fenced);
        assert_eq!(app.get(&var("a")).await.0, before + 1);
    }
    // Another task of the same run is another invocation.
    let begin = Begin {
        app: app.name.clone(),
        id: Some(app.id("ok").child(0)),
        owner: "n1".into(),
        lease: LONG,
        reads: Vec::new(),
    };
    assert!(matches!(
        app.store.begin(&begin).await,
        Ok(Begun::Leased { .. })
    ));
}

async fn newer_lease_fences_the_older(app: App) {
    let first = app.lease("r", "n1", LONG).await;
    // The same owner, after a crash.
    let second = app.lease("r", "n1", LONG).await;
    assert!(second > first, "{second} after {first}");
    let commit = |epoch| Commit {
        writes: vec![(var("a"), Some(b"1".to_vec()))],
        outbox: vec![message("m", Duration::ZERO)],
        run: Some(("r".into(), b"run".to_vec())),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit(first)).await, Committed::Fenced);
    assert_eq!(app.get(&var("a")).await, (0, None));
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
    assert_eq!(app.store.run(&app.name, "r").await, Ok(None));
    assert_eq!(app.send(&commit(second)).await, Committed::Done);
    assert_eq!(app.get(&var("a")).await, (1, Some(b"1".to_vec())));
}

async fn never_leased_is_fenced(app: App) {
    for epoch in [0, 1, u64::MAX >> 12] {
        assert_eq!(
            app.send(&app.commit_of("r", epoch)).await,
            Committed::Fenced
        );
    }
    assert!(matches!(
        app.begin("r", "n1", LONG).await,
        Begun::Leased { .. }
    ));
}

async fn other_owner_waits_for_the_lease(app: App) {
    let lease = Duration::from_millis(150);
    let first = app.lease("r", "n1", lease).await;
    match app.begin("r", "n2", lease).await {
        Begun::Busy { remaining } => assert!(remaining <= lease, "{remaining:?}"),
        // Only if this test was held up for longer than the lease.
        Begun::Leased { epoch, .. } => assert!(epoch > first),
        other => panic!("{other:?}"),
    }
    let second = eventually("the lease passes", || async {
        match app.begin("r", "n2", LONG).await {
            Begun::Leased { epoch, .. } => Some(epoch),
            Begun::Busy { .. } => None,
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert!(second > first);
    // The first wakes up, too late.
    assert_eq!(
        app.send(&app.commit_of("r", first)).await,
        Committed::Fenced
    );
    match app.begin("r", "n1", LONG).await {
        Begun::Busy { remaining } => assert!(remaining <= LONG && remaining > LONG / 2),
        other => panic!("{other:?}"),
    }
    assert_eq!(app.send(&app.commit_of("r", second)).await, Committed::Done);
    assert_eq!(
        app.begin("r", "n1", LONG).await,
        Begun::Recorded(returned("1"))
    );
}

async fn late_owner_may_commit_if_nobody_took_over(app: App) {
    // A lease of no time has passed at once.
    let epoch = app.lease("r", "n1", Duration::ZERO).await;
    assert_eq!(app.send(&app.commit_of("r", epoch)).await, Committed::Done);
    let first = app.lease("s", "n1", Duration::ZERO).await;
    let second = app.lease("s", "n2", Duration::ZERO).await;
    assert!(second > first);
}

async fn begin_without_id_takes_no_lease(app: App) {
    app.read(&[var("a")]).await;
    app.read(&[var("a")]).await;
    app.lease("r", "n1", LONG).await;
    app.read(&[var("a")]).await;
    assert!(matches!(
        app.begin("r", "n2", LONG).await,
        Begun::Busy { .. }
    ));
}

async fn epoch_without_outcome_keeps_the_lease(app: App) {
    let epoch = app.lease("r", "n1", LONG).await;
    let step = Commit {
        outcome: None,
        writes: vec![(var("a"), Some(b"1".to_vec()))],
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&step).await, Committed::Done);
    assert!(matches!(
        app.begin("r", "n2", LONG).await,
        Begun::Busy { .. }
    ));
    assert_eq!(app.send(&app.commit_of("r", epoch)).await, Committed::Done);
    assert_eq!(
        app.begin("r", "n2", LONG).await,
        Begun::Recorded(returned("1"))
    );
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

async fn many_owners_of_one_invocation_do_it_once(app: App) {
    let tasks = (0..8).map(|owner| {
        let app = app.clone();
        tokio::spawn(async move {
            let owner = format!("n{owner}");
            // Leases so short that owners take over from each other halfway.
            let lease = Duration::from_millis(3);
            eventually("an outcome", || async {
                let begun = app
                    .try_begin("r", &owner, lease, &[var("a")])
                    .await
                    .expect("begin");
                match begun {
                    Begun::Recorded(outcome) => Some(outcome),
                    Begun::Busy { .. } => None,
                    Begun::Leased { epoch, fields } => {
                        let commit = Commit {
                            checks: vec![(var("a"), fields[0].version)],
                            writes: vec![(var("a"), Some(owner.clone().into_bytes()))],
                            outcome: Some(returned(&owner)),
                            ..app.commit_of("r", epoch)
                        };
                        app.send(&commit).await;
                        None
                    }
                }
            })
            .await
        })
    });
    let outcomes: Vec<_> = join_all(tasks)
        .await
        .into_iter()
        .map(|t| t.expect("task"))
        .collect();
    let (version, value) = app.get(&var("a")).await;
    let winner = String::from_utf8(value.expect("written")).expect("text");
    assert_eq!(version, 1);
    assert_eq!(outcomes, vec![returned(&winner); 8]);
}

async fn accept_twice_is_accept_once(app: App) {
    let accept = |run: &'static [u8], entry| {
        let outbox = vec![message(entry, Duration::ZERO)];
        app.store.accept(&app.name, "r", run.to_vec(), outbox, LONG)
    };
    assert_eq!(accept(b"first", "m1").await, Ok(None));
    assert_eq!(accept(b"second", "m2").await, Ok(Some(b"first".to_vec())));
    assert_eq!(
        app.store.run(&app.name, "r").await,
        Ok(Some(b"first".to_vec()))
    );
    assert_eq!(app.due(LONG).await, ["m1"]);
}

async fn concurrent_accepts_leave_one(app: App) {
    let tasks = (0..8).map(|nth| {
        let app = app.clone();
        tokio::spawn(async move {
            let outbox = vec![message(&format!("m{nth}"), Duration::ZERO)];
            let run = format!("{nth}").into_bytes();
            let before = app.store.accept(&app.name, "r", run, outbox, LONG).await;
            before.expect("accept").is_none().then_some(nth)
        })
    });
    let tasks = join_all(tasks).await;
    let winners: Vec<i32> = tasks.into_iter().filter_map(|t| t.expect("task")).collect();
    let [winner] = winners[..] else {
        panic!("{winners:?} were all accepted")
    };
    assert_eq!(app.due(LONG).await, [format!("m{winner}")]);
    let run = app.store.run(&app.name, "r").await;
    assert_eq!(run, Ok(Some(winner.to_string().into_bytes())));
}

async fn commit_posts_messages_and_run(app: App) {
    let epoch = app.lease("r", "n1", LONG).await;
    let commit = Commit {
        outbox: vec![message("now", Duration::ZERO), message("later", LONG)],
        run: Some(("r".into(), b"ended".to_vec())),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit).await, Committed::Done);
    assert_eq!(app.due(LONG).await, ["now"]);
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
    assert_eq!(
        app.store.run(&app.name, "r").await,
        Ok(Some(b"ended".to_vec()))
    );
}

async fn overdue_goes_to_one_claimer(app: App) {
    let ids: Vec<String> = (0..60).map(|nth| format!("m{nth:02}")).collect();
    let outbox = ids.iter().map(|id| message(id, Duration::ZERO)).collect();
    app.store
        .accept(&app.name, "r", Vec::new(), outbox, LONG)
        .await
        .expect("accept");
    let claimers = (0..4).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let due = app.store.overdue(7, LONG).await.expect("overdue");
                if due.is_empty() {
                    return taken;
                }
                taken.extend(due.into_iter().map(|(_, entry)| entry.id));
            }
        })
    });
    let mut taken: Vec<String> = Vec::new();
    for claimer in join_all(claimers).await {
        taken.extend(claimer.expect("claimer"));
    }
    taken.retain(|id| ids.contains(id));
    taken.sort();
    assert_eq!(taken, ids);
}

async fn overdue_again_after_its_claim(app: App) {
    let outbox = vec![message("m", Duration::ZERO)];
    app.store
        .accept(&app.name, "r", Vec::new(), outbox, LONG)
        .await
        .expect("accept");
    assert_eq!(app.due(SHORT).await, ["m"]);
    eventually("the claim passes", || async {
        (app.due(LONG).await == ["m"]).then_some(())
    })
    .await;
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
}

async fn overdue_keeps_to_its_limit(app: App) {
    let outbox = (0..5)
        .map(|n| message(&format!("m{n}"), Duration::ZERO))
        .collect();
    app.store
        .accept(&app.name, "r", Vec::new(), outbox, LONG)
        .await
        .expect("accept");
    let mut seen = BTreeSet::new();
    for expected in [2, 2, 1, 0] {
        let due = app.store.overdue(2, LONG).await.expect("overdue");
        assert_eq!(due.len(), expected);
        seen.extend(due.into_iter().map(|(_, entry)| entry.id));
    }
    assert_eq!(seen.len(), 5);
    // By size, too: each message is within the limit, all of them are not.
    let large = (0..4).map(|n| {
        let mut entry = message(&format!("large{n}"), Duration::ZERO);
        entry.payload = vec![b'x'; 7 << 20];
        entry
    });
    app.store
        .accept(&app.name, "s", Vec::new(), large.collect(), LONG)
        .await
        .expect("accept");
    for expected in [2, 2, 0] {
        assert_eq!(
            app.store.overdue(100, LONG).await.expect("overdue").len(),
            expected
        );
    }
}

async fn acknowledge_is_idempotent(app: App) {
    let outbox = ["a", "b", "c"].map(|id| message(id, SHORT)).to_vec();
    app.store
        .accept(&app.name, "r", Vec::new(), outbox, LONG)
        .await
        .expect("accept");
    for ids in [vec!["a"], vec!["a", "c", "unknown"], vec![], vec!["c"]] {
        let ids: Vec<String> = ids.into_iter().map(String::from).collect();
        assert_eq!(app.store.acknowledge(&app.name, &ids).await, Ok(()));
    }
    let due = eventually("the claim passes", || async {
        Some(app.due(LONG).await).filter(|due| !due.is_empty())
    })
    .await;
    assert_eq!(due, ["b"]);
}

async fn runs_are_replaced(app: App) {
    for run in [b"running".to_vec(), b"ended".to_vec()] {
        app.store
            .put_run(&app.name, "r", run.clone(), LONG)
            .await
            .expect("put");
        assert_eq!(app.store.run(&app.name, "r").await, Ok(Some(run)));
    }
    let other = app.sibling("-2");
    assert_eq!(other.store.run(&other.name, "r").await, Ok(None));
}

async fn states_page_in_order(app: App) {
    let mut written = vec![
        var("b"),
        var("a"),
        var("_z"),
        var("Z-9"),
        var("a_"),
        keyed("", "a"),
        keyed("Vienna", "b"),
        keyed("Vienna", "a"),
        keyed("vienna", "A"),
        BundleField {
            bundle: Bundle::Chain("app.1".into()),
            name: "a".into(),
        },
    ];
    // More bundles than a store looks at in one go.
    written.extend((0..150).map(|n| keyed(&format!("k{n}"), "a")));
    let writes: Vec<_> = written
        .iter()
        .map(|f| (f.clone(), Some(f.name.as_bytes())))
        .collect();
    app.put(&writes).await;
    app.put(&[(var("gone"), Some(b"1")), (keyed("gone", "a"), Some(b"1"))])
        .await;
    app.put(&[(var("gone"), None), (keyed("gone", "a"), None)])
        .await;
    app.sibling("-2").put(&[(var("a"), Some(b"1"))]).await;
    written.sort();
    for limit in [1, 3, 100, 1000] {
        let mut listed = Vec::new();
        loop {
            let after = listed.last();
            let page = app
                .store
                .states(&app.name, after, limit)
                .await
                .expect("states");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            for item in page {
                assert_eq!(item.version, 1);
                assert_eq!(item.value.as_deref(), Some(item.field.name.as_bytes()));
                listed.push(item.field);
            }
        }
        assert_eq!(listed, written, "in pages of {limit}");
    }
    // A place where nothing is (any more) serves as well.
    let page = app
        .store
        .states(&app.name, Some(&var("gone")), 1)
        .await
        .expect("states");
    assert_eq!(
        page[0].field,
        BundleField {
            bundle: Bundle::Chain("app.1".into()),
            name: "a".into()
        }
    );
}

async fn blobs_come_and_go(app: App) {
    let key = format!("{}:node 1:task/0", app.name);
    assert_eq!(app.store.blob(&key).await, Ok(None));
    assert_eq!(app.store.delete_blob(&key).await, Ok(false));
    for value in [b"one".to_vec(), Vec::new(), vec![0, 255, 0]] {
        app.store
            .put_blob(&key, value.clone(), LONG)
            .await
            .expect("put");
        assert_eq!(app.store.blob(&key).await, Ok(Some(value)));
    }
    assert_eq!(app.store.blob(&format!("{key}2")).await, Ok(None));
    assert_eq!(app.store.delete_blob(&key).await, Ok(true));
    assert_eq!(app.store.blob(&key).await, Ok(None));
}

async fn values_are_bytes(app: App) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for value in [every_byte, Vec::new(), b"\r\n$3\r\n".to_vec(), vec![0]] {
        app.put(&[(var("a"), Some(&value))]).await;
        assert_eq!(app.get(&var("a")).await.1, Some(value.clone()));
        let mut entry = message("m", Duration::ZERO);
        entry.payload.clone_from(&value);
        let outbox = vec![entry.clone()];
        let chain = format!("{value:?}");
        app.store
            .accept(&app.name, &chain, value.clone(), outbox, LONG)
            .await
            .expect("accept");
        assert_eq!(app.store.run(&app.name, &chain).await, Ok(Some(value)));
        let due = app.store.overdue(1, LONG).await.expect("overdue");
        assert_eq!(due.len(), 1);
        assert_eq!(
            (&due[0].1.id, &due[0].1.payload),
            (&entry.id, &entry.payload)
        );
    }
}

async fn values_may_be_large(app: App) {
    let large = |seed: u8| -> Vec<u8> {
        (0..5 << 20)
            .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed)
            .collect()
    };
    let (a, b) = (large(1), large(2));
    app.put(&[
        (var("a"), Some(&a)),
        (keyed("k", "b"), Some(&b)),
        (var("c"), Some(b"small")),
    ])
    .await;
    let read = app.read(&[keyed("k", "b"), var("a")]).await;
    assert!(read[0].value.as_ref() == Some(&b) && read[1].value.as_ref() == Some(&a));
    app.put(&[(var("a"), Some(b"small"))]).await;
    assert_eq!(app.get(&var("a")).await, (2, Some(b"small".to_vec())));
    assert!(app.get(&keyed("k", "b")).await.1 == Some(b));
}

async fn too_large_is_refused(app: App) {
    let refused = |result: Result<(), StoreError>, option: &str, size: u64| {
        let error = result.expect_err("too large");
        match &error {
            StoreError::TooLarge {
                option: o, size: s, ..
            } => assert_eq!((*o, *s), (option, size)),
            other => panic!("{other:?}"),
        }
        let text = error.to_string();
        assert!(
            text.contains(&format!("`{option}`")) && text.contains("bytes"),
            "{text}"
        );
    };
    let over = (8 << 20) + 1;
    let value = vec![b'x'; over];
    let commit = Commit {
        writes: vec![
            (var("small"), Some(vec![1])),
            (var("a"), Some(value.clone())),
        ],
        ..app.commit()
    };
    refused(
        app.store.commit(&commit).await.map(drop),
        "max_value",
        over as u64,
    );
    assert_eq!(app.get(&var("small")).await, (0, None));
    let mut entry = message("m", LONG);
    entry.payload.clone_from(&value);
    let accepted = app
        .store
        .accept(&app.name, "r", Vec::new(), vec![entry], LONG)
        .await;
    refused(accepted.map(drop), "max_value", over as u64);
    refused(
        app.store.put_run(&app.name, "r", value.clone(), LONG).await,
        "max_value",
        over as u64,
    );
    assert_eq!(app.store.run(&app.name, "r").await, Ok(None));
    refused(
        app.store.put_blob("too-large", value, LONG).await,
        "max_value",
        over as u64,
    );

    let seven = vec![b'x'; 7 << 20];
    let fields = [var("a"), var("b"), var("c")];
    for field in &fields {
        app.put(&[(field.clone(), Some(&seven))]).await;
    }
    refused(app.try_read(&fields).await.map(drop), "max_read", 21 << 20);
    refused(
        app.try_begin("r", "n1", LONG, &fields).await.map(drop),
        "max_read",
        21 << 20,
    );
    // Nobody holds a lease for it.
    assert!(matches!(
        app.begin("r", "n2", LONG).await,
        Begun::Leased { .. }
    ));
    // A listing gives what fits, and goes on.
    let page = app.store.states(&app.name, None, 10).await.expect("states");
    assert_eq!(page.len(), 2);
    let rest = app
        .store
        .states(&app.name, Some(&page[1].field), 10)
        .await
        .expect("states");
    assert_eq!(rest.len(), 1);
    app.put(&fields.map(|field| (field, None))).await;
}

async fn names_of_all_kinds(app: App) {
    let every = "_ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefghijklmnopqrstuvwxyz0123456789";
    assert_eq!(every.len(), skylark_abi::names::MAX_NAME);
    let app = App {
        name: every.to_owned(),
        ..app
    };
    let fields = [
        var(every),
        var("_"),
        var("version"),
        keyed(every, every),
        keyed("", "a"),
        keyed("a:b {c} @d *?[e] \\ \"'\0\n ü 火", "a"),
        keyed("a:b {c}", "a"),
    ];
    for (nth, field) in fields.iter().enumerate() {
        let value = nth.to_string().into_bytes();
        app.put(&[(field.clone(), Some(&value))]).await;
        app.put(&[(field.clone(), Some(&value))]).await;
    }
    for (nth, field) in fields.iter().enumerate() {
        let expected = (2, Some(nth.to_string().into_bytes()));
        assert_eq!(app.get(field).await, expected, "{field:?}");
    }
    let listed = app
        .store
        .states(&app.name, None, 100)
        .await
        .expect("states");
    let listed: BTreeSet<_> = listed.into_iter().map(|v| v.field).collect();
    assert_eq!(listed, fields.into_iter().collect());
    let run = "r:{x}:0 ü";
    app.increment(run, "a node: {1}", &var("count")).await;
    assert_eq!(
        app.begin(run, "n2", LONG).await,
        Begun::Recorded(returned("1"))
    );
}

async fn records_expire(app: App) {
    let key = format!("{}:blob", app.name);
    let first = app.lease("r", "n1", LONG).await;
    let commit = Commit {
        writes: vec![(var("a"), Some(b"stays".to_vec()))],
        run: Some(("r".into(), b"run".to_vec())),
        outbox: vec![message("m", Duration::ZERO)],
        retention: SHORT,
        ..app.commit_of("r", first)
    };
    assert_eq!(app.send(&commit).await, Committed::Done);
    app.store
        .put_blob(&key, b"blob".to_vec(), SHORT)
        .await
        .expect("put");
    app.store
        .put_run(&app.name, "long", b"long".to_vec(), LONG)
        .await
        .expect("put");
    // A shorter retention replaces a longer one, and the other way round.
    app.store
        .put_run(&app.name, "shortened", b"x".to_vec(), LONG)
        .await
        .expect("put");
    app.store
        .put_run(&app.name, "shortened", b"x".to_vec(), SHORT)
        .await
        .expect("put");
    app.store
        .put_run(&app.name, "prolonged", b"x".to_vec(), SHORT)
        .await
        .expect("put");
    app.store
        .put_run(&app.name, "prolonged", b"x".to_vec(), LONG)
        .await
        .expect("put");
    let runs = ["r", "shortened"];
    eventually("all records expire", || async {
        for run in runs {
            if app.store.run(&app.name, run).await.expect("run").is_some() {
                return None;
            }
        }
        app.store
            .blob(&key)
            .await
            .expect("blob")
            .is_none()
            .then_some(())
    })
    .await;
    assert_eq!(app.store.delete_blob(&key).await, Ok(false));
    // A new lease, and one that the old owner cannot mistake for its own.
    let second = eventually("the outcome expires", || async {
        match app.begin("r", "n2", LONG).await {
            Begun::Leased { epoch, .. } => Some(epoch),
            Begun::Recorded(_) => None,
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert!(second > first);
    assert_eq!(
        app.send(&app.commit_of("r", first)).await,
        Committed::Fenced
    );
    let accepted = app
        .store
        .accept(&app.name, "shortened", b"new".to_vec(), Vec::new(), LONG)
        .await;
    assert_eq!(accepted, Ok(None));

    while app.store.expire(1).await.expect("expire") > 0 {}
    assert_eq!(app.store.expire(100).await, Ok(0));
    for (run, value) in [("long", "long"), ("prolonged", "x"), ("shortened", "new")] {
        let found = app.store.run(&app.name, run).await;
        assert_eq!(found, Ok(Some(value.as_bytes().to_vec())), "{run}");
    }
    // State and messages do not expire.
    assert_eq!(app.get(&var("a")).await, (1, Some(b"stays".to_vec())));
    assert_eq!(app.due(LONG).await, ["m"]);
}
