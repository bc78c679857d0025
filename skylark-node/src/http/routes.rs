//! The routes, but for calls.

use super::{
    Http, apps, calls, commands, messages, operations, placement, problem::Problem, runs, states,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    routing::{get, post, put},
};
use skylark_abi::schema::nearest;
use std::sync::Arc;

/// The routes for clients, to tell those who ask for one that is none which
/// is nearest.
const ROUTES: &[&str] = &[
    "/f",
    "/f/{app}",
    "/f/{app}/{function}",
    "/fa/{app}/{function}",
    "/runs/{id}",
    "/runs/{id}/retry",
    "/runs/{id}/cancel",
    "/promises/{id}",
    "/apps/{app}/failed",
    "/run/{module}",
    "/apps/{app}/states",
    "/apps/{app}/states/{name}",
    "/apps/{app}/states/{name}/entries",
    "/healthz",
    "/readyz",
    "/metrics",
    "/state",
    "/save/{type}",
    "/storage-node",
    "/neighbors",
    "/refresh",
    "/health",
    "/local-node-info",
    "/cloud-node-info",
    "/current-topology",
    "/next-topology",
    "/static-topology",
    "/objectives",
];

pub(super) fn router(http: Arc<Http>) -> Router {
    Router::new()
        .route("/f", get(apps::list))
        .route("/f/{app}", get(apps::show).put(apps::upload))
        // `POST` never comes here: `serve` answers it. It is named so that the
        // router knows that it is allowed.
        .route(
            "/f/{app}/{function}",
            put(apps::upload_function).post(unknown),
        )
        .route("/fa/{app}/{function}", post(calls::submit))
        .route("/runs/{id}", get(runs::show))
        .route("/runs/{id}/retry", post(runs::retry))
        .route("/runs/{id}/cancel", post(runs::cancel))
        .route("/promises/{id}", post(runs::complete))
        .route("/apps/{app}/failed", get(runs::failed))
        .route("/run/{module}", put(commands::upload).post(commands::run))
        .route("/apps/{app}/states", get(apps::states))
        .route("/apps/{app}/states/{name}", get(apps::state))
        .route("/apps/{app}/states/{name}/entries", get(apps::entries))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .route("/state", get(states::get).delete(states::delete))
        .route("/save/{type}", post(states::save))
        .route("/storage-node", get(placement::storage_node))
        .route("/neighbors", get(placement::neighbors))
        .route("/refresh", get(placement::refresh).post(placement::refresh))
        .route("/health", get(placement::health))
        .route("/local-node-info", get(placement::local_node))
        .route("/cloud-node-info", get(placement::cloud_node))
        .route("/current-topology", get(placement::current_topology))
        .route("/next-topology", get(placement::next_topology))
        .route("/static-topology", get(placement::static_topology))
        .route(
            "/objectives",
            get(placement::objectives).post(placement::set_objectives),
        )
        .route("/internal/messages", post(messages::deliver))
        .route("/internal/state", put(states::keep))
        // Every body is read by `body::read`, each with its own limit.
        .layer(DefaultBodyLimit::disable())
        .fallback(unknown)
        .with_state(http)
}

async fn unknown(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(256).collect();
    let near = nearest_route(&path);
    let meant = near.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-route",
        format!("there is no route {method} {path}{meant}"),
    )
    .with("nearest", near)
}

/// The route that is nearest to a path, its parameters taken as they are.
fn nearest_route(path: &str) -> Option<&'static str> {
    let given: Vec<&str> = path.split('/').collect();
    let filled: Vec<(String, &'static str)> = ROUTES
        .iter()
        .map(|route| {
            let parts = route
                .split('/')
                .enumerate()
                .map(|(i, part)| match given.get(i) {
                    Some(segment) if part.starts_with('{') && !segment.is_empty() => segment,
                    _ => part,
                });
            (parts.collect::<Vec<_>>().join("/"), *route)
        })
        .collect();
    let near = nearest(path, filled.iter().map(|(text, _)| text.as_str()))?.to_owned();
    filled
        .into_iter()
        .find(|(text, _)| *text == near)
        .map(|(_, route)| route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_routes() {
        let check =
            |path: &str, want: Option<&str>| assert_eq!(nearest_route(path), want, "{path}");
        check("/healht", Some("/health"));
        check("/topology", None);
        check("/functions/app/function", None);
        check("/fa/app/function/", Some("/fa/{app}/{function}"));
        check("/f/app/function/", Some("/f/{app}/{function}"));
        check("/run/app.123", Some("/run/{module}"));
        check("/app/a/states", Some("/apps/{app}/states"));
        check("/wp-admin/setup.php", None);
        check("/", Some("/f"));
    }
}
