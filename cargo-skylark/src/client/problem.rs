//! A node's problem document (RFC 9457), for people.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skylark_abi::run::TaskReport;

/// What a node says is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Its class, a URI.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The class in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What, where, and how to mend it.
    #[serde(default)]
    pub detail: String,
    /// Everything else: the place, the limit and its option, the nearest name,
    /// the run.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

/// Members that the text shows elsewhere, or not at all.
const ELSEWHERE: [&str; 2] = ["tasks", "kind"];

impl Problem {
    /// Reads one; `None` if the body is something else.
    pub fn read(body: &[u8]) -> Option<Self> {
        let problem: Self = serde_json::from_slice(body).ok()?;
        (!problem.title.is_empty() || !problem.detail.is_empty()).then_some(problem)
    }

    /// The tasks of a run that failed, if the timeline was asked for.
    pub fn tasks(&self) -> Vec<TaskReport> {
        self.members
            .get("tasks")
            .and_then(|tasks| serde_json::from_value(tasks.clone()).ok())
            .unwrap_or_default()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.detail.is_empty() {
            &self.title
        } else {
            &self.detail
        };
        f.write_str(what)?;
        // `urn:skylark:problem:unknown-app` → unknown-app.
        let class = self.kind.rsplit([':', '/']).next().unwrap_or_default();
        let class = match class {
            "" | "blank" => self.title.as_str(),
            class => class,
        };
        write!(f, "\n  [{class}, HTTP {}]", self.status)?;
        for (name, value) in &self.members {
            if ELSEWHERE.contains(&name.as_str()) {
                continue;
            }
            let name = name.replace('_', " ");
            match value {
                Value::String(text) => write!(f, "\n  {name}: {text}")?,
                Value::Array(all) => {
                    write!(f, "\n  {name}:")?;
                    for one in all {
                        match one {
                            Value::String(text) => write!(f, "\n    {text}")?,
                            other => write!(f, "\n    {other}")?,
                        }
                    }
                }
                other => write!(f, "\n  {name}: {other}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_shown_and_nothing_as_raw_json() {
        let check = |json: &str, wanted: &str| {
            assert_eq!(Problem::read(json.as_bytes()).unwrap().to_string(), wanted);
        };
        check(
            r#"{"type":"urn:skylark:problem:input","title":"Bad Request","status":400,
                "detail":"missing field `width`","at":"photo.width","kind":"input","run_id":"app.1","tasks":[]}"#,
            "missing field `width`\n  [input, HTTP 400]\n  at: photo.width\n  run id: app.1",
        );
        check(
            r#"{"type":"about:blank","title":"Not Found","status":404}"#,
            "Not Found\n  [Not Found, HTTP 404]",
        );
        check(
            r#"{"type":"urn:skylark:problem:schema","title":"x","status":422,"detail":"refused","errors":["one","two"],"limit":7}"#,
            "refused\n  [schema, HTTP 422]\n  errors:\n    one\n    two\n  limit: 7",
        );
    }

    #[test]
    fn other_bodies_are_none() {
        for body in ["", "<html>", "{}", r#"{"status":404}"#, r#"{"title":"x"}"#] {
            assert_eq!(Problem::read(body.as_bytes()), None, "{body}");
        }
    }
}
