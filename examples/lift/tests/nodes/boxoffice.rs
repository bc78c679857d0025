//! The box office.

use crate::{
    http::{Request, send},
    node::Node,
    script::{as_lifted, rows},
    under_crashes,
};
use boxoffice::{AppState, router};
use serde_json::{Value, json};
use std::{collections::BTreeSet, io, net::SocketAddr};

/// The original, served on a free port.
async fn original() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router(AppState::new())).await });
    address
}

/// Its answer: status, and JSON or text.
fn ask(to: SocketAddr, request: &str, body: &Value) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = Request {
        method,
        path,
        headers: &[("content-type", "application/json")],
        body: body.as_bytes(),
    };
    let answer = send(to, &request).unwrap();
    (answer.status, answer.json())
}

/// What a function on a node says, in the original's words.
fn invoke(
    to: SocketAddr,
    function: &str,
    input: &Value,
    key: &str,
) -> io::Result<(Option<u16>, Value)> {
    let input = input.to_string();
    let request = Request {
        method: "POST",
        path: &format!("/f/boxoffice-app/{function}"),
        headers: &[
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ],
        body: input.as_bytes(),
    };
    let answer = send(to, &request)?;
    let json = answer.json();
    match (answer.status, json["detail"].as_str()) {
        (200, _) => Ok((None, json)),
        (204, _) => Ok((None, Value::Null)),
        (422, Some(why)) => {
            let (status, why) = why.split_once(": ").expect("a status and why");
            Ok((Some(status.parse().expect("a status")), json!(why)))
        }
        _ => Err(io::Error::other(format!("{answer:?}"))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn both_answer_alike() {
    let original = original().await;
    let asked = tokio::task::spawn_blocking(move || {
        let node = Node::start("boxoffice-app");
        for (index, (request, body, function, input)) in rows().into_iter().enumerate() {
            let wanted = as_lifted(ask(original, request, &body));
            for time in ["first", "repeated"] {
                let answer = invoke(node.address, function, &input, &format!("k{index}"));
                assert_eq!(answer.unwrap(), wanted, "{request} {body}, {time}");
            }
        }
    });
    asked.await.unwrap();
}

#[test]
fn an_order_is_placed_once_though_the_node_is_killed() {
    const ORDERS: usize = 60;
    let mut node = Node::start("boxoffice-app");
    let norma = json!({"id": 1, "title": "Norma", "seats": 1000, "price": 1000});
    let ann = json!({"holder": "ann", "first": {"cents": 1_000_000}});
    for (function, input) in [("announce", norma), ("open", ann)] {
        assert_eq!(
            invoke(node.address, function, &input, function).unwrap().0,
            None
        );
    }
    let order = json!({"holder": "ann", "event": 1, "seats": 2});
    let placed = under_crashes(&mut node, ORDERS, 3, |to, n| {
        invoke(to, "place", &order, &format!("order {n}"))
    });
    let ids: BTreeSet<u64> = placed
        .iter()
        .map(|(refused, order)| {
            assert_eq!((*refused, &order["cents"]), (None, &json!(2150)), "{order}");
            order["id"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(ids.len(), ORDERS, "each has its number");
    let kept = node.state("boxoffice-app", "ORDERS");
    let kept: BTreeSet<u64> = kept
        .as_object()
        .unwrap()
        .keys()
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(kept, ids);
    let left = 1_000_000 - 2150 * ORDERS;
    assert_eq!(
        node.state("boxoffice-app", "ACCOUNTS"),
        json!({"ann": left})
    );
    let seats = invoke(node.address, "seats", &json!(1), "seats").unwrap();
    let left = json!({"event": 1, "left": 1000 - 2 * ORDERS});
    assert_eq!(seats, (None, left));
}
