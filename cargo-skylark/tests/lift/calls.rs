//! Calls of handlers are awaited, spawned ones are not; helpers stay what they are.

use axum::{Json, Router, extract::{Path, State}, routing::{get, post}};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

#[derive(Clone, Default)]
struct App {
    sum: Arc<Mutex<u64>>,
}

async fn add(State(app): State<App>, Path(n): Path<u64>) -> Json<u64> {
    let mut sum = app.sum.lock().await;
    *sum += n;
    Json(*sum)
}

async fn twice(State(app): State<App>, Path(n): Path<u64>) -> Result<Json<u64>, String> {
    let Json(first) = add(State(app.clone()), Path(n)).await;
    tokio::time::sleep(Duration::from_secs(first)).await;
    let Json(second) = checked(State(app.clone()), Json(n)).await?;
    // Nobody waits for it.
    tokio::spawn(note(app.clone(), second));
    tokio::spawn(async move { println!("{second}") });
    Ok(Json(helper(&app).await + second))
}

async fn checked(State(app): State<App>, Json(n): Json<u64>) -> Result<Json<u64>, String> {
    if n > 9 {
        return Err("too much".to_owned());
    }
    Ok(add(State(app), Path(n)).await)
}

async fn helper(app: &App) -> u64 {
    *app.sum.lock().await
}

async fn note(app: App, n: u64) {
    *app.sum.lock().await += n;
}

fn router() -> Router {
    Router::new()
        .route("/add/{n}", post(add))
        .route("/twice/{n}", post(twice))
        .route("/checked", get(checked))
        .with_state(App::default())
}
