//! Values and names of all kinds, and their limits.

use crate::app::{App, DONE, LONG, SHORT, keyed, message, returned, run, var};
use crate::eventually::eventually;
use skylark_abi::{
    keys::Bundle,
    protocol::{Begun, BundleField, Commit, Committed},
};
use skylark_node::store::StoreError;
use std::{collections::BTreeSet, time::Duration};

cases![
    states_page_in_order,
    blobs_come_and_go,
    values_are_bytes,
    values_may_be_large,
    too_large_is_refused,
    names_of_all_kinds,
    a_runs_bundle_leaves_nothing,
];

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
    assert_eq!(page[0].field, keyed("", "a"));
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
        "max-value",
        over as u64,
    );
    assert_eq!(app.get(&var("small")).await, (0, None));
    let mut entry = message("m", LONG);
    entry.payload.clone_from(&value);
    let accepted = app
        .store
        .accept(&app.name, "r", Vec::new(), vec![entry], LONG)
        .await;
    refused(accepted.map(drop), "max-value", over as u64);
    refused(
        app.store.put_run(&app.name, run("r", &value)).await,
        "max-value",
        over as u64,
    );
    assert_eq!(app.store.run(&app.name, "r").await, Ok(None));
    refused(
        app.store.put_blob("too-large", value, LONG).await,
        "max-value",
        over as u64,
    );

    let seven = vec![b'x'; 7 << 20];
    let fields = [var("a"), var("b"), var("c")];
    for field in &fields {
        app.put(&[(field.clone(), Some(&seven))]).await;
    }
    refused(app.try_read(&fields).await.map(drop), "max-read", 21 << 20);
    refused(
        app.try_begin("r", "n1", LONG, &fields).await.map(drop),
        "max-read",
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

async fn a_runs_bundle_leaves_nothing(app: App) {
    let of_run = |name: &str| BundleField {
        bundle: Bundle::Chain("r".into()),
        name: name.into(),
    };
    let write = |name: &str, version, value: Option<&[u8]>, keep| Commit {
        checks: vec![(of_run(name), version)],
        writes: vec![(of_run(name), value.map(<[u8]>::to_vec))],
        keep,
        ..app.commit()
    };
    assert_eq!(app.send(&write("a", 0, Some(b"1"), LONG)).await, DONE);
    assert_eq!(app.get(&of_run("a")).await, (1, Some(b"1".to_vec())));
    let stale = write("a", 0, Some(b"2"), LONG);
    assert_eq!(app.send(&stale).await, Committed::Conflict(of_run("a")));
    assert_eq!(app.send(&write("a", 1, Some(b"2"), LONG)).await, DONE);
    assert_eq!(app.get(&of_run("a")).await, (2, Some(b"2".to_vec())));
    // It is no state of the app's.
    let listed = app.store.states(&app.name, None, 10).await.expect("list");
    assert_eq!(listed, []);
    // Gone with its version, so that nothing of it is kept.
    assert_eq!(app.send(&write("a", 2, None, LONG)).await, DONE);
    assert_eq!(app.get(&of_run("a")).await, (0, None));
    // What nobody removes expires.
    assert_eq!(app.send(&write("b", 0, Some(b"1"), SHORT)).await, DONE);
    eventually("it expires", || async {
        (app.get(&of_run("b")).await == (0, None)).then_some(())
    })
    .await;
}
