//! Cells inside of what is built.

use axum::{Router, extract::State, routing::post};
use std::sync::{Arc, LazyLock, Mutex, atomic::AtomicU64};

pub struct Log {
    lines: Mutex<Vec<String>>,
}

type Counters = Vec<Counter>;

enum Counter {
    Local(AtomicU64),
}

struct Limits {
    most: u32,
}

/// The log.
static LOG: LazyLock<Log> = LazyLock::new(|| Log { lines: Mutex::new(Vec::new()) });

static HITS: Log = Log { lines: Mutex::new(Vec::new()) };

static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits { most: 3 });

#[derive(Default)]
struct App {
    log: Arc<Log>,
    counters: Counters,
    names: Vec<String>,
}

async fn add(State(app): State<Arc<App>>) -> String {
    app.log.lines.lock().unwrap().push(String::new());
    LIMITS.most.to_string()
}

pub fn app() -> Router {
    Router::new().route("/", post(add)).with_state(Arc::new(App::default()))
}
