//! What the demo prints.

use super::photos::Verdict;
use cargo_skylark::{
    cluster::NodeAddress,
    output::{bytes, micros, table},
    timeline,
};
use serde::Serialize;
use skylark_abi::run::TaskReport;
use std::path::PathBuf;

/// Everything that happened.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Where state was kept.
    pub store: String,
    /// Bytes of the module.
    pub(crate) module_bytes: u64,
    /// The nodes.
    pub nodes: Vec<NodeAddress>,
    /// One for each photograph.
    pub runs: Vec<Run>,
    /// The pictures that were written.
    pub files: Vec<PathBuf>,
}

/// One photograph's run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    /// Its file.
    pub photo: &'static str,
    /// Whether the verdict is the right one.
    pub ok: bool,
    /// The right level.
    pub expected: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The run's id.
    pub id: String,
    /// Bytes sent to the first node.
    pub sent_bytes: u64,
    /// From the request's start to the verdict, as the caller sees it.
    pub round_trip_us: u64,
    /// Its tasks.
    pub tasks: Vec<TaskReport>,
}

impl Report {
    /// For people.
    pub(crate) fn render(&self) -> String {
        let nodes: Vec<String> = self
            .nodes
            .iter()
            .map(|n| format!("{} ({}) at {}", n.name, n.node_type, n.url))
            .collect();
        let mut text = format!(
            "Three nodes: {}\nModule: {} on each; state: {}\n\n",
            nodes.join(", "),
            bytes(self.module_bytes),
            self.store
        );
        text.push_str(&table(
            [
                "PHOTOGRAPH",
                "SENT",
                "VERDICT",
                "IN WORDS",
                "PHOTO NO.",
                "AFTER",
                "",
            ],
            self.runs.iter().map(|run| {
                [
                    run.photo.to_owned(),
                    bytes(run.sent_bytes),
                    run.verdict.level.to_uppercase(),
                    run.verdict.message.clone(),
                    run.verdict.count.to_string(),
                    micros(run.round_trip_us),
                    match run.ok {
                        true => "as it should be".to_owned(),
                        false => format!("WRONG: {} expected", run.expected),
                    },
                ]
            }),
        ));
        for run in &self.runs {
            text.push_str(&format!(
                "\n\n{}, run {}\n\n{}",
                run.photo,
                run.id,
                timeline::render(&run.tasks)
            ));
        }
        text.push('\n');
        for file in &self.files {
            text.push_str(&format!("\nwrote {}", file.display()));
        }
        text
    }
}
