//! What is too large, too slow or too much, and the end of the node.

use crate::{
    common::served::{TOKEN, bearer, serve},
    problem,
};
use serde_json::json;
use skylark_node::http::HttpConfig;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn a_body_past_its_limit_is_refused_declared_or_not() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    for (method, path, limit, option) in [
        ("POST", "/f/app/answer", 1024, "max-body"),
        ("POST", "/fa/app/answer", 1024, "max-body"),
        ("POST", "/f/app/bytes", 1024, "max-body"),
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
