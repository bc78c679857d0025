//! Requests of functions to servers outside.

use crate::guests::guest;
use crate::world::{Setting, run};
use skylark_node::node::Egress;
use skylark_node::store::{self, StoreOptions};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
};

/// A server outside: each connection brings one request, whose idempotency key
/// is kept; the first `broken` connections end without an answer. With no body, none is
/// answered, and none ends.
struct Rates {
    url: String,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Rates {
    async fn start(broken: usize, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/rate", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(Vec::new()));
        let seen = keys.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.expect("a request"));
                }
                let mut keys = seen.lock().await;
                keys.push(header(&request, "idempotency-key"));
                if body.is_empty() {
                    silent.push(stream);
                } else if keys.len() > broken {
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.expect("sent");
                }
            }
        });
        Self { url, keys }
    }
}

fn header(request: &[u8], name: &str) -> String {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(request).expect("HTTP");
    let found = parsed.headers.iter().find(|h| h.name == name);
    String::from_utf8_lossy(found.expect("the header").value).into_owned()
}

fn egress(allowed: &str) -> Egress {
    Egress {
        allowed: vec![allowed.parse().expect("a server")],
        timeout: Duration::from_secs(10),
        attempts: 2,
        max_response: 16,
    }
}

/// What a function gets that asks, and the keys that the server saw.
async fn ask(
    egress: Egress,
    broken: usize,
    body: &'static str,
) -> (Result<u64, String>, Vec<String>) {
    let directory = tempfile::tempdir().expect("directory");
    let store = store::open("memory", &StoreOptions::default()).expect("store");
    let setting = Setting {
        egress,
        ..Setting::new("n1", store, directory.path())
    };
    let node = setting.start().await;
    let module = guest("expenses");
    node.upload("expenses", module, false)
        .await
        .expect("upload");
    let rates = Rates::start(broken, body).await;
    let cents = run(&node, "expenses/convert", (200, &rates.url)).await;
    let keys = rates.keys.lock().await.clone();
    (cents, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_breaks_off_is_asked_again_with_the_same_key() {
    let (cents, keys) = ask(egress("127.0.0.1"), 1, "1.5").await;
    assert_eq!(cents, Ok(300));
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_in_time_is_asked_again_with_the_same_key() {
    let impatient = Egress {
        timeout: Duration::from_millis(50),
        ..egress("127.0.0.1")
    };
    let (cents, keys) = ask(impatient, 0, "").await;
    let error = cents.expect_err("nobody answers");
    assert!(
        error.contains("did not answer in 2 attempts (`--egress-attempts`)")
            && error.contains("longer than 50ms, the limit (`--egress-timeout`)"),
        "{error}"
    );
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_cannot_be_made_is_the_functions_error() {
    let check = async |egress, broken, body, want: &str, asked| {
        let (cents, keys) = ask(egress, broken, body).await;
        let error = cents.expect_err(want);
        assert!(error.contains(want), "{error}");
        assert_eq!(keys.len(), asked, "{want}");
    };
    check(Egress::default(), 0, "1.5", "--allow-egress 127.0.0.1", 0).await;
    check(
        egress("example.org"),
        0,
        "1.5",
        "--allow-egress 127.0.0.1",
        0,
    )
    .await;
    check(
        egress("*"),
        9,
        "1.5",
        "in 2 attempts (`--egress-attempts`)",
        2,
    )
    .await;
    let long = "1.00000000000000000001";
    check(egress("*"), 0, long, "--max-egress-response", 1).await;
}
