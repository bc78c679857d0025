//! What the node shows of itself; serialised as it stands.

use serde::Serialize;
use serde_json::value::RawValue;
use skylark_abi::{
    call::Failure,
    keys::Bundle,
    run::{RunRecord, RunStatus, TaskReport},
};

/// Answer to a synchronous invocation.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The run.
    pub run_id: String,
    /// Its result: JSON text.
    pub output: Vec<u8>,
    /// Its tasks, in the order in which they ended.
    pub tasks: Vec<TaskReport>,
    /// Whether the result had been recorded by an earlier call with the same
    /// idempotency key.
    pub replayed: bool,
}

/// How a run stands.
#[derive(Debug, Serialize)]
pub struct RunView {
    /// `<app>.<uuid>`.
    pub id: String,
    /// The app.
    pub app: String,
    /// The function it began with.
    pub function: String,
    /// `running`, `succeeded` or `failed`.
    pub status: &'static str,
    /// The result of a run that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Microseconds since the Unix epoch.
    pub accepted_unix_us: u64,
    /// Its tasks so far.
    pub tasks: Vec<TaskReport>,
}

impl RunView {
    pub(super) fn new(id: &str, record: RunRecord) -> Self {
        let (status, result, error) = match record.status {
            RunStatus::Running => ("running", None, None),
            RunStatus::Succeeded(json) => ("succeeded", raw(json), None),
            RunStatus::Failed(failure) => ("failed", None, Some(failure)),
        };
        Self {
            id: id.to_owned(),
            app: record.app,
            function: record.function,
            status,
            result,
            error,
            accepted_unix_us: record.accepted_unix_us,
            tasks: record.tasks,
        }
    }
}

fn raw(json: Vec<u8>) -> Option<Box<RawValue>> {
    String::from_utf8(json)
        .ok()
        .and_then(|text| RawValue::from_string(text).ok())
}

/// A state variable as it stands in the store.
#[derive(Debug, Serialize)]
pub struct StateView {
    /// `app`, `chain:<id>` or `key:<value>`.
    pub bundle: String,
    /// The variable.
    pub name: String,
    /// Grows by one with every write.
    pub version: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Source text of its type, if the app that is loaded declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Whether the stored value was written by the type that is loaded now.
    pub current: bool,
    /// Its value as JSON; `null` and `unreadable` says why, if it is not
    /// MessagePack.
    pub value: serde_json::Value,
    /// Why the value could not be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// `app`, `chain:<id>`, `key:<value>`.
pub(super) fn bundle_name(bundle: &Bundle) -> String {
    match bundle {
        Bundle::App => "app".into(),
        Bundle::Chain(id) => format!("chain:{id}"),
        Bundle::Key(key) => format!("key:{key}"),
    }
}
