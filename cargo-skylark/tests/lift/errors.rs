//! Errors of a type of their own.

use axum::{Json, Router, http::StatusCode, response::{IntoResponse, Response}, routing::get};
use std::fmt;

#[derive(Debug)]
enum Refused {
    Absent(u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Absent(n) = self;
        write!(f, "there is no {n}")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, self.to_string()).into_response()
    }
}

struct Silent;

impl IntoResponse for Silent {
    fn into_response(self) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn one() -> Result<Json<u32>, Refused> {
    Err(Refused::Absent(1))
}

async fn two() -> Result<Json<u32>, Silent> {
    let Json(n) = one().await.map_err(|_| Silent)?;
    Ok(Json(n + 1))
}

fn router() -> Router {
    Router::new().route("/one", get(one)).route("/two", get(two))
}
