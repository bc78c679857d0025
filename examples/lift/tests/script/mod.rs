//! What the box office is asked, one after the other.

use serde_json::{Value, json};

/// A request and its body, and the function and its input.
pub(crate) type Row = (&'static str, Value, &'static str, Value);

pub(crate) fn rows() -> Vec<Row> {
    let norma = json!({"id": 1, "title": "Norma", "seats": 5, "price": 1000});
    let order = |holder, event, seats| json!({"holder": holder, "event": event, "seats": seats});
    let none = Value::Null;
    vec![
        ("GET /events", none.clone(), "events-list", json!({})),
        ("POST /events", norma.clone(), "announce", norma.clone()),
        ("POST /events", norma.clone(), "announce", norma),
        (
            "GET /events?seats=6",
            none.clone(),
            "events-list",
            json!({"seats": 6}),
        ),
        (
            "GET /events?seats=5",
            none.clone(),
            "events-list",
            json!({"seats": 5}),
        ),
        ("GET /events/1/seats", none.clone(), "seats", json!(1)),
        ("GET /events/2/seats", none.clone(), "seats", json!(2)),
        (
            "PUT /accounts/Ann",
            json!({"cents": 1}),
            "open",
            json!({"holder": "Ann", "first": {"cents": 1}}),
        ),
        (
            "PUT /accounts/ann",
            json!({"cents": 5000}),
            "open",
            json!({"holder": "ann", "first": {"cents": 5000}}),
        ),
        ("GET /accounts/bob", none.clone(), "balance", json!("bob")),
        (
            "POST /orders",
            order("ann", 1, 0),
            "place",
            order("ann", 1, 0),
        ),
        (
            "POST /orders",
            order("ann", 1, 9),
            "place",
            order("ann", 1, 9),
        ),
        (
            "POST /orders",
            order("ann", 2, 1),
            "place",
            order("ann", 2, 1),
        ),
        (
            "POST /orders",
            order("ann", 1, 3),
            "place",
            order("ann", 1, 3),
        ),
        (
            "POST /orders",
            order("ann", 1, 3),
            "place",
            order("ann", 1, 3),
        ),
        (
            "POST /orders",
            order("ann", 1, 2),
            "place",
            order("ann", 1, 2),
        ),
        (
            "POST /orders",
            order("bob", 1, 1),
            "place",
            order("bob", 1, 1),
        ),
        ("GET /events/1/seats", none.clone(), "seats", json!(1)),
        ("GET /orders", none.clone(), "orders-list", none.clone()),
        ("GET /orders/1", none.clone(), "show", json!(1)),
        ("GET /orders/2", none.clone(), "show", json!(2)),
        ("GET /accounts/ann", none.clone(), "balance", json!("ann")),
        (
            "POST /accounts/ann/charges",
            json!({"cents": 50}),
            "charge",
            json!({"holder": "ann", "charge": {"cents": 50}}),
        ),
        ("GET /stats", none.clone(), "stats", none.clone()),
        ("DELETE /orders/1", none.clone(), "cancel", json!(1)),
        ("DELETE /orders/1", none.clone(), "cancel", json!(1)),
        ("GET /accounts/ann", none.clone(), "balance", json!("ann")),
        ("GET /events/1/seats", none.clone(), "seats", json!(1)),
        ("GET /stats", none.clone(), "stats", none),
    ]
}

/// The original's answer as the function gives it: its value without a status, nothing
/// as null, and a refusal with its status.
pub(crate) fn as_lifted((status, text): (u16, Value)) -> (Option<u16>, Value) {
    match status {
        204 => (None, Value::Null),
        200..300 => (None, text),
        status => (Some(status), text),
    }
}
