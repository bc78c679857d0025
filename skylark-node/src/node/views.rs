//! What the node shows of itself; serialised as it stands.

use super::state::to_json;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::value::RawValue;
use skylark_abi::{
    call::Failure,
    keys::Bundle,
    run::{RunRecord, RunStatus, TaskReport},
    value,
};

/// Answer to a synchronous invocation.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The run.
    pub run_id: String,
    /// Its result: JSON text, or bytes ([`Reply::bytes`]).
    pub output: Vec<u8>,
    /// Its tasks, in the order in which they ended.
    pub tasks: Vec<TaskReport>,
    /// Whether the result had been recorded by an earlier call with the same
    /// idempotency key.
    pub replayed: bool,
}

impl Reply {
    /// The result as it is, if it is bytes.
    pub fn bytes(&self) -> Option<&[u8]> {
        value::bytes_of(&self.output)
    }
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
            RunStatus::Succeeded(output) => ("succeeded", shown(output), None),
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

/// A run's result, or what a node shows of it, as JSON: of bytes their base64, as
/// serde's traits of `skylark::Bytes` have it.
pub(crate) fn result_as_json(output: Vec<u8>) -> Vec<u8> {
    if let Some(bytes) = value::bytes_of(&output) {
        return format!("\"{}\"", BASE64_STANDARD.encode(bytes)).into_bytes();
    }
    // Of a type that is called `Bytes` and is something else.
    match value::result(&output).map(to_json) {
        Some(Ok(value)) => value.to_string().into_bytes(),
        Some(Err(_)) | None => output,
    }
}

/// The same, within a larger document.
pub(crate) fn shown(output: Vec<u8>) -> Option<Box<RawValue>> {
    String::from_utf8(result_as_json(output))
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

/// An entry of a collection, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct EntryView {
    /// Its key.
    pub key: serde_json::Value,
    /// Bytes stored.
    pub bytes: u64,
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
        Bundle::Part(of, _) => format!("{}:{}", bundle_name(&of.bundle()), of.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_shown_as_json() {
        let packed = [&value::header(7)[..], &[0x07]].concat();
        for (output, want) in [
            // Without their first nine bytes they would be MessagePack.
            (b"\"12345678\"".to_vec(), "\"12345678\""),
            (b"[1,2,3,4,5]".to_vec(), "[1,2,3,4,5]"),
            (value::compact_bytes(b"\xff\0"), "\"/wA=\""),
            (packed, "7"),
        ] {
            assert_eq!(String::from_utf8(result_as_json(output)).unwrap(), want);
        }
    }
}
