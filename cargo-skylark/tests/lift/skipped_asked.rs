//! Fields that serde leaves out of what is stored.

use axum::{Json, Router, routing::post};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    name: String,
    #[serde(skip)]
    logins: u32,
    #[serde(skip_serializing)]
    password: String,
    #[serde(skip_deserializing)]
    id: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kept: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_too: Option<u32>,
    kind: Kind,
}

#[derive(Clone, Serialize, Deserialize)]
enum Kind {
    Plain,
    #[serde(skip)]
    Cached,
}

/// Only shown.
#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
}

static USERS: Mutex<Vec<User>> = Mutex::new(Vec::new());

async fn add(Json(user): Json<User>) -> Json<Shown> {
    let name = user.name.clone();
    USERS.lock().unwrap().push(user);
    Json(Shown { name })
}

pub fn app() -> Router {
    Router::new().route("/", post(add))
}
