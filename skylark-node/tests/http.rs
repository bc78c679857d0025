//! The node over HTTP: what it answers, above all to what is wrong.

mod common;

use common::{
    modules,
    served::{Answer, CLUSTER_TOKEN, PANICS, Served, TOKEN, bearer, example, serve, serve_two},
};
use serde_json::{Value, json};
use skylark_node::http::HttpConfig;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Checks that an answer is this problem, and returns its document.
fn problem(what: &str, answer: &Answer, status: u16, name: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    let document = answer.json();
    assert_eq!(
        document["type"],
        format!("urn:skylark:problem:{name}"),
        "{what}: {document}"
    );
    assert_eq!(document["status"], status, "{what}");
    let detail = document["detail"].as_str().unwrap_or_default();
    assert!(!detail.is_empty(), "{what}: {document}");
    for secret in [TOKEN, CLUSTER_TOKEN] {
        assert!(!detail.contains(secret), "{what}: {document}");
    }
    if status == 503 {
        assert_ne!(
            answer.header("retry-after"),
            "",
            "{what}: {:?}",
            answer.headers
        );
    }
    document
}

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
    refuses(
        &served,
        &[
            // Names
            Bad(
                "POST",
                "/f/ap/answer",
                &[],
                "",
                404,
                "unknown-app",
                &near("app"),
            ),
            Bad(
                "POST",
                "/f/app/anwser",
                &[],
                "",
                404,
                "unknown-function",
                &near("answer"),
            ),
            Bad(
                "POST",
                "/fa/app/anwser",
                &[],
                "",
                404,
                "unknown-function",
                &near("answer"),
            ),
            Bad("GET", "/f/ap", &[], "", 404, "unknown-app", &near("app")),
            Bad("GET", "/runs/app.0", &[], "", 404, "unknown-run", &[]),
            Bad(
                "GET",
                "/apps/ap/states",
                &[],
                "",
                404,
                "unknown-app",
                &near("app"),
            ),
            Bad(
                "GET",
                "/apps/app/states/T",
                &[],
                "",
                404,
                "unknown-state",
                &near("S"),
            ),
            Bad(
                "POST",
                "/run/gret",
                &[],
                "",
                404,
                "unknown-command",
                &near("greet"),
            ),
            Bad("PUT", "/f/1app", auth, "", 400, "invalid-name", &at("1app")),
            Bad("PUT", "/run/a.b", auth, "", 400, "invalid-name", &at("a.b")),
            // Routes and methods
            Bad(
                "GET",
                "/healht",
                &[],
                "",
                404,
                "unknown-route",
                &near("/health"),
            ),
            Bad(
                "GET",
                "/wp-login.php",
                &[],
                "",
                404,
                "unknown-route",
                &[("nearest", Value::Null)],
            ),
            Bad(
                "POST",
                "/f/app/answer/",
                &[],
                "",
                404,
                "unknown-route",
                &near("/f/{app}/{function}"),
            ),
            Bad(
                "DELETE",
                "/f/app/answer",
                &[],
                "",
                405,
                "method",
                &[("allowed", json!(["PUT", "POST"]))],
            ),
            Bad(
                "POST",
                "/healthz",
                &[],
                "",
                405,
                "method",
                &[("allowed", json!(["GET", "HEAD"]))],
            ),
            // Parameters and headers
            Bad(
                "POST",
                "/f/app/answer?polcy=random",
                &[],
                "",
                400,
                "bad-parameter",
                &near("policy"),
            ),
            Bad(
                "POST",
                "/f/app/answer?timeline=maybe",
                &[],
                "",
                400,
                "bad-parameter",
                &at("timeline"),
            ),
            Bad(
                "POST",
                "/f/app/answer?policy=best",
                &[],
                "",
                400,
                "bad-parameter",
                &at("policy"),
            ),
            Bad(
                "POST",
                "/f/app/answer",
                long_key,
                "",
                400,
                "bad-parameter",
                &at("Idempotency-Key"),
            ),
            Bad(
                "POST",
                "/f/app/answer",
                xml,
                "<a/>",
                415,
                "not-json",
                &at("Content-Type"),
            ),
            Bad(
                "GET",
                "/apps/app/states?limit=few",
                &[],
                "",
                400,
                "bad-parameter",
                &at("limit"),
            ),
            Bad(
                "GET",
                "/apps/app/states?after=x",
                &[],
                "",
                400,
                "bad-parameter",
                &at("after"),
            ),
            Bad("GET", "/state", &[], "", 400, "bad-parameter", &at("key")),
            Bad(
                "GET",
                "/state?key=chain",
                &[],
                "",
                400,
                "bad-parameter",
                &at("key"),
            ),
            Bad(
                "GET",
                "/state?key=c:other:t",
                &[],
                "",
                404,
                "unknown-state",
                &[],
            ),
            Bad(
                "DELETE",
                "/state?key=c:local:t",
                auth,
                "",
                404,
                "unknown-state",
                &[],
            ),
            Bad(
                "POST",
                "/save/moon?key=c:local:t",
                auth,
                "",
                400,
                "bad-parameter",
                &at("type"),
            ),
            Bad(
                "GET",
                "/storage-node",
                &[],
                "",
                400,
                "bad-parameter",
                &at("size"),
            ),
            Bad(
                "GET",
                "/storage-node?size=-1",
                &[],
                "",
                400,
                "bad-parameter",
                &at("size"),
            ),
            Bad(
                "GET",
                "/storage-node?size=1&policy=best",
                &[],
                "",
                400,
                "bad-parameter",
                &at("policy"),
            ),
            Bad(
                "GET",
                "/storage-node?size=1&time=soon",
                &[],
                "",
                400,
                "bad-parameter",
                &at("time"),
            ),
            Bad(
                "GET",
                "/storage-node?size=1&destination=loca",
                &[],
                "",
                404,
                "unknown-node",
                &near("local"),
            ),
            Bad(
                "GET",
                "/static-topology?t=9",
                &[],
                "",
                400,
                "bad-parameter",
                &at("t"),
            ),
            Bad(
                "POST",
                "/objectives",
                auth,
                "{\"max_latency\": \"low\"}",
                400,
                "input",
                &[],
            ),
            Bad(
                "POST",
                "/run/greet",
                &[],
                "{\"argv\": []}",
                400,
                "input",
                &[],
            ),
            Bad(
                "POST",
                "/run/greet",
                &[],
                "{\"args\": [\"a\\u0000\"]}",
                400,
                "input",
                &at("args[0]"),
            ),
            Bad(
                "POST",
                "/run/fail",
                &[],
                "",
                422,
                "exit-code",
                &[("exit_code", json!(3))],
            ),
            Bad(
                "GET",
                &format!("/state?key={PANICS}"),
                &[],
                "",
                500,
                "internal",
                &[],
            ),
        ],
    )
    .await;
    // And nobody is the worse for it.
    assert_eq!(served.post("/f/app/answer", "").await.json(), 42);
}

#[tokio::test]
async fn how_a_call_fails_is_its_status() {
    let served = serve(|_| {}).await;
    let kind = |kind: &str| [("kind", json!(kind))];
    refuses(
        &served,
        &[
            Bad(
                "POST",
                "/f/app/refuses",
                &[],
                "",
                422,
                "returned",
                &[("detail", json!("no seats left"))],
            ),
            Bad(
                "POST",
                "/f/app/misread",
                &[],
                "",
                400,
                "input",
                &[("at", json!("photo.width"))],
            ),
            Bad("POST", "/f/app/traps", &[], "", 500, "trap", &kind("trap")),
            Bad(
                "POST",
                "/f/app/spins",
                &[],
                "",
                504,
                "timeout",
                &kind("timeout"),
            ),
            Bad(
                "POST",
                "/f/app/hogs",
                &[],
                "",
                507,
                "memory",
                &kind("memory"),
            ),
            Bad(
                "POST",
                "/f/app/outgrown",
                &[],
                "",
                507,
                "too-large",
                &kind("too-large"),
            ),
            Bad(
                "POST",
                "/f/app/unreadable",
                &[],
                "",
                500,
                "state",
                &[("at", json!("S"))],
            ),
            Bad(
                "POST",
                "/f/app/endless",
                &[],
                "",
                508,
                "depth",
                &kind("depth"),
            ),
            Bad(
                "POST",
                "/f/app/contended",
                &[],
                "",
                503,
                "conflict",
                &kind("conflict"),
            ),
            Bad(
                "POST",
                "/f/app/cancelled",
                &[],
                "",
                409,
                "cancelled",
                &kind("cancelled"),
            ),
        ],
    )
    .await;
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

#[tokio::test]
async fn a_body_past_its_limit_is_refused_declared_or_not() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    for (method, path, limit, option) in [
        ("POST", "/f/app/answer", 1024, "max-body"),
        ("POST", "/fa/app/answer", 1024, "max-body"),
        ("POST", "/run/greet", 1024, "max-body"),
        ("PUT", "/f/app", 64 * 1024, "max-module"),
        ("PUT", "/run/greet", 64 * 1024, "max-module"),
        ("POST", "/save/edge?key=c:local:t", 4096, "max-message"),
    ] {
        let auth = [("authorization", operator.as_str())];
        let declared = served
            .send(method, path, &auth, vec![b' '; limit + 1])
            .await;
        let chunks = (0..=limit / 1024).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
        let streamed = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
        let streamed = served.send(method, path, &auth, streamed).await;
        for answer in [declared, streamed] {
            let document = problem(path, &answer, 413, "too-large");
            assert_eq!(document["limit"], limit, "{path}");
            assert_eq!(document["option"], option, "{path}");
        }
    }
    let fits = served
        .send("POST", "/f/app/answer", &[], vec![b' '; 1024])
        .await;
    assert_eq!(fits.status, 200, "{fits:?}");
}

#[tokio::test]
async fn a_client_that_sends_on_after_its_refusal_still_reads_it() {
    let served = serve(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /f/app/answer HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // All of it, before a byte of the answer is read.
    stream.write_all(&vec![b' '; 1_000_000]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let served = serve(|config| config.body_timeout = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /f/app/answer HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n12";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("--body-timeout"), "{answer}");
}

#[tokio::test]
async fn headers_that_trickle_in_are_not_waited_for() {
    let served = serve(|config| config.header_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // It ends with an error once the node has closed the connection.
    let trickle = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trickle)
        .await
        .expect("the connection is closed");
}

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
async fn state_by_key_is_kept_on_the_elected_node() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    let saved = served
        .send("POST", "/save/edge?key=c:local:t", &auth, "some state")
        .await;
    assert_eq!(saved.status, 200, "{saved:?}");
    assert_eq!(
        (&saved.json()["key"], &saved.json()["node"]),
        (&json!("c:local:t"), &json!("local"))
    );
    assert_eq!(
        &served.get("/state?key=c:local:t").await.body[..],
        b"some state"
    );
    assert_eq!(
        served
            .send("DELETE", "/state?key=c:local:t", &auth, "")
            .await
            .status,
        204
    );
    assert_eq!(served.get("/state?key=c:local:t").await.status, 404);
    let none = served
        .send("POST", "/save/sat?key=c:local:t", &auth, "some state")
        .await;
    problem("no satellite", &none, 404, "no-node");
    let cluster = bearer(CLUSTER_TOKEN);
    let kept = served
        .send(
            "PUT",
            "/internal/state?key=c:local:u",
            &[("authorization", &cluster)],
            "theirs",
        )
        .await;
    assert_eq!(kept.status, 204, "{kept:?}");
    assert_eq!(
        &served.get("/state?key=c:local:u").await.body[..],
        b"theirs"
    );
}

#[tokio::test]
async fn election_and_node_information_have_the_published_shapes() {
    let served = serve(|_| {}).await;
    let local = served.get("/local-node-info").await.json();
    assert_eq!(
        (&local["node_name"], &local["node_type"]),
        (&json!("local"), &json!("Edge"))
    );
    let elected = served
        .get("/storage-node?size=1000&time=0&policy=skylark&destination=local")
        .await
        .json();
    assert_eq!(elected["node_name"], "local");
    assert!(elected["election"]["reason"].is_string(), "{elected}");
    assert_eq!(served.get("/neighbors").await.json(), json!([]));
    for path in [
        "/current-topology",
        "/next-topology",
        "/static-topology",
        "/static-topology?t=0",
    ] {
        let topology = served.get(path).await.json();
        assert_eq!(topology["edges"], json!([]), "{path}");
        assert_eq!(topology["nodes"][0]["node_name"], "local", "{path}");
    }
    problem(
        "alone",
        &served.get("/cloud-node-info").await,
        404,
        "no-node",
    );
    assert_eq!(served.get("/health").await.status, 200);
    assert_eq!(
        served.post("/refresh", "").await.json(),
        json!({"changed": false})
    );
    let operator = bearer(TOKEN);
    let objectives = r#"{"min_bandwidth":60,"max_latency":25}"#;
    let set = served
        .send(
            "POST",
            "/objectives",
            &[("authorization", &operator)],
            objectives,
        )
        .await;
    assert_eq!(set.status, 200, "{set:?}");
    let now = served.get("/objectives").await.json();
    assert_eq!(
        (now["min_bandwidth"].as_f64(), now["max_latency"].as_f64()),
        (Some(60.0), Some(25.0))
    );
}

#[tokio::test]
async fn state_goes_to_the_elected_node_and_a_new_topology_is_taken_when_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nodes.json");
    let [ground, sat] = serve_two(&file).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    let saved = ground
        .send("POST", "/save/sat?key=c:sat:t", &auth, "some state")
        .await;
    assert_eq!(
        (saved.status, &saved.json()["node"]),
        (200, &json!("sat")),
        "{saved:?}"
    );
    assert_eq!(&sat.get("/state?key=c:sat:t").await.body[..], b"some state");
    let elsewhere = problem(
        "not here",
        &ground.get("/state?key=c:sat:t").await,
        404,
        "unknown-state",
    );
    assert!(
        elsewhere["detail"].as_str().unwrap().contains("node `sat`"),
        "{elsewhere}"
    );
    assert_eq!(ground.get("/neighbors").await.json()[0]["node_name"], "sat");
    let edge = &ground.get("/current-topology").await.json()["edges"][0];
    assert_eq!(
        (&edge["source"]["node_name"], &edge["target"]["node_name"]),
        (&json!("ground"), &json!("sat"))
    );
    let unmet = ground
        .get("/storage-node?size=1000000&time=1000")
        .await
        .json();
    assert_eq!(
        unmet["node_name"], "ground",
        "no objectives bind, so it stays: {unmet}"
    );

    let old = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "{").unwrap();
    problem(
        "malformed",
        &ground.post("/refresh", "").await,
        500,
        "topology",
    );
    assert_eq!(
        ground.get("/neighbors").await.json()[0]["node_name"],
        "sat",
        "what was in force stays"
    );
    std::fs::write(&file, old.replace("\"bandwidth\":90", "\"bandwidth\":80")).unwrap();
    assert_eq!(
        ground.get("/refresh").await.json(),
        json!({"changed": true})
    );
    assert_eq!(
        ground.get("/current-topology").await.json()["edges"][0]["bandwidth"].as_f64(),
        Some(80.0)
    );
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
    ] {
        assert!(text.contains(part), "`{part}` is missing from:\n{text}");
    }
    assert!(!text.contains("invented"), "{text}");
}

#[tokio::test]
async fn one_call_more_than_fits_is_refused_at_once_and_the_others_end_well() {
    let served = serve(|config: &mut HttpConfig| config.max_in_flight = 2).await;
    served.gate.close();
    let (first, second, refused) = tokio::join!(
        served.post("/f/app/reads", ""),
        served.post("/f/app/reads", ""),
        async {
            served.gate.waited_for(2).await;
            let refused = served.post("/f/app/answer", "").await;
            // Looking at the node is no call.
            assert_eq!(served.get("/readyz").await.status, 200);
            served.gate.open();
            refused
        }
    );
    let document = problem("third", &refused, 503, "overloaded");
    assert_eq!(
        (&document["limit"], &document["option"]),
        (&json!(2), &json!("max-in-flight"))
    );
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(served.post("/f/app/answer", "").await.status, 200);
}

#[tokio::test]
async fn a_drain_refuses_new_calls_and_lets_the_others_end() {
    let mut served = serve(|_| {}).await;
    served.gate.close();
    let ended = {
        let served = &served;
        let (in_flight, ()) = tokio::join!(served.post("/f/app/reads", ""), async {
            served.gate.waited_for(1).await;
            assert_eq!(served.get("/readyz").await.status, 200);
            served.stop.cancel();
            // The drain begins when its task has seen the cancellation.
            let mut ready = served.get("/readyz").await;
            while ready.status == 200 {
                tokio::task::yield_now().await;
                ready = served.get("/readyz").await;
            }
            problem("readyz", &ready, 503, "draining");
            problem(
                "call",
                &served.post("/f/app/answer", "").await,
                503,
                "draining",
            );
            problem(
                "submit",
                &served.post("/fa/app/answer", "").await,
                503,
                "draining",
            );
            assert_eq!(served.get("/healthz").await.status, 200);
            served.gate.open();
        });
        in_flight
    };
    assert_eq!(ended.status, 200, "{ended:?}");
    (&mut served.ended).await.unwrap();
    let refused = TcpStream::connect(served.address).await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn pipelined_calls_on_one_connection_are_answered_in_order() {
    let served = serve(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let call = |function: &str, close: &str| {
        format!("POST /f/app/{function} HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n{close}\r\n")
    };
    let all = [
        call("answer", ""),
        call("refuses", ""),
        call("answer", "connection: close\r\n"),
    ]
    .concat();
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|a| &a[..3])
        .collect();
    assert_eq!(statuses, ["200", "422", "200"], "{answers}");
}

/// Fixtures are only as good as what they contain.
#[test]
fn the_fixtures_are_within_the_limits_of_the_tests() {
    assert!(example().len() < 64 * 1024);
    assert!(modules::command("hello", 0).len() < 64 * 1024);
}
