//! Recorded values and servers outside, on a node that is killed while it asks one.

use crate::{make, node::Node};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

const SOURCE: &str = r#"//! Pays what it has drawn.

use skylark::prelude::*;
use std::sync::{Mutex, atomic::{AtomicU32, Ordering}};

/// How often this instance has drawn: lost with it, as what is outside would be.
#[skylark::accept(unannotated_static)]
static DRAWN: AtomicU32 = AtomicU32::new(0);

#[skylark::state]
static NOTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

#[skylark::nondet]
fn draw(above: u32) -> Result<u32, String> {
    match above {
        0 => Err("nothing is above nothing".into()),
        above => Ok(above + once_more()),
    }
}

#[skylark::nondet]
fn once_more() -> u32 {
    1 + DRAWN.fetch_add(1, Ordering::Relaxed)
}

#[skylark::external(url = "http://SERVER/accounts/{account}/charges")]
async fn charge(account: String, cents: u32) -> Result<u32, Failure>;

/// Yields what was drawn, what the server says, and how often the execution that came to
/// the end has drawn.
#[skylark::function]
pub async fn pay(account: String) -> Result<(u32, u32, u32), Failure> {
    let drawn = draw(41).unwrap_or_default();
    NOTED.lock().unwrap().push(drawn);
    let receipt = charge(account, drawn).await?;
    NOTED.lock().unwrap().push(drawn);
    Ok((drawn, receipt, DRAWN.load(Ordering::Relaxed)))
}
"#;

/// A request: its first line, its idempotency key and its body.
fn request(listener: &TcpListener) -> (TcpStream, [String; 3]) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut text = String::new();
    let (head, body) = loop {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "it breaks off: {text}");
        text += std::str::from_utf8(&bytes[..read]).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.ends_with('}')
        {
            break (head, body.to_owned());
        }
    };
    let mut lines = head.lines();
    let first = lines.next().unwrap().to_owned();
    let key = lines.find_map(|line| line.strip_prefix("idempotency-key: "));
    let key = key.expect("a key").to_owned();
    (stream, [first, key, body])
}

#[test]
fn a_server_is_asked_the_same_by_a_node_that_was_killed() {
    let here = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let app = make(here.path(), "outside");
    fs::write(app.join("src/lib.rs"), SOURCE.replace("SERVER", &address)).unwrap();
    let node = Node::start(&here.path().join("node"));
    let (code, _, error) = node.skylark(&app, &["deploy"]);
    assert_eq!(code, 0, "{error}");
    let submit = ["invoke", "pay", "\"a/b\"", "--async"];
    let (code, out, error) = node.skylark(&app, &submit);
    assert_eq!(code, 0, "{out}{error}");
    let run = out.trim().to_owned();

    // It has asked, and is gone before it hears.
    let (unanswered, first) = request(&server);
    let node = node.restart();
    drop(unanswered);
    let (mut stream, second) = request(&server);
    assert_eq!(first, second);
    let [line, _, body] = second;
    assert_eq!(line, "POST /accounts/a%2Fb/charges HTTP/1.1");
    assert_eq!(body, r#"{"cents":42}"#);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n7")
        .unwrap();

    let ended = loop {
        let (code, out, error) = node.skylark(&app, &["runs", &run, "--json"]);
        assert_eq!(code, 0, "{out}{error}");
        let view: Value = serde_json::from_str(&out).unwrap();
        if view["status"] != "running" {
            break view;
        }
    };
    // Executed again, it has drawn nothing.
    assert_eq!(ended["result"], serde_json::json!([42, 7, 0]), "{ended}");
    let (_, noted, error) = node.skylark(&app, &["state", "get", "NOTED"]);
    let noted: Value = serde_json::from_str(&noted).unwrap_or_else(|_| panic!("{noted}{error}"));
    assert_eq!(noted, serde_json::json!([42, 42]));
}
