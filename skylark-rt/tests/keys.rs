//! Keys of arguments, and of expressions over arguments.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use skylark::{native::Runtime, prelude::*};
use std::sync::{Mutex, atomic::AtomicU32, atomic::Ordering::Relaxed};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    #[serde(rename = "sender")]
    pub from: String,
    pub day: (u16, u8),
    pub paid: bool,
}

impl Order {
    fn decade(&self) -> u16 {
        self.day.0 / 10
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(2).collect()
}

const PREFIX: &str = "p";

#[skylark::state(scope = key(order.sender))]
static BY_SENDER: AtomicU32 = AtomicU32::new(0);

#[skylark::state(scope = key((user, order.day.0)))]
static BY_USER_AND_YEAR: AtomicU32 = AtomicU32::new(0);

#[skylark::state(scope = key(format!("{user}-{}-{:>3}", order.day.0, n)))]
static BY_TEXT: AtomicU32 = AtomicU32::new(0);

#[skylark::state(scope = key(user.to_lowercase()))]
static BY_LOWER: Mutex<Vec<u32>> = Mutex::new(Vec::new());

#[skylark::state(scope = key([PREFIX, &shortened(user)].concat()))]
static BY_SHORT: AtomicU32 = AtomicU32::new(0);

#[skylark::state(scope = key(|order: Order, n: u32| (order.decade(), n % 16)))]
static BY_DECADE: AtomicU32 = AtomicU32::new(0);

#[skylark::function]
pub fn note(_user: String, order: Order, n: u32) -> u32 {
    BY_SENDER.fetch_add(1, Relaxed);
    BY_USER_AND_YEAR.fetch_add(1, Relaxed);
    BY_TEXT.fetch_add(1, Relaxed);
    BY_SHORT.fetch_add(1, Relaxed);
    BY_DECADE.fetch_add(1, Relaxed);
    BY_LOWER.lock().unwrap().push(n);
    order.day.0.into()
}

#[skylark::function]
pub fn without_user(order: Order) -> usize {
    BY_LOWER.lock().unwrap().len() + usize::from(order.paid)
}

#[skylark::chain(next = note)]
pub fn order(user: String) -> (String, Order, u32) {
    let order = Order {
        from: "ann".into(),
        day: (2026, 11),
        paid: true,
    };
    (user, order, 17)
}

/// One object per customer, whatever the order is of.
#[skylark::state(scope = key(order.sender))]
#[derive(Default)]
pub struct Account {
    orders: u32,
}

#[skylark::service(scope = key(order.sender))]
impl Account {
    pub fn add(&mut self, order: Order) -> u32 {
        self.orders += u32::from(order.paid);
        self.orders
    }
}

#[skylark::function]
pub async fn twice(order: Order) -> Result<u32, Failure> {
    AccountClient.add(order.clone()).await?;
    AccountClient.add(order).await
}

fn count(runtime: &Runtime, name: &str, key: &str) -> Option<u32> {
    runtime.state_of(name, key).unwrap()
}

#[test]
fn a_key_is_what_its_expression_makes_of_the_arguments() {
    let runtime = Runtime::new();
    let json =
        r#"{"_user": "Ann", "order": {"sender": "bob", "day": [2026, 7], "paid": false}, "n": 17}"#;
    for _ in 0..2 {
        runtime.invoke("note", json).value::<u32>().unwrap();
    }
    for (name, key) in [
        ("BY_SENDER", "bob"),
        ("BY_USER_AND_YEAR", r#"["Ann",2026]"#),
        ("BY_TEXT", "Ann-2026- 17"),
        ("BY_SHORT", "pAn"),
        ("BY_DECADE", "[202,1]"),
    ] {
        assert_eq!(count(&runtime, name, key), Some(2), "{name} of {key}");
    }
    let lower: Option<Vec<u32>> = runtime.state_of("BY_LOWER", "ann").unwrap();
    assert_eq!(lower, Some(vec![17, 17]));
    // From a predecessor, in the compact form, the same.
    let year: u32 = runtime.run("order", &"Zoë").unwrap();
    assert_eq!(year, 2026);
    for (name, key) in [
        ("BY_SENDER", "ann"),
        ("BY_USER_AND_YEAR", r#"["Zoë",2026]"#),
        ("BY_TEXT", "Zoë-2026- 17"),
        ("BY_SHORT", "pZo"),
        ("BY_DECADE", "[202,1]"),
    ] {
        let wanted = if name == "BY_DECADE" { 3 } else { 1 };
        assert_eq!(count(&runtime, name, key), Some(wanted), "{name} of {key}");
    }
}

#[test]
fn an_object_may_have_such_a_key_too() {
    let runtime = Runtime::new();
    let json = r#"{"sender": "eve", "day": [2026, 7], "paid": true}"#;
    let twice = runtime.invoke("twice", json).value::<u32>();
    assert_eq!(twice.unwrap(), 2);
    assert_eq!(count(&runtime, "Account-orders", "eve"), Some(2));
}

#[test]
fn what_is_no_key_is_told() {
    let runtime = Runtime::new();
    let order =
        |rest: &str| format!(r#"{{"sender": "bob", "day": [2026, 7], "paid": false{rest}}}"#);
    let long = "x".repeat(600);
    for (function, json, wanted) in [
        (
            "without_user",
            order(""),
            "is one per value of `user.to_lowercase()`, and `without_user` has no argument `user`",
        ),
        (
            "note",
            format!(r#"{{"_user": "{long}", "order": {}, "n": 1}}"#, order("")),
            "a key of 609 bytes, more than 512",
        ),
    ] {
        let failure = runtime.invoke(function, json).value::<u32>().unwrap_err();
        assert!(failure.message.contains(wanted), "{failure}");
    }
}
