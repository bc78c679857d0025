//! Bad requests, calls that fail and missing tokens, as tables.

use crate::{
    common::served::{CLUSTER_TOKEN, PANICS, Served, TOKEN, bearer, serve},
    problem,
};
use serde_json::{Value, json};

/// A bad request: method, path, headers, body; and what comes back: status,
/// problem, and members with their value.
struct Bad<'a>(
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    u16,
    &'a str,
    &'a [(&'a str, Value)],
);

async fn refuses(served: &Served, rows: &[Bad<'_>]) {
    for Bad(method, path, headers, body, status, name, members) in rows {
        let what = format!("{method} {path} {headers:?}");
        let answer = served.send(method, path, headers, (*body).to_owned()).await;
        let document = problem(&what, &answer, *status, name);
        for (member, value) in *members {
            assert_eq!(document[member], *value, "{what}: {document}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_in_a_problem() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth: &[(&str, &str)] = &[("authorization", &operator)];
    let xml: &[(&str, &str)] = &[("content-type", "application/xml")];
    let long_key = "k".repeat(300);
    let long_key: &[(&str, &str)] = &[("idempotency-key", &long_key)];
    let at = |place: &str| [("at", json!(place))];
    let near = |name: &str| [("nearest", json!(name))];
    let panics = format!("/state?key={PANICS}");
    #[rustfmt::skip]
    let rows = [
        // Names
        Bad("POST", "/f/ap/answer", &[], "", 404, "unknown-app", &near("app")),
        Bad("POST", "/f/app/anwser", &[], "", 404, "unknown-function", &near("answer")),
        Bad("POST", "/fa/app/anwser", &[], "", 404, "unknown-function", &near("answer")),
        Bad("GET", "/f/ap", &[], "", 404, "unknown-app", &near("app")),
        Bad("GET", "/runs/app.0", &[], "", 404, "unknown-run", &[]),
        Bad("GET", "/apps/ap/states", &[], "", 404, "unknown-app", &near("app")),
        Bad("GET", "/apps/ap/failed", &[], "", 404, "unknown-app", &near("app")),
        // What operators and the world outside do with runs
        Bad("POST", "/runs/app.0/retry", auth, "", 404, "unknown-run", &[]),
        Bad("POST", "/runs/app.0/cancel", auth, "", 404, "unknown-run", &[]),
        Bad("POST", "/promises/app.0", &[], "1", 400, "bad-parameter", &[]),
        Bad("POST", "/promises/ap.0~p", &[], "1", 404, "unknown-app", &near("app")),
        Bad("POST", "/promises/app.0~p", &[], "{", 400, "input", &[]),
        Bad("GET", "/apps/app/states/T", &[], "", 404, "unknown-state", &near("S")),
        Bad("POST", "/run/gret", &[], "", 404, "unknown-command", &near("greet")),
        Bad("PUT", "/f/1app", auth, "", 400, "invalid-name", &at("1app")),
        Bad("PUT", "/run/a.b", auth, "", 400, "invalid-name", &at("a.b")),
        // Routes and methods
        Bad("GET", "/healht", &[], "", 404, "unknown-route", &near("/health")),
        Bad("GET", "/wp-login.php", &[], "", 404, "unknown-route", &[("nearest", Value::Null)]),
        Bad("POST", "/f/app/answer/", &[], "", 404, "unknown-route", &near("/f/{app}/{function}")),
        Bad("DELETE", "/f/app/answer", &[], "", 405, "method", &[("allowed", json!(["PUT", "POST"]))]),
        Bad("POST", "/healthz", &[], "", 405, "method", &[("allowed", json!(["GET", "HEAD"]))]),
        // Parameters, headers and bodies
        Bad("POST", "/f/app/answer?polcy=random", &[], "", 400, "bad-parameter", &near("policy")),
        Bad("POST", "/f/app/answer?timeline=maybe", &[], "", 400, "bad-parameter", &at("timeline")),
        Bad("POST", "/f/app/answer?policy=best", &[], "", 400, "bad-parameter", &at("policy")),
        Bad("POST", "/f/app/answer", long_key, "", 400, "bad-parameter", &at("Idempotency-Key")),
        Bad("POST", "/f/app/answer", xml, "<a/>", 415, "not-json", &at("Content-Type")),
        Bad("POST", "/fa/app/answer", xml, "<a/>", 415, "not-json", &at("Content-Type")),
        Bad("GET", "/apps/app/states?limit=few", &[], "", 400, "bad-parameter", &at("limit")),
        Bad("GET", "/apps/app/states?after=x", &[], "", 400, "bad-parameter", &at("after")),
        Bad("GET", "/state", &[], "", 400, "bad-parameter", &at("key")),
        Bad("GET", "/state?key=chain", &[], "", 400, "bad-parameter", &at("key")),
        Bad("GET", "/state?key=c:other:t", &[], "", 404, "unknown-state", &[]),
        Bad("DELETE", "/state?key=c:local:t", auth, "", 404, "unknown-state", &[]),
        Bad("POST", "/save/moon?key=c:local:t", auth, "", 400, "bad-parameter", &at("type")),
        Bad("GET", "/storage-node", &[], "", 400, "bad-parameter", &at("size")),
        Bad("GET", "/storage-node?size=-1", &[], "", 400, "bad-parameter", &at("size")),
        Bad("GET", "/storage-node?size=1&policy=best", &[], "", 400, "bad-parameter", &at("policy")),
        Bad("GET", "/storage-node?size=1&time=soon", &[], "", 400, "bad-parameter", &at("time")),
        Bad("GET", "/storage-node?size=1&destination=loca", &[], "", 404, "unknown-node", &near("local")),
        Bad("GET", "/static-topology?t=9", &[], "", 400, "bad-parameter", &at("t")),
        Bad("POST", "/objectives", auth, "{\"max_latency\": \"low\"}", 400, "input", &[]),
        Bad("POST", "/run/greet", &[], "{\"argv\": []}", 400, "input", &[]),
        Bad("POST", "/run/greet", &[], "{\"args\": [\"a\\u0000\"]}", 400, "input", &at("args[0]")),
        Bad("POST", "/run/fail", &[], "", 422, "exit-code", &[("exit_code", json!(3))]),
        Bad("GET", &panics, &[], "", 500, "internal", &[]),
    ];
    refuses(&served, &rows).await;
    // And nobody is the worse for it.
    assert_eq!(served.post("/f/app/answer", "").await.json(), 42);
}

#[tokio::test]
async fn how_a_call_fails_is_its_status() {
    let served = serve(|_| {}).await;
    let kind = |kind: &str| [("kind", json!(kind))];
    let at = |place: &str| [("at", json!(place))];
    #[rustfmt::skip]
    let rows = [
        Bad("POST", "/f/app/refuses", &[], "", 422, "returned", &[("detail", json!("no seats left"))]),
        Bad("POST", "/f/app/misread", &[], "", 400, "input", &at("photo.width")),
        Bad("POST", "/f/app/traps", &[], "", 500, "trap", &kind("trap")),
        Bad("POST", "/f/app/spins", &[], "", 504, "timeout", &kind("timeout")),
        Bad("POST", "/f/app/hogs", &[], "", 507, "memory", &kind("memory")),
        Bad("POST", "/f/app/outgrown", &[], "", 507, "too-large", &kind("too-large")),
        Bad("POST", "/f/app/unreadable", &[], "", 500, "state", &at("S")),
        Bad("POST", "/f/app/endless", &[], "", 508, "depth", &kind("depth")),
        Bad("POST", "/f/app/contended", &[], "", 503, "conflict", &kind("conflict")),
        Bad("POST", "/f/app/cancelled", &[], "", 409, "cancelled", &kind("cancelled")),
    ];
    refuses(&served, &rows).await;
    let bare = served.post("/f/app/traps", "").await.json();
    assert!(
        bare["run_id"].as_str().unwrap().starts_with("app."),
        "{bare}"
    );
    assert_eq!(bare["tasks"], Value::Null, "nobody asked for them");
    let told = served.post("/f/app/traps?timeline", "").await.json();
    assert_eq!(told["tasks"][0]["function"], "traps", "{told}");
}

#[tokio::test]
async fn changes_need_the_token() {
    let served = serve(|_| {}).await;
    let wrong = bearer("another-token-altogether");
    let operator = bearer(TOKEN);
    for (method, path) in [
        ("PUT", "/f/app"),
        ("PUT", "/f/app/answer"),
        ("PUT", "/run/greet"),
        ("POST", "/save/edge?key=c:local:t"),
        ("DELETE", "/state?key=c:local:t"),
        ("POST", "/objectives"),
        ("POST", "/runs/app.0/retry"),
        ("POST", "/runs/app.0/cancel"),
        ("POST", "/internal/messages"),
        ("PUT", "/internal/state?key=c:local:t"),
    ] {
        let basic = ("authorization", "Basic b3BlcmF0b3I6");
        for (headers, name) in [
            (&[][..], "token-missing"),
            (&[basic], "token-missing"),
            (&[("authorization", wrong.as_str())], "token-wrong"),
        ] {
            let answer = served.send(method, path, headers, "").await;
            problem(path, &answer, 401, name);
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{path}"
            );
        }
        // Neither token opens the other's door.
        let internal = path.starts_with("/internal");
        let other = if internal {
            operator.clone()
        } else {
            bearer(CLUSTER_TOKEN)
        };
        let answer = served
            .send(method, path, &[("authorization", &other)], "")
            .await;
        problem(path, &answer, 401, "token-wrong");
    }
}
