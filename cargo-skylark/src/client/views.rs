//! What a node shows of itself, read. Unknown members are left alone: nodes of
//! a later release may show more.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use skylark_abi::{Schema, call::Failure, run::TaskReport, shape::Shapes};

/// An app on a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppView {
    /// Its name.
    pub app: String,
    /// SHA-256 of its module, hexadecimal.
    pub hash: String,
    /// Bytes of its module.
    pub bytes: u64,
    /// Its functions and states.
    #[serde(flatten)]
    pub schema: Schema,
}

/// An app, and the structure of its state.
#[derive(Debug, Clone, Deserialize)]
pub struct AppDetail {
    /// What is shown of it in a list, too.
    #[serde(flatten)]
    pub app: AppView,
    /// Absent if the module does not show it.
    #[serde(default)]
    pub shapes: Option<Shapes>,
}

/// How a run stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The app.
    pub app: String,
    /// The function that it began with.
    pub function: String,
    /// `running`, `succeeded` or `failed`.
    pub status: String,
    /// The result of a run that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// When it was accepted: microseconds since the Unix epoch.
    #[serde(default)]
    pub accepted_unix_us: u64,
    /// Its tasks so far.
    #[serde(default)]
    pub tasks: Vec<TaskReport>,
}

impl RunView {
    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// The result's JSON text; `null` if there is none.
    pub fn result_text(&self) -> &str {
        self.result.as_deref().map_or("null", RawValue::get)
    }
}

/// A run that succeeded, just now or before.
#[derive(Debug, Clone, Serialize)]
pub struct Invoked {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// Whether an earlier call with the same idempotency key made it.
    pub replayed: bool,
}

/// A run that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub id: String,
}

/// A page of failed runs.
#[derive(Debug, Clone, Deserialize)]
pub struct FailedPage {
    /// The runs.
    pub runs: Vec<RunView>,
    /// Where the next page starts; `None` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

/// A page of stored variables.
#[derive(Debug, Clone, Deserialize)]
pub struct StatePage {
    /// The variables.
    pub states: Vec<StateView>,
    /// Where the next page starts; `None` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

/// A page of a collection's entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntriesPage {
    /// The entries.
    pub entries: Vec<EntryView>,
    /// Where the next page starts; `None` at the end.
    #[serde(default)]
    pub next: Option<String>,
}

/// An entry of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryView {
    /// Its key.
    pub key: serde_json::Value,
    /// Bytes stored.
    pub bytes: u64,
    /// Its value.
    #[serde(default)]
    pub value: serde_json::Value,
    /// Why the value could not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A stored variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateView {
    /// `app`, `chain:<id>` or `key:<value>`.
    pub bundle: String,
    /// Its name.
    pub name: String,
    /// Grows by one with every write.
    pub version: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Source text of its type, if the app that is loaded declares it.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// Whether the stored value was written by the type that is loaded now.
    #[serde(default)]
    pub current: bool,
    /// Its value.
    #[serde(default)]
    pub value: serde_json::Value,
    /// Why the value could not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}
