//! Options of the stores: every limit with its name and default.

use super::StoreError;
use serde::{Deserialize, Serialize};
use skylark_abi::{
    call::Outcome,
    protocol::{Begin, Commit, OutboxEntry},
};
use std::{str::FromStr, time::Duration};

/// When the embedded store waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncPolicy {
    /// A commit is acknowledged when it is on the disk: it survives the loss of
    /// power. Commits that wait together share one sync.
    #[default]
    Always,
    /// A commit is acknowledged when the operating system has it: it survives
    /// the end of this process, not that of the machine, after which the whole
    /// store may be damaged. For tests and for what can be made again.
    None,
}

impl FromStr for SyncPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "always" => Ok(Self::Always),
            "none" => Ok(Self::None),
            other => Err(format!(
                "unknown sync `{other}`; expected one of: always, none"
            )),
        }
    }
}

impl std::fmt::Display for SyncPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::None => "none",
        })
    }
}

/// How a store is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// When the embedded store waits for the disk.
    pub sync: SyncPolicy,
    /// Read the whole file of the embedded store when it is opened, to find
    /// damage before it is met.
    pub verify: bool,
    /// Bytes of memory that the embedded store keeps pages in.
    pub cache: usize,
    /// Writes that may wait for the embedded store's writer; one more waits for
    /// room, up to `timeout`.
    pub queue: usize,
    /// Bytes of one value that may be written: a variable, an outcome, a run's
    /// record, a message, a blob.
    pub max_value: usize,
    /// Bytes that one call may read.
    pub max_read: usize,
    /// How long one call may take: Redis's answer, or a place in the embedded
    /// store's queue.
    pub timeout: Duration,
    /// How long connecting to Redis may take.
    pub connect_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            sync: SyncPolicy::Always,
            verify: true,
            cache: 64 << 20,
            queue: 1024,
            max_value: 32 << 20,
            max_read: 64 << 20,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
        }
    }
}

impl StoreOptions {
    /// Whether every value that a commit writes is within `max_value`.
    pub(super) fn admit(&self, commit: &Commit) -> Result<(), StoreError> {
        for (field, value) in &commit.writes {
            let size = value.as_ref().map_or(0, Vec::len);
            self.admit_value(size, || {
                format!("state `{}` of app `{}`", field.variable(), commit.app)
            })?;
        }
        if let Some(Outcome::Ok { output, .. }) = &commit.outcome {
            self.admit_value(output.len(), || {
                format!("an output in app `{}`", commit.app)
            })?;
        }
        if let Some(run) = &commit.run {
            self.admit_value(run.record.len(), || run_text(&run.chain_id))?;
        }
        self.admit_outbox(&commit.outbox)
    }

    /// Whether every message is within `max_value`.
    pub(super) fn admit_outbox(&self, outbox: &[OutboxEntry]) -> Result<(), StoreError> {
        outbox.iter().try_for_each(|entry| {
            self.admit_value(entry.payload.len(), || {
                format!("the message `{}`", entry.id)
            })
        })
    }

    /// Whether a value of this size may be written.
    pub(super) fn admit_value(
        &self,
        size: usize,
        what: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        if size <= self.max_value {
            return Ok(());
        }
        Err(StoreError::TooLarge {
            what: what(),
            size: size as u64,
            limit: self.max_value as u64,
            option: "max-value",
        })
    }

    /// Whether this much may be read.
    pub(super) fn admit_read(
        &self,
        size: usize,
        what: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        if size <= self.max_read {
            return Ok(());
        }
        Err(self.refuse_read(size, &what()))
    }

    /// The answer to a read of more than `max_read`.
    pub(super) fn refuse_read(&self, size: usize, what: &str) -> StoreError {
        StoreError::TooLarge {
            what: what.to_owned(),
            size: size as u64,
            limit: self.max_read as u64,
            option: "max-read",
        }
    }
}

/// What a begin reads, in an error.
pub(super) fn begin_text(begin: &Begin) -> String {
    format!("what an invocation of app `{}` begins with", begin.app)
}

/// A run's record, in an error.
pub(super) fn run_text(chain_id: &str) -> String {
    format!("the record of run `{chain_id}`")
}

/// A blob, in an error.
pub(super) fn blob_text(key: &str) -> String {
    format!("the value of `{key}`")
}
