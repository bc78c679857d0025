//! What a program does before it serves.

use axum::{Extension, Router, extract::State, routing::post};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

static COUNT: AtomicU64 = AtomicU64::new(0);

struct App {
    names: Mutex<Vec<String>>,
}

impl App {
    fn seed(&self) {
        self.names.lock().unwrap().push("first".into());
    }
}

fn warm() {
    COUNT.fetch_add(1, Ordering::SeqCst);
}

fn port() -> u16 {
    8080
}

async fn reap(app: Arc<App>) {
    app.names.lock().unwrap().clear();
}

async fn add(State(app): State<Arc<App>>) -> u64 {
    app.names.lock().unwrap().push(String::new());
    COUNT.fetch_add(1, Ordering::SeqCst)
}

fn router(app: Arc<App>) -> Router {
    warm();
    Router::new().route("/", post(add)).with_state(app)
}

#[tokio::main]
async fn main() {
    let app = Arc::new(App { names: Mutex::new(Vec::new()) });
    // Starts at five.
    COUNT.store(5, Ordering::SeqCst);
    app.names.lock().unwrap().push("a name that is so long that a question cannot show all of it".into());
    app.seed();
    println!("at first there are {}", COUNT.load(Ordering::SeqCst));
    let other = app.clone();
    tokio::spawn(async move {
        other.names.lock().unwrap().clear();
    });
    if port() == 8080 {
        tokio::spawn(reap(app.clone()));
    }
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", port())).await.unwrap();
    axum::serve(listener, router(app).layer(Extension(1u8))).await.unwrap();
}
