//! Runs and the messages that they start.

use crate::app::{App, DONE, LONG, SHORT, message, run, var};
use crate::eventually::eventually;
use futures::future::join_all;
use skylark_abi::protocol::{Commit, Committed, Listed, RunWrite};
use std::{collections::BTreeSet, time::Duration};

cases![
    accept_twice_is_accept_once,
    concurrent_accepts_leave_one,
    commit_posts_messages_and_run,
    overdue_goes_to_one_claimer,
    overdue_again_after_its_claim,
    overdue_keeps_to_its_limit,
    acknowledge_is_idempotent,
    the_outbox_counts_what_is_not_acknowledged,
    runs_are_replaced,
    a_commit_acknowledges,
    failed_runs_are_listed,
];

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
        run: Some(run("r", b"ended")),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit).await, DONE);
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

async fn the_outbox_counts_what_is_not_acknowledged(app: App) {
    let length = || async { app.store.outbox_len().await.expect("length") };
    let before = length().await;
    let outbox = vec![message("now", Duration::ZERO), message("later", LONG)];
    app.store
        .accept(&app.name, "r", Vec::new(), outbox, LONG)
        .await
        .expect("accept");
    // Claimed or not.
    assert_eq!(app.due(LONG).await, ["now"]);
    assert_eq!(length().await, before + 2);
    for (id, left) in [("now", 1), ("now", 1), ("later", 0)] {
        let acknowledged = app.store.acknowledge(&app.name, &[id.to_owned()]).await;
        assert_eq!(acknowledged, Ok(()));
        assert_eq!(length().await, before + left, "after {id}");
    }
}

async fn runs_are_replaced(app: App) {
    for record in [b"running".to_vec(), b"ended".to_vec()] {
        app.store
            .put_run(&app.name, run("r", &record))
            .await
            .expect("put");
        assert_eq!(app.store.run(&app.name, "r").await, Ok(Some(record)));
    }
    let other = app.sibling("-2");
    assert_eq!(other.store.run(&other.name, "r").await, Ok(None));
}

async fn a_commit_acknowledges(app: App) {
    let post = Commit {
        outbox: vec![message("m1", Duration::ZERO), message("m2", Duration::ZERO)],
        ..app.commit()
    };
    assert_eq!(app.send(&post).await, DONE);
    let stale = Commit {
        acks: vec!["m1".into()],
        checks: vec![(var("a"), 7)],
        ..app.commit()
    };
    assert_eq!(app.send(&stale).await, Committed::Conflict(var("a")));
    assert_eq!(app.due(Duration::ZERO).await, ["m1", "m2"]);
    let answer = Commit {
        acks: vec!["m1".into(), "unknown".into()],
        ..app.commit()
    };
    assert_eq!(app.send(&answer).await, DONE);
    assert_eq!(app.due(LONG).await, ["m2"]);
}

async fn failed_runs_are_listed(app: App) {
    let failed = |id: &str, listed| RunWrite {
        listed,
        ..run(id, b"record")
    };
    for n in 0..5 {
        let commit = Commit {
            run: Some(failed(&format!("r{n}"), Listed::Enter)),
            ..app.commit()
        };
        assert_eq!(app.send(&commit).await, DONE);
    }
    let put = app.store.put_run(&app.name, failed("r5", Listed::Enter));
    put.await.expect("put");
    // Tried again, by a commit or alone; and one that never failed.
    let again = Commit {
        run: Some(failed("r2", Listed::Leave)),
        ..app.commit()
    };
    assert_eq!(app.send(&again).await, DONE);
    for (id, listed) in [("r3", Listed::Leave), ("r6", Listed::Same)] {
        let put = app.store.put_run(&app.name, failed(id, listed));
        put.await.expect("put");
    }
    let mut all = Vec::new();
    loop {
        let after = all.last().map(String::as_str);
        let page = app.store.failed(&app.name, after, 2).await.expect("list");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        all.extend(page);
    }
    all.sort();
    assert_eq!(all, ["r0", "r1", "r4", "r5"]);
}
