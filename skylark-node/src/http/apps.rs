//! Apps, runs and what apps have in the store.

use super::{
    Http, body,
    params::{self, Params, Switch},
    problem::Problem,
};
use crate::{
    metrics::{UPLOAD_SECONDS, UPLOADS},
    node::{AppView, EntryView, NodeError, StateView},
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
};
use metrics::{counter, histogram};
use serde::Serialize;
use skylark_abi::{
    keys::Bundle,
    protocol::{BundleField, whole},
    schema::nearest,
    shape::Shapes,
};
use std::{sync::Arc, time::Instant};

type Shared = State<Arc<Http>>;

/// `PUT /f/{app}`: an app's module.
pub(super) async fn upload(
    State(http): Shared,
    Path(app): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<(StatusCode, Json<AppView>), Problem> {
    put(&http, &app, None, &uri, &headers, body).await
}

/// `PUT /f/{app}/{function}`: the same, refused if the module has no such
/// function.
pub(super) async fn upload_function(
    State(http): Shared,
    Path((app, function)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<(StatusCode, Json<AppView>), Problem> {
    put(&http, &app, Some(&function), &uri, &headers, body).await
}

async fn put(
    http: &Http,
    app: &str,
    function: Option<&str>,
    uri: &Uri,
    headers: &HeaderMap,
    body: axum::body::Body,
) -> Result<(StatusCode, Json<AppView>), Problem> {
    // Before a byte of the body is read.
    http.tokens.operator.check(headers, "an upload")?;
    let mut params = query(uri)?;
    let force = params.take_or("force", Switch(false))?.0;
    params.finish(&["force"])?;
    let limit = http.limit("the module", http.config.max_module, "max-module");
    let wasm = body::read(headers, body, limit).await?;
    if let Some(function) = function {
        // Compiling it for a look costs nothing more: the second time the
        // engine takes what it compiled the first.
        let module = http
            .node
            .engine()
            .load(wasm.clone())
            .await
            .map_err(NodeError::from)?;
        let functions = &module.schema().functions;
        if !functions.contains_key(function) {
            let near = nearest(function, functions.keys().map(String::as_str));
            let meant = near.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
            let detail = format!("the module has no function `{function}`{meant}");
            return Err(
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "function-missing", detail)
                    .with("nearest", near),
            );
        }
    }
    let status = match http.node.app(app) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::CREATED,
    };
    let started = Instant::now();
    let uploaded = http.node.upload(app, wasm, force).await;
    let outcome = if uploaded.is_ok() {
        "loaded"
    } else {
        "refused"
    };
    counter!(UPLOADS, "outcome" => outcome).increment(1);
    histogram!(UPLOAD_SECONDS).record(started.elapsed());
    Ok((status, Json(uploaded?)))
}

/// `GET /f`.
pub(super) async fn list(State(http): Shared) -> Json<Vec<AppView>> {
    Json(http.node.apps())
}

/// An app with the structure of its state.
#[derive(Debug, Serialize)]
pub(super) struct AppDetail {
    #[serde(flatten)]
    app: AppView,
    #[serde(skip_serializing_if = "Option::is_none")]
    shapes: Option<Shapes>,
}

/// `GET /f/{app}`.
pub(super) async fn show(
    State(http): Shared,
    Path(app): Path<String>,
) -> Result<Json<AppDetail>, Problem> {
    let shapes = http.node.shapes(&app)?;
    let app = http.node.app(&app)?;
    Ok(Json(AppDetail { app, shapes }))
}

/// A page of state variables.
#[derive(Debug, Serialize)]
pub(super) struct StatesPage {
    states: Vec<StateView>,
    /// What to pass as `after` for the next page.
    next: Option<String>,
}

/// Variables in a page, unless the caller says otherwise.
const PAGE: usize = 100;

/// `GET /apps/{app}/states?after=&limit=`.
pub(super) async fn states(
    State(http): Shared,
    Path(app): Path<String>,
    uri: Uri,
) -> Result<Json<StatesPage>, Problem> {
    let mut params = query(&uri)?;
    let after = params.take::<Cursor>("after")?.map(|c| c.0);
    let limit = params.take_or("limit", PAGE)?;
    params.finish(&["after", "limit"])?;
    let (states, next) = http.node.states(&app, after.as_ref(), limit).await?;
    let next = next.map(|field| Cursor(field).to_string());
    Ok(Json(StatesPage { states, next }))
}

/// `GET /apps/{app}/states/{name}`.
pub(super) async fn state(
    State(http): Shared,
    Path((app, name)): Path<(String, String)>,
) -> Result<Json<StateView>, Problem> {
    Ok(Json(http.node.state(&app, &name).await?))
}

/// A page of entries.
#[derive(Debug, Serialize)]
pub(super) struct EntriesPage {
    entries: Vec<EntryView>,
    /// What to pass as `after` for the next page.
    next: Option<String>,
}

/// `GET /apps/{app}/states/{name}/entries?key=&after=&limit=`.
pub(super) async fn entries(
    State(http): Shared,
    Path((app, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<EntriesPage>, Problem> {
    let mut params = query(&uri)?;
    let key = params.take::<String>("key")?;
    let after = params.take::<String>("after")?;
    let limit = params.take_or("limit", PAGE)?;
    params.finish(&["key", "after", "limit"])?;
    let (entries, next) = http.node.entries(&app, &name, key, after, limit).await?;
    Ok(Json(EntriesPage { entries, next }))
}

pub(super) fn query(uri: &Uri) -> Result<Params, Problem> {
    params::parse(uri.query().unwrap_or_default())
}

/// A place in the list of variables: `app/NAME`, `chain:ID/NAME`,
/// `key:VALUE/NAME`.
#[derive(Debug, PartialEq, Eq)]
struct Cursor(BundleField);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.bundle {
            Bundle::App => write!(f, "app/{}", self.0.name),
            Bundle::Chain(id) => write!(f, "chain:{id}/{}", self.0.name),
            Bundle::Key(key) => write!(f, "key:{key}/{}", self.0.name),
            // Listed are variables; their parts are listed elsewhere.
            Bundle::Part(of, _) => write!(f, "{}", Self(whole(of))),
        }
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "take it from `next` of the page before";
        // A key may hold a slash, a variable's name cannot.
        let (bundle, name) = text.rsplit_once('/').ok_or(wrong)?;
        let bundle = match bundle.split_once(':') {
            None if bundle == "app" => Bundle::App,
            Some(("chain", id)) => Bundle::Chain(id.to_owned()),
            Some(("key", key)) => Bundle::Key(key.to_owned()),
            _ => return Err(wrong),
        };
        let name = name.to_owned();
        Ok(Self(BundleField { bundle, name }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        for bundle in [
            Bundle::App,
            Bundle::Chain("a.1".into()),
            Bundle::Key("x/y:z".into()),
        ] {
            let cursor = Cursor(BundleField {
                bundle,
                name: "N".into(),
            });
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in ["", "app", "else/N", "app:x/N"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
