//! Who is who: runs and their tasks.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Names one execution in one run of a chain. Two attempts at the same
/// execution carry the same id: it is what exactly-once is keyed by.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
pub struct InvocationId {
    /// The run.
    #[n(0)]
    pub chain_id: String,
    /// The execution within the run: `0`, `0.0`, `0.0.1`, … by position.
    #[n(1)]
    pub task_id: String,
}

impl InvocationId {
    /// The first task of a run.
    pub fn root(chain_id: impl Into<String>) -> Self {
        Self {
            chain_id: chain_id.into(),
            task_id: "0".into(),
        }
    }

    /// Whether it is the first task of its run.
    pub fn is_first(&self) -> bool {
        self.task_id == "0"
    }

    /// What the `position`-th effect of this task starts. A re-execution
    /// reaches the same position and so the same id.
    pub fn child(&self, position: u32) -> Self {
        Self {
            chain_id: self.chain_id.clone(),
            task_id: format!("{}.{position}", self.task_id),
        }
    }

    /// The same task, executed once more after it failed for good.
    #[must_use]
    pub fn again(&self) -> Self {
        let (task, times) = match self.task_id.rsplit_once('~') {
            Some((task, times)) => (task, times.parse().unwrap_or(0_u32)),
            None => (self.task_id.as_str(), 0),
        };
        Self {
            chain_id: self.chain_id.clone(),
            task_id: format!("{task}~{}", times + 1),
        }
    }

    /// How many tasks precede this one on its path.
    pub fn depth(&self) -> usize {
        self.task_id.bytes().filter(|b| *b == b'.').count()
    }
}

impl std::fmt::Display for InvocationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.chain_id, self.task_id)
    }
}
