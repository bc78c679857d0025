//! What the examples promise, on every store.

use crate::eventually::eventually;
use crate::world::{KINDS, bounds, ended, entries, run, state, submit, world};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_moves_or_stays() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["bank"]).await;
        let node = &world.node;
        run::<()>(node, "bank/open", ("ann", 1000)).await.unwrap();
        run::<()>(node, "bank/open", ("bob", 1000)).await.unwrap();
        let transfers = (1..=20).map(|n| async move {
            let how = ["bank/transfer", "bank/wire"][n % 2];
            let to = if n % 5 == 0 { "nobody" } else { "bob" };
            let order = json!({"from": "ann", "to": to, "cents": n});
            (to, run::<Value>(node, how, order).await)
        });
        for (to, result) in futures::future::join_all(transfers).await {
            assert_eq!(result.is_ok(), to == "bob", "{kind}: {result:?}");
        }
        let total: i64 = run(node, "bank/total_money", ()).await.unwrap();
        assert_eq!(total, 4000, "{kind}");
        let moved: i64 = (1..=20).filter(|n| n % 5 != 0).sum();
        let east = entries(node, "bank", "EAST").await;
        // Of ann and of bob.
        assert_eq!(east, [json!(1000), json!(1000 + moved)], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_oversold() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["travel"]).await;
        let node = &world.node;
        run::<()>(node, "travel/offer", ("inn", 6, "sky1", 5))
            .await
            .unwrap();
        let requests = (0..16).map(|n| async move {
            let how = ["travel/reserve", "travel/reserve_by_calls"][n % 2];
            let trip = json!({"user": format!("u{n}"), "hotel": "inn", "flight": "sky1"});
            run::<u64>(node, how, trip).await
        });
        let results = futures::future::join_all(requests).await;
        let placed = entries(node, "travel", "ORDERS").await.len();
        let counted = state(node, "travel", "ORDERS").await;
        if placed > 0 {
            assert_eq!(counted, json!({ "entries": placed }), "{kind}");
        }
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), placed);
        let left = state(node, "travel", "SEATS").await["sky1"].as_u64();
        assert_eq!(left, Some(5 - placed as u64), "{kind}");
        let left = state(node, "travel", "ROOMS").await["inn"].as_u64();
        assert_eq!(left, Some(6 - placed as u64), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_goes_everywhere() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["media"]).await;
        let node = &world.node;
        let drafts = (0..8).map(|n| async move {
            let draft = json!({"user": "ann", "film": "Faust", "text": "good", "stars": n});
            run::<Value>(node, "media/review", draft).await.unwrap()["id"].as_u64()
        });
        let mut ids = futures::future::join_all(drafts).await;
        ids.sort();
        assert!(ids.into_iter().eq((1..=8).map(Some)), "{kind}");
        let of_film = state(node, "media", "BY_FILM").await;
        assert_eq!(of_film["3"].as_array().map(Vec::len), Some(8), "{kind}");
        let ratings = state(node, "media", "RATINGS").await;
        assert_eq!(ratings["3"], json!([8, 28]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_wait_for_their_approval() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["expenses"]).await;
        let node = &world.node;
        let item = |what: &str, cents: u64| json!({"what": what, "cents": cents});
        let check = async |items: Value, cents: u64, by: &str| {
            let decided: Value = run(node, "expenses/submit", items).await.unwrap();
            assert_eq!(decided["cents"], cents, "{kind}: {decided}");
            assert!(decided["by"].as_str().unwrap().contains(by), "{decided}");
        };
        check(
            json!([item("tea", 300), item("cake", 400)]),
            700,
            "the limit",
        )
        .await;
        check(json!([item("yacht", 1)]), 0, "yacht is no expense").await;
        check(json!([]), 0, "the limit").await;

        let id = submit(node, "expenses/submit", json!([item("train", 20_000)])).await;
        // The reminder is a run of its own, and later.
        eventually("a reminder", || async {
            (state(node, "expenses", "REMINDERS").await == 1).then_some(())
        })
        .await;
        assert_eq!(node.run(&id).await.unwrap().status, "running", "{kind}");
        let promise = format!("{id}~approval");
        node.complete_promise(&promise, Ok("\"carol\"".into()))
            .await
            .unwrap();
        let view = ended(node, &id).await;
        let result = view.result.expect("a result").get().to_owned();
        assert_eq!(result, r#"{"cents":20000,"by":"carol"}"#, "{kind}");
        // Completed once, with one value.
        node.complete_promise(&promise, Ok("\"carol\"".into()))
            .await
            .unwrap();
        let other = node.complete_promise(&promise, Ok("\"dave\"".into())).await;
        assert!(other.unwrap_err().to_string().contains("another value"));
        // Early completion is found by who asks later.
        assert_eq!(
            state(node, "expenses", "PAID").await,
            json!([700, 0, 20_000])
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_and_chance_are_the_same_again() {
    for kind in KINDS {
        let world = world(kind, bounds(), &["expenses"]).await;
        let slept: u64 = run(&world.node, "expenses/nap", 120).await.unwrap();
        assert!((120..60_000).contains(&slept), "{kind}: {slept}");
        assert!(run::<bool>(&world.node, "expenses/draw", ()).await.unwrap());
    }
}
