//! Bodies that are bytes.

use crate::common::served::{Answer, Served, serve};
use serde_json::json;

const BYTES: &[u8] = b"\xff\x00bytes";
const BASE64: &str = "/wBieXRlcw==";

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn post(served: &Served, headers: Headers<'_>, body: &'static str) -> Answer {
    served.send("POST", "/f/app/bytes", headers, body).await
}

#[tokio::test]
async fn bytes_are_answered_as_they_are_or_as_json() {
    let served = serve(|_| {}).await;
    let thrift = ("content-type", "application/x-thrift");
    let json = ("content-type", "application/json");
    let octets = "application/octet-stream";
    // Headers, and the type of an answer that is bytes.
    let rows: [(Headers<'_>, Option<&str>); 7] = [
        (&[], Some(octets)),
        (&[thrift], Some("application/x-thrift")),
        (&[thrift, ("accept", "*/*")], Some("application/x-thrift")),
        (&[thrift, ("accept", octets)], Some(octets)),
        (&[thrift, ("accept", "application/json")], None),
        (&[json], None),
        (&[json, ("accept", octets)], Some(octets)),
    ];
    for (headers, bytes) in rows {
        let answer = post(&served, headers, "\"AA==\"").await;
        assert_eq!(answer.status, 200, "{headers:?}: {answer:?}");
        match bytes {
            Some(content_type) => {
                assert_eq!(answer.body, BYTES, "{headers:?}");
                assert_eq!(answer.header("content-type"), content_type, "{headers:?}");
            }
            None => {
                assert_eq!(answer.json(), BASE64, "{headers:?}");
                assert_eq!(answer.header("content-type"), "application/json");
            }
        }
        let run = answer.header("skylark-run-id");
        let shown = served.get(&format!("/runs/{run}")).await.json();
        assert_eq!(shown["result"], BASE64, "{headers:?}: {shown}");
    }
    let shown = post(
        &served,
        &[("accept", "application/vnd.skylark.run+json")],
        "x",
    )
    .await;
    assert_eq!(shown.json()["result"], BASE64);
}

#[tokio::test]
async fn a_key_gives_the_same_bytes_again_and_takes_no_other_body() {
    let served = serve(|_| {}).await;
    let key = ("idempotency-key", "k");
    let thrift = ("content-type", "application/x-thrift");
    let first = post(&served, &[key, thrift], "\"AA==\"").await;
    let again = post(&served, &[key, thrift], "\"AA==\"").await;
    let as_json = [key, thrift, ("accept", "application/json")];
    let as_json = post(&served, &as_json, "\"AA==\"").await;
    assert_eq!((first.body.as_ref(), again.body.as_ref()), (BYTES, BYTES));
    assert_eq!(again.header("skylark-replayed"), "true");
    assert_eq!(as_json.json(), json!(BASE64));
    // The same text as JSON is another body, as is another text.
    for (headers, body) in [
        (&[key][..], "x"),
        (&[key, ("content-type", "application/json")], "\"AA==\""),
    ] {
        let other = post(&served, headers, body).await;
        crate::problem(body, &other, 422, "key-reused");
    }
    let accepted = served.send("POST", "/fa/app/bytes", &[thrift], "x").await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
}
