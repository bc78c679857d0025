//! The service through its routes.

use axum::{
    body::{Body, to_bytes},
    http::{Request, header::CONTENT_TYPE},
};
use boxoffice::{AppState, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Asks, and gives the answer's status, and its JSON or text.
async fn ask(state: &AppState, method: &str, path: &str, body: Value) -> (u16, Value) {
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

#[tokio::test]
async fn seats_are_sold_once() {
    let state = AppState::new();
    let check = async |method, path, body, status, wanted: Value| {
        assert_eq!(
            ask(&state, method, path, body).await,
            (status, wanted),
            "{method} {path}"
        );
    };
    let event = json!({"title": "Norma", "seats": 5, "price": 1000});
    let new = json!({"id": 1, "title": "Norma", "seats": 5, "price": 1000});
    check("POST", "/events", new.clone(), 201, event).await;
    check(
        "POST",
        "/events",
        new,
        409,
        json!("event 1 is announced already"),
    )
    .await;
    check(
        "PUT",
        "/accounts/ann",
        json!({"cents": 5000}),
        204,
        json!(""),
    )
    .await;
    check(
        "PUT",
        "/accounts/Ann",
        json!({"cents": 5000}),
        400,
        json!("`Ann` is no name for a holder"),
    )
    .await;

    let wants = |seats| json!({"holder": "ann", "event": 1, "seats": seats});
    let sold = json!({"id": 1, "holder": "ann", "event": 1, "seats": 3, "cents": 3150});
    check("POST", "/orders", wants(3), 201, sold.clone()).await;
    check(
        "POST",
        "/orders",
        wants(3),
        409,
        json!("only 2 seats are left"),
    )
    .await;
    // Seats that cannot be paid for are given back.
    let poor = json!("`ann` has 1850 cents, which is less than 2150");
    check("POST", "/orders", wants(2), 402, poor).await;
    check(
        "GET",
        "/events/1/seats",
        Value::Null,
        200,
        json!({"event": 1, "left": 2}),
    )
    .await;
    check(
        "GET",
        "/stats",
        Value::Null,
        200,
        json!({"orders": 1, "refused": 1, "cents": 3150}),
    )
    .await;

    check("DELETE", "/orders/1", Value::Null, 200, sold).await;
    check(
        "GET",
        "/orders/1",
        Value::Null,
        404,
        json!("there is no order 1"),
    )
    .await;
    check(
        "GET",
        "/accounts/ann",
        Value::Null,
        200,
        json!({"holder": "ann", "cents": 5000}),
    )
    .await;
    check(
        "GET",
        "/events/1/seats",
        Value::Null,
        200,
        json!({"event": 1, "left": 5}),
    )
    .await;
}
