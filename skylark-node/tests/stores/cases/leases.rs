//! Who may commit an invocation, and what is remembered of it.

use crate::app::{App, DONE, LONG, SHORT, failed, message, returned, run, var};
use crate::eventually::eventually;
use futures::future::join_all;
use skylark_abi::{
    call::{FailureKind, Outcome},
    protocol::{Begin, Begun, Commit, Committed, RunWrite},
};
use std::time::Duration;

cases![
    outcome_is_recorded,
    newer_lease_fences_the_older,
    never_leased_is_fenced,
    other_owner_waits_for_the_lease,
    late_owner_may_commit_if_nobody_took_over,
    begin_without_id_takes_no_lease,
    commit_without_outcome_gives_the_lease_back,
    a_runs_record_tells_of_its_first_task,
    a_commit_begins_the_next,
    a_cancelled_run_does_not_begin,
    many_owners_of_one_invocation_do_it_once,
    records_expire,
];

async fn a_runs_record_tells_of_its_first_task(app: App) {
    let id = app.id("r");
    let accepted = app
        .store
        .accept(&app.name, &id.chain_id, b"begun".into(), Vec::new(), LONG)
        .await;
    assert_eq!(accepted, Ok(None));
    let begun = app.begin("r", "n1", LONG).await;
    let Begun::Leased { epoch, run: of, .. } = begun else {
        panic!("{begun:?}")
    };
    assert_eq!(of.as_deref(), Some(&b"begun"[..]));
    let commit = Commit {
        outcome: None,
        run: Some(RunWrite {
            first_is_over: true,
            ..run(&id.chain_id, b"ended")
        }),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit).await, DONE);
    assert_eq!(app.send(&commit).await, Committed::Fenced);
    let over = Begun::Over {
        run: b"ended".into(),
    };
    for owner in ["n1", "n2"] {
        assert_eq!(app.begin("r", owner, LONG).await, over);
    }
    // Along with another commit, too.
    let commit = Commit {
        then: Some(Box::new(app.begin_of("r", "n2"))),
        ..app.commit()
    };
    let begun = Some(over);
    assert_eq!(app.send(&commit).await, Committed::Done { begun });
    // Other tasks of the run are not over by that.
    let child = Begin {
        id: Some(id.child(0)),
        ..app.begin_of("r", "n1")
    };
    let begun = app.store.begin(&child).await.expect("begin");
    assert!(
        matches!(begun, Begun::Leased { run: None, .. }),
        "{begun:?}"
    );
    let kept = app.store.run(&app.name, &id.chain_id).await;
    assert_eq!(kept, Ok(Some(b"ended".into())));
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
        assert_eq!(app.send(&commit).await, DONE);
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
        id: Some(app.id("ok").child(0)),
        ..app.begin_of("ok", "n1")
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
        run: Some(run("r", b"run")),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit(first)).await, Committed::Fenced);
    assert_eq!(app.get(&var("a")).await, (0, None));
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
    assert_eq!(app.store.run(&app.name, "r").await, Ok(None));
    assert_eq!(app.send(&commit(second)).await, DONE);
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
    assert_eq!(app.send(&app.commit_of("r", second)).await, DONE);
    assert_eq!(
        app.begin("r", "n1", LONG).await,
        Begun::Recorded(returned("1"))
    );
}

async fn late_owner_may_commit_if_nobody_took_over(app: App) {
    // A lease of no time has passed at once.
    let epoch = app.lease("r", "n1", Duration::ZERO).await;
    assert_eq!(app.send(&app.commit_of("r", epoch)).await, DONE);
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

async fn commit_without_outcome_gives_the_lease_back(app: App) {
    let epoch = app.lease("r", "n1", LONG).await;
    let step = Commit {
        outcome: None,
        writes: vec![(var("a"), Some(b"1".to_vec()))],
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&step).await, DONE);
    // Its epoch is spent, and anybody may go on.
    assert_eq!(app.send(&step).await, Committed::Fenced);
    let next = app.lease("r", "n2", LONG).await;
    assert!(next > epoch, "{next} after {epoch}");
    assert_eq!(app.send(&app.commit_of("r", next)).await, DONE);
    assert_eq!(
        app.begin("r", "n1", LONG).await,
        Begun::Recorded(returned("1"))
    );
}

async fn a_commit_begins_the_next(app: App) {
    let epoch = app.lease("r", "n1", LONG).await;
    let next = Begin {
        id: Some(app.id("r").child(0)),
        reads: vec![var("a"), var("never")],
        ..app.begin_of("r", "n1")
    };
    let commit = Commit {
        writes: vec![(var("a"), Some(b"1".to_vec()))],
        then: Some(Box::new(next.clone())),
        ..app.commit_of("r", epoch)
    };
    let Committed::Done {
        begun: Some(Begun::Leased { epoch, fields, .. }),
    } = app.send(&commit).await
    else {
        panic!("nothing was begun");
    };
    // It sees what the commit wrote, and holds a lease as any other.
    assert_eq!(fields[0].value.as_deref(), Some(&b"1"[..]));
    assert_eq!((fields[1].version, &fields[1].value), (0, &None));
    let other = Begin {
        owner: "n2".into(),
        ..next.clone()
    };
    assert!(matches!(
        app.store.begin(&other).await,
        Ok(Begun::Busy { .. })
    ));
    let done = Commit {
        id: next.id.clone(),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&done).await, DONE);
    // A commit that does not happen begins nothing.
    assert_eq!(app.send(&commit).await, Committed::Fenced);
    let again = Commit {
        id: None,
        outcome: None,
        epoch: 0,
        ..commit
    };
    assert_eq!(
        app.send(&again).await,
        Committed::Done {
            begun: Some(Begun::Recorded(returned("1")))
        }
    );
}

async fn a_cancelled_run_does_not_begin(app: App) {
    let epoch = app.lease("r", "n1", LONG).await;
    app.store
        .cancel(&app.name, &app.id("r").chain_id, LONG)
        .await
        .expect("cancel");
    let Begun::Recorded(Outcome::Err(failure)) = app.begin("r", "n2", LONG).await else {
        panic!("it began");
    };
    assert_eq!(failure.kind, FailureKind::Cancelled);
    // What ran already may end; its outcome is what is recorded then.
    assert_eq!(app.send(&app.commit_of("r", epoch)).await, DONE);
    assert_eq!(
        app.begin("r", "n2", LONG).await,
        Begun::Recorded(returned("1"))
    );
    app.lease("other", "n1", LONG).await;
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
                    Begun::Busy { .. } | Begun::Over { .. } => None,
                    Begun::Leased { epoch, fields, .. } => {
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

async fn records_expire(app: App) {
    let short = |run| RunWrite {
        lasts: SHORT,
        ..run
    };
    let key = format!("{}:blob", app.name);
    let first = app.lease("r", "n1", LONG).await;
    let commit = Commit {
        writes: vec![(var("a"), Some(b"stays".to_vec()))],
        run: Some(short(run("r", b"run"))),
        outbox: vec![message("m", Duration::ZERO)],
        retention: SHORT,
        ..app.commit_of("r", first)
    };
    assert_eq!(app.send(&commit).await, DONE);
    app.store
        .put_blob(&key, b"blob".to_vec(), SHORT)
        .await
        .expect("put");
    app.store
        .put_run(&app.name, run("long", b"long"))
        .await
        .expect("put");
    // A shorter retention replaces a longer one, and the other way round.
    app.store
        .put_run(&app.name, run("shortened", b"x"))
        .await
        .expect("put");
    app.store
        .put_run(&app.name, short(run("shortened", b"x")))
        .await
        .expect("put");
    app.store
        .put_run(&app.name, short(run("prolonged", b"x")))
        .await
        .expect("put");
    app.store
        .put_run(&app.name, run("prolonged", b"x"))
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
