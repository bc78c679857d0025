//! Election, node information and state by key, as the model's published
//! clients ask for them.

use crate::{
    common::served::{CLUSTER_TOKEN, TOKEN, bearer, serve, serve_two},
    problem,
};
use serde_json::json;

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
