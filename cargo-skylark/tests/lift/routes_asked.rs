//! Routes that are nested, computed and of globs; and handlers that no route leads to.

use axum::{Json, Router, extract::*, routing::*};
use std::sync::Mutex;

static N: Mutex<u32> = Mutex::new(0);

struct Shop;

impl Shop {
    async fn sell(Path(n): Path<u32>) -> Json<u32> {
        Json(n)
    }
}

async fn bump(Path(by): Path<u32>) -> String {
    *N.lock().unwrap() += by;
    String::new()
}

async fn all() -> String {
    N.lock().unwrap().to_string()
}

async fn one() -> String {
    String::new()
}

async fn inline() {}

async fn auth(request: Request, next: axum::middleware::Next) -> axum::response::Response {
    next.run(request).await
}

/// Nobody knows who calls it.
async fn lost(Path(by): Path<u32>) -> Json<u32> {
    Json(by)
}

fn computed() -> [(&'static str, MethodRouter); 1] {
    [("/all", get(all).head(all))]
}

fn v1() -> Router {
    let sales = Router::new().route("/", post(Shop::sell));
    Router::new()
        .route("/bump/{by}", put(bump))
        .nest("/sales", sales)
}

pub fn app() -> Router {
    let mut app = Router::new()
        .nest("/v1", v1())
        .nest("/v2", v1().merge(Router::new().route("/inline", any(inline))));
    for (path, method) in computed() {
        app = app.route(path, method);
    }
    app.route("/one", get(one)).layer(axum::middleware::from_fn(auth))
}
