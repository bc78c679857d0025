//! Election and node information, as published clients of the model ask for
//! them. Node objects are `{node_name, node_ip, node_type}`.

use super::{
    Http,
    apps::query,
    body::{self, expect_json},
    problem::Problem,
};
use crate::metrics::ELECTIONS;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use metrics::counter;
use serde::Serialize;
use serde_json::{Value, json};
use skylark_elect::{
    Bytes, Delay, ElectError, Election, Node, NodeType, Objectives, Policy, Report, Request,
    Schedule, Snapshot, Topology, UnixMicros,
};
use std::{
    str::FromStr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

type Shared = State<Arc<Http>>;

/// The elected node and why it is the one.
#[derive(Debug, Serialize)]
pub(super) struct Elected {
    #[serde(flatten)]
    node: Node,
    election: Report,
}

/// `GET /storage-node?size&time&policy&destination`: where state of this many
/// bytes goes, of which `time` milliseconds of the objective are spent.
pub(super) async fn storage_node(State(http): Shared, uri: Uri) -> Result<Json<Elected>, Problem> {
    let mut params = query(&uri)?;
    let size: u64 = params.required("size", "bytes of state")?;
    let spent = params
        .take::<Milliseconds>("time")?
        .map_or(Delay::ZERO, |ms| ms.0);
    let policy = params.take::<Policy>("policy")?;
    let destination: Option<String> = params.take("destination")?;
    let on = params.take::<On>("on")?.map(|on| on.0);
    params.finish(&["size", "time", "policy", "destination", "on"])?;
    let election = http.elect(size, |request| {
        request.spent = spent;
        request.policy = policy.unwrap_or(request.policy);
        request.destination = destination.as_deref();
        request.on = on;
    })?;
    let node = election.node().clone();
    let election = election.report();
    Ok(Json(Elected { node, election }))
}

/// `GET /neighbors`: who shares a link with this node now.
pub(super) async fn neighbors(State(http): Shared) -> Result<Json<Vec<Node>>, Problem> {
    let snapshot = http.snapshot();
    let neighbors = snapshot.neighbors(http.node.name(), now()).map_err(elect)?;
    Ok(Json(neighbors.into_iter().cloned().collect()))
}

/// `GET|POST /refresh`: reads the topology file again.
pub(super) async fn refresh(State(http): Shared) -> Result<Json<Value>, Problem> {
    match http.node.placer().refresh().await {
        Ok(changed) => Ok(Json(json!({ "changed": changed }))),
        Err(error) => {
            tracing::error!(%error, "the topology is not refreshed");
            let detail = "the topology file is refused, and what was in force stays; the node's log says why";
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "topology",
                detail,
            ))
        }
    }
}

/// `GET /health`, as the published service answers it.
pub(super) async fn health(State(http): Shared) -> Json<Value> {
    Json(json!({ "status": "ok", "node": http.node.name() }))
}

/// `GET /local-node-info`.
pub(super) async fn local_node(State(http): Shared) -> Result<Json<Node>, Problem> {
    let snapshot = http.snapshot();
    Ok(Json(
        snapshot.node(http.node.name()).map_err(elect)?.clone(),
    ))
}

/// `GET /cloud-node-info`: the topology's first cloud node.
pub(super) async fn cloud_node(State(http): Shared) -> Result<Json<Node>, Problem> {
    let snapshot = http.snapshot();
    let cloud = snapshot.first(NodeType::Cloud).cloned().map(Json);
    cloud.ok_or_else(|| {
        let detail = "the topology has no node of type Cloud";
        Problem::new(StatusCode::NOT_FOUND, "no-node", detail)
    })
}

/// `GET /current-topology`.
pub(super) async fn current_topology(State(http): Shared) -> impl IntoResponse {
    Json(Shown(http.snapshot().schedule().at(now()).clone()))
}

/// `GET /next-topology`: that of the next minute.
pub(super) async fn next_topology(State(http): Shared) -> impl IntoResponse {
    Json(Shown(http.snapshot().schedule().after(now()).clone()))
}

/// `GET /static-topology?t=`: frame `t` of the schedule, the last if it is
/// left out.
pub(super) async fn static_topology(
    State(http): Shared,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    let mut params = query(&uri)?;
    let t: Option<usize> = params.take("t")?;
    params.finish(&["t"])?;
    let snapshot = http.snapshot();
    let frame = Schedule::frame(snapshot.schedule(), t).map_err(elect)?;
    Ok(Json(Shown(frame.clone())))
}

/// `GET /objectives`.
pub(super) async fn objectives(State(http): Shared) -> Json<Objectives> {
    Json(http.snapshot().objectives())
}

/// `POST /objectives`: from now on placements must meet these.
pub(super) async fn set_objectives(
    State(http): Shared,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Json<Objectives>, Problem> {
    http.tokens
        .operator
        .check(&headers, "a change of the objectives")?;
    expect_json(&headers)?;
    let json = body::read(&headers, body, http.input_limit()).await?;
    let objectives = Objectives::from_json(&json)
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, "input", e.to_string()))?;
    http.node.placer().elector().set_objectives(objectives);
    Ok(Json(objectives))
}

impl Http {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.node.placer().elector().snapshot()
    }

    /// Elects the node for this many bytes that are here now.
    pub(super) fn elect<'a>(
        &'a self,
        size: u64,
        adjust: impl FnOnce(&mut Request<'a>),
    ) -> Result<Election, Problem> {
        let placer = self.node.placer();
        let mut request = Request::new(self.node.name(), Bytes(size), now());
        request.policy = placer.policy();
        request.seed = uuid::Uuid::new_v4().as_u64_pair().0;
        adjust(&mut request);
        counter!(ELECTIONS, "policy" => request.policy.as_str()).increment(1);
        placer.elector().elect(&request).map_err(elect)
    }
}

fn elect(error: ElectError) -> Problem {
    let detail = error.to_string();
    match error {
        ElectError::UnknownNode { nearest, .. } => {
            Problem::new(StatusCode::NOT_FOUND, "unknown-node", detail).with("nearest", nearest)
        }
        ElectError::UnknownFrame { .. } => Problem::parameter("t", detail),
        _ => Problem::new(StatusCode::NOT_FOUND, "no-node", detail),
    }
}

fn now() -> UnixMicros {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMicros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A topology behind its `Arc`, in the published shape.
struct Shown(Arc<Topology>);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// `12.5`.
struct Milliseconds(Delay);

impl FromStr for Milliseconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ms: f64 = text
            .parse()
            .map_err(|_| "write a number of milliseconds".to_owned())?;
        Delay::from_ms(ms).map(Self).map_err(|e| e.to_string())
    }
}

/// `sat`, `edge`, `cloud`.
pub(super) struct On(pub(super) NodeType);

impl FromStr for On {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NodeType::parse(text)
            .map(Self)
            .ok_or("write sat, edge or cloud")
    }
}
