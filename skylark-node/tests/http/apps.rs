//! Apps, calls, runs, commands and metrics.

use crate::{
    common::{
        modules,
        served::{TOKEN, bearer, example, serve},
    },
    problem,
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn modules_are_refused_with_the_reason() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    for (what, wasm, name) in [
        ("text", "fn main() {}".into(), "not-wasm"),
        ("nothing", bytes::Bytes::new(), "not-wasm"),
        (
            "no schema",
            wat::parse_str("(module)").unwrap().into(),
            "schema",
        ),
    ] {
        let answer = served.send("PUT", "/f/other", &auth, wasm).await;
        problem(what, &answer, 422, name);
    }
    let answer = served
        .send("PUT", "/f/other/anwser", &auth, example())
        .await;
    let document = problem("function", &answer, 422, "function-missing");
    assert_eq!(document["nearest"], "answer");
    assert_eq!(
        served.get("/f/other").await.status,
        404,
        "nothing was deployed"
    );
}

#[tokio::test]
async fn an_app_is_deployed_called_and_shown() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    let created = served
        .send("PUT", "/f/other/answer", &auth, example())
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.json()["app"], "other");
    let again = served.send("PUT", "/f/other", &auth, example()).await;
    assert_eq!(again.status, 200, "{again:?}");
    let names: Vec<Value> = served
        .get("/f")
        .await
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["app"].clone())
        .collect();
    assert_eq!(names, ["app", "other"]);
    assert!(served.get("/f/app").await.json()["functions"]["answer"].is_object());

    let called = served.post("/f/app/answer", "null").await;
    assert_eq!((called.status, &called.body[..]), (200, &b"42"[..]));
    assert_eq!(called.header("content-type"), "application/json");
    let run = served
        .get(&format!("/runs/{}", called.header("skylark-run-id")))
        .await
        .json();
    assert_eq!(
        (&run["status"], &run["result"]),
        (&json!("succeeded"), &json!(42))
    );

    let timeline = served.post("/f/app/answer?timeline=true", "").await;
    assert_eq!(
        timeline.header("content-type"),
        "application/vnd.skylark.run+json"
    );
    let timeline = timeline.json();
    assert_eq!(timeline["result"], 42);
    assert_eq!(timeline["tasks"][0]["function"], "answer");
    assert_eq!(
        timeline["tasks"][0]["round_trips"], 0,
        "a stateless call needs none"
    );
}

#[tokio::test]
async fn a_function_that_was_taken_for_stateless_may_read_state_after_all() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    let wasm = modules::app(&[("sometimes", modules::Body::ReadsIfLong)]);
    served.send("PUT", "/f/other", &auth, wasm).await;
    let long = json!("x".repeat(400)).to_string().leak();
    for (what, body, round_trips) in [
        ("the first call shows that it reads nothing", "1", 0),
        ("so the second goes straight to the engine", "1", 0),
        ("until it reads", &*long, 1),
        ("as it may from now on", &*long, 1),
        ("or not", "1", 0),
    ] {
        let answer = served.post("/f/other/sometimes?timeline=true", body).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        let timeline = answer.json();
        let tasks = timeline["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 1, "{what}");
        assert_eq!(tasks[0]["round_trips"], round_trips, "{what}");
        let id = answer.header("skylark-run-id");
        let run = served.get(&format!("/runs/{id}")).await.json();
        assert_eq!(
            (&run["status"], &run["tasks"]),
            (&json!("succeeded"), &timeline["tasks"]),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_repeated_key_replays_and_another_body_is_refused() {
    let served = serve(|_| {}).await;
    for key in ["k1", "\"k2\""] {
        let keyed = [("idempotency-key", key)];
        let first = served.send("POST", "/f/app/answer", &keyed, "1").await;
        let second = served.send("POST", "/f/app/answer", &keyed, "1").await;
        assert_eq!(first.json(), second.json());
        assert_eq!(
            first.header("skylark-run-id"),
            second.header("skylark-run-id")
        );
        assert_eq!(
            (
                first.header("skylark-replayed"),
                second.header("skylark-replayed")
            ),
            ("", "true")
        );
        let other = served.send("POST", "/f/app/answer", &keyed, "2").await;
        problem(key, &other, 422, "key-reused");
    }
}

#[tokio::test]
async fn a_submitted_run_is_accepted_at_once_and_ends() {
    let served = serve(|_| {}).await;
    let accepted = served.post("/fa/app/answer", "").await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let href = accepted.json()["href"].as_str().unwrap().to_owned();
    assert_eq!(accepted.header("location"), href);
    let ended = async {
        loop {
            let run = served.get(&href).await.json();
            if run["status"] != "running" {
                return run;
            }
            tokio::task::yield_now().await;
        }
    };
    let run = tokio::time::timeout(Duration::from_secs(20), ended)
        .await
        .expect("the run ends");
    assert_eq!(run["result"], 42, "{run}");
}

#[tokio::test]
async fn a_command_answers_what_it_prints() {
    let served = serve(|_| {}).await;
    for body in ["", "{}", "{\"args\": [\"a\", \"b\"]}"] {
        let answer = served.post("/run/greet", body).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, &b"hello"[..]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn metrics_name_functions_and_outcomes_but_never_what_callers_invent() {
    let served = serve(|_| {}).await;
    served.post("/f/app/answer", "").await;
    served.post("/f/app/traps", "").await;
    served.post("/f/app/invented", "").await;
    served.post("/f/invented/answer", "").await;
    let text = String::from_utf8(served.get("/metrics").await.body.to_vec()).unwrap();
    for part in [
        r#"skylark_calls_total{app="app",function="answer",outcome="succeeded"}"#,
        r#"skylark_calls_total{app="app",function="traps",outcome="trap"}"#,
        r#"skylark_call_seconds_bucket{app="app",function="answer",le="0.001"}"#,
        "skylark_calls_in_flight 0",
        "skylark_connections ",
        "skylark_outbox_messages 0",
    ] {
        assert!(text.contains(part), "`{part}` is missing from:\n{text}");
    }
    assert!(!text.contains("invented"), "{text}");
}

/// Fixtures are only as good as what they contain.
#[test]
fn the_fixtures_are_within_the_limits_of_the_tests() {
    assert!(example().len() < 64 * 1024);
    assert!(modules::command("hello", 0).len() < 64 * 1024);
}
