//! `/run/{module}`: plain WASI command modules.

use super::{Http, body, body::expect_json, problem::Problem};
use crate::node::NodeError;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::{Value, json};
use skylark_abi::names;
use std::sync::Arc;

/// What a command is called with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    args: Vec<String>,
}

/// `PUT /run/{module}`: keeps a command module.
pub(super) async fn upload(
    State(http): State<Arc<Http>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Value>, Problem> {
    http.tokens.operator.check(&headers, "an upload")?;
    if !names::is_valid_name(&name) {
        return Err(NodeError::InvalidName { name }.into());
    }
    let limit = http.limit("the module", http.config.max_module, "max-module");
    let wasm = body::read(&headers, body, limit).await?;
    let bytes = wasm.len();
    http.commands.put(&name, wasm).await?;
    Ok(Json(json!({ "module": name, "bytes": bytes })))
}

/// `POST /run/{module}` with `{"args": […]}`: what it prints.
pub(super) async fn run(
    State(http): State<Arc<Http>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<impl IntoResponse, Problem> {
    let _admitted = http.calls.admit()?;
    expect_json(&headers)?;
    let input = body::read(&headers, body, http.input_limit()).await?;
    let arguments = arguments(&input)?;
    let command = http.commands.get(&name).ok_or_else(|| {
        let near = http.commands.nearest(&name);
        let meant = near
            .as_ref()
            .map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-command",
            format!("no command `{name}` is loaded{meant}"),
        )
        .with("nearest", near)
    })?;
    let output = http
        .commands
        .run(&command, &arguments, &http.node.config().limits)
        .await
        .map_err(Problem::of_command)?;
    if output.exit_code != 0 {
        let detail = format!("the command ended with exit code {}", output.exit_code);
        return Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "exit-code", detail)
                .with("exit_code", output.exit_code)
                .with("stderr", output.stderr),
        );
    }
    Ok((
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        output.stdout,
    ))
}

fn arguments(input: &[u8]) -> Result<Vec<String>, Problem> {
    if input.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let expected = "send {\"args\": [\"…\"]}";
    let read: Arguments = serde_json::from_slice(input).map_err(|e| {
        Problem::new(StatusCode::BAD_REQUEST, "input", format!("{e}; {expected}"))
            .with("at", "args")
    })?;
    // WASI hands arguments over as C strings.
    match read.args.iter().position(|a| a.contains('\0')) {
        Some(i) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "input",
            "an argument holds a zero byte",
        )
        .with("at", format!("args[{i}]"))),
        None => Ok(read.args),
    }
}
