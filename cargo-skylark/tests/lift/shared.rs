//! Shared state: fields are statics, and nobody passes them on.

use axum::{Json, Router, extract::{Path, State}, routing::get};
use std::{collections::HashMap, sync::{Arc, Mutex, RwLock}};

struct Settings {
    limit: usize,
}

struct App {
    // Written by all.
    names: Mutex<Vec<String>>,
    ages: RwLock<HashMap<String, u32>>,
    settings: Settings,
}

type Shared = Arc<App>;

async fn add(State(app): State<Arc<App>>, Path((name, age)): Path<(String, u32)>) -> Json<usize> {
    let names = &app.names;
    if names.lock().unwrap().len() < app.settings.limit {
        remember(&app, name.clone(), age);
        names.lock().unwrap().push(name);
    }
    println!("{} of {}", app.names.lock().unwrap().len(), app.settings.limit);
    Json(count(app.clone()))
}

fn remember(app: &App, name: String, age: u32) {
    app.ages.write().unwrap().insert(name, age);
}

fn count(app: Arc<App>) -> usize {
    app.names.lock().unwrap().len()
}

fn router() -> Router {
    let app = Arc::new(App {
        names: Mutex::new(Vec::new()),
        ages: RwLock::new(HashMap::new()),
        settings: Settings { limit: 3 },
    });
    Router::new().route("/add/{name}/{age}", get(add)).with_state(app)
}
