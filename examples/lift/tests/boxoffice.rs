//! The box office: the same requests through the original's router and through the
//! lifted functions, and what crashes leave of the latter.

mod crash;
mod script;

use axum::{
    body::{Body, to_bytes},
    http::{Request, header::CONTENT_TYPE},
};
use boxoffice::{AppState, router};
use boxoffice_app::orders::Order;
use crash::CrashAt;
use script::{as_lifted, rows};
use serde_json::{Value, json};
use skylark::native::Runtime;
use std::{collections::BTreeMap, sync::Arc};
use tower::ServiceExt as _;

/// The original's answer: its status, and its JSON or text.
async fn original(state: &AppState, request: &str, body: &Value) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Value::Null => request.body(Body::empty()),
        body => request
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
    };
    let answer = router(state.clone()).oneshot(request.unwrap()).await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
    )
}

/// What the lifted function says, in the original's words.
fn lifted(runtime: &Runtime, function: &str, input: &Value) -> (Option<u16>, Value) {
    match runtime.invoke(function, input.to_string()).result {
        Ok(json) => (None, serde_json::from_slice(&json).unwrap()),
        Err(failure) => {
            let (status, why) = failure.message.split_once(": ").unwrap();
            (Some(status.parse().unwrap()), json!(why))
        }
    }
}

#[tokio::test]
async fn both_answer_alike() {
    let (state, runtime) = (AppState::new(), Runtime::new());
    for (request, body, function, input) in rows() {
        let wanted = as_lifted(original(&state, request, &body).await);
        assert_eq!(
            lifted(&runtime, function, &input),
            wanted,
            "{request} {body}"
        );
    }
}

#[test]
fn an_order_is_placed_once_wherever_it_crashes() {
    let mut at = 0;
    loop {
        let runtime = Runtime::new();
        let norma = json!({"id": 1, "title": "Norma", "seats": 5, "price": 1000});
        lifted(&runtime, "announce", &norma);
        lifted(
            &runtime,
            "open",
            &json!({"holder": "ann", "first": {"cents": 4000}}),
        );
        let faults = Arc::new(CrashAt::new(at));
        runtime.with_faults(faults.clone());
        let run = runtime
            .start("place", &json!({"holder": "ann", "event": 1, "seats": 3}))
            .unwrap();
        runtime.drive();
        let order: Order = runtime.result(&run).expect("it ends").unwrap();
        assert_eq!((order.id, order.cents), (1, 3150), "crash at {at}");
        let accounts: BTreeMap<String, u64> = runtime.state("ACCOUNTS").unwrap().unwrap();
        assert_eq!(accounts["ann"], 850, "crash at {at}");
        let orders: BTreeMap<u64, Order> = runtime.state("ORDERS").unwrap().unwrap();
        assert_eq!(orders.len(), 1, "crash at {at}");
        if !faults.happened() {
            break;
        }
        at += 1;
    }
    assert!(at > 10, "only {at} points where it could crash");
}
