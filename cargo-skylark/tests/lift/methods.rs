//! Methods that waited for nothing, and those who awaited them.

use axum::{Json, Router, extract::State, routing::post};
use std::sync::{Arc, LazyLock, Mutex};

#[derive(Clone, Default)]
pub struct Pool {
    rows: Vec<String>,
}

impl Pool {
    async fn open(name: &str) -> Self {
        Pool { rows: vec![name.to_owned()] }
    }

    pub async fn execute(&self, sql: &str) -> usize {
        self.rows.len() + sql.len()
    }

    async fn twice(&self) -> usize {
        self.execute("a").await + self.execute("b").await
    }

    async fn later(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

trait Ask {
    async fn ask(&self) -> usize;
}

impl Ask for Pool {
    async fn ask(&self) -> usize {
        self.rows.len()
    }
}

#[derive(Default)]
pub struct App {
    db: Pool,
    shared: Arc<Pool>,
    locked: tokio::sync::Mutex<Pool>,
}

static GLOBAL: LazyLock<Pool> = LazyLock::new(Pool::default);

async fn add(State(app): State<Arc<App>>, Json(line): Json<String>) -> Json<usize> {
    let mut n = app.db.execute(&line).await + app.shared.twice().await;
    n += GLOBAL.execute("global").await;
    n += app.locked.lock().await.execute("locked").await;
    let pool = Pool::open("here").await;
    n += pool.execute("local").await + pool.ask().await;
    let copy = pool.clone();
    copy.later().await;
    Json(n + helps(&copy).await)
}

async fn helps(pool: &Pool) -> usize {
    pool.execute("helps").await
}

pub fn app() -> Router {
    Router::new().route("/", post(add)).with_state(Arc::new(App::default()))
}
