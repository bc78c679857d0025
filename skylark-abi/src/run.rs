//! What travels between nodes and what is remembered of a run.

use crate::{
    call::{Failure, Field, Outcome},
    id::InvocationId,
    journal::{Arrival, HttpRequest, ReplyTo, Seen},
    protocol::Versioned,
    value::Codec,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// One execution to be done: what a node sends to the node it elected.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invocation {
    /// The app.
    #[n(0)]
    pub app: String,
    /// The function, resolved.
    #[n(1)]
    pub function: String,
    /// Who is being executed.
    #[n(2)]
    pub id: InvocationId,
    /// The arguments.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub input: Vec<u8>,
    /// How `input` is encoded.
    #[n(4)]
    pub input_codec: Codec,
    /// The run's chain-scoped state, which moves with it.
    #[n(5)]
    pub chain_state: Vec<Field>,
    /// The node that the run's result goes to, by name.
    #[n(6)]
    pub origin: String,
    /// Whether the run's result is kept durably (asynchronous and keyed runs).
    #[n(7)]
    pub durable: bool,
    /// Election policy for the rest of the run; the node's own if `None`.
    #[n(8)]
    pub policy: Option<String>,
    /// How this invocation came to where it is.
    #[n(9)]
    pub placed: Option<Placement>,
    /// The tasks before it on its path.
    #[n(10)]
    pub tasks: Vec<TaskReport>,
    /// Who waits for the end of this branch; the run's origin if nobody does.
    #[n(11)]
    pub reply: Option<ReplyTo>,
    /// Its clock and randomness.
    #[n(12)]
    #[cbor(default)]
    pub seen: Seen,
    /// How often it was executed before and failed, by its function's `retries`.
    #[n(13)]
    #[cbor(default)]
    pub attempt: u32,
}

/// Why an invocation is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Placement {
    /// The policy that decided.
    #[n(0)]
    pub policy: String,
    /// The elected node.
    #[n(1)]
    pub node: String,
    /// In words: `nearest feasible edge node: 10 ms + 4.2 ms for 47 kB over 90 Mbit/s`.
    #[n(2)]
    pub reason: String,
    /// Expected cost of the move, in microseconds; 0 also if nobody knows,
    /// which `reason` then says.
    #[n(3)]
    pub expected_us: u64,
    /// Bytes moved: input and chain state.
    #[n(4)]
    pub bytes: u64,
}

/// What happened in one task; times in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct TaskReport {
    /// The task within the run.
    #[n(0)]
    pub task_id: String,
    /// The function.
    #[n(1)]
    pub function: String,
    /// The node that ran it.
    #[n(2)]
    pub node: String,
    /// When it arrived there: microseconds since the Unix epoch, by that
    /// node's clock.
    #[n(3)]
    pub arrived_unix_us: u64,
    /// Waiting for an instance, and reading state before the call.
    #[n(4)]
    pub begin_us: u64,
    /// Running the guest.
    #[n(5)]
    pub run_us: u64,
    /// Committing.
    #[n(6)]
    pub commit_us: u64,
    /// Bytes of input.
    #[n(7)]
    pub input_bytes: u64,
    /// Bytes of output.
    #[n(8)]
    pub output_bytes: u64,
    /// Bytes of state written.
    #[n(9)]
    pub state_bytes: u64,
    /// Store round trips.
    #[n(10)]
    pub round_trips: u32,
    /// Executions that were discarded for a version conflict before this one.
    #[n(11)]
    pub conflicts: u32,
    /// Why it ran on that node.
    #[n(12)]
    pub placed: Option<Placement>,
    /// It was fused with the task before it: executed in the same instance, and
    /// committed with it.
    #[n(13)]
    #[cbor(default)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fused: bool,
}

/// The end of a run, on its way to the run's origin.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Completion {
    /// The app.
    #[n(0)]
    pub app: String,
    /// The run.
    #[n(1)]
    pub chain_id: String,
    /// How it ended.
    #[n(2)]
    pub outcome: Outcome,
    /// All its tasks.
    #[n(3)]
    pub tasks: Vec<TaskReport>,
    /// The node to tell.
    #[n(4)]
    pub origin: String,
    /// Whether to keep it durably.
    #[n(5)]
    pub durable: bool,
    /// What failed, for the run's record; only of a run that is kept.
    #[n(6)]
    #[cbor(default)]
    pub failed: Option<Box<Invocation>>,
}

/// What an outbox holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    /// Start this, on the node that `placed` names.
    #[n(0)]
    Invoke(#[n(0)] Box<Invocation>),
    /// Tell the origin how the run ended.
    #[n(1)]
    Complete(#[n(0)] Box<Completion>),
    /// Tell an invocation that waits.
    #[n(2)]
    Answer(#[n(0)] Box<Answer>),
    /// Answer once the promise of that id is completed.
    #[n(3)]
    Await(#[n(0)] Box<Waiting>),
    /// Ask a server outside, and answer with what it says.
    #[n(4)]
    Http(#[n(0)] Box<Errand>),
}

/// A message on its way to another node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Delivery {
    /// The message.
    #[n(0)]
    pub message: Message,
    /// Set if both nodes are known to share the store.
    #[n(1)]
    pub shared: Option<Shared>,
}

/// What goes along with a message to a node that shares the sender's store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Shared {
    /// The message's outbox entry: the commit that carries it out removes it.
    #[n(0)]
    pub entry: String,
    /// The commit that sent it was also its begin.
    #[n(1)]
    pub lease: Option<Lease>,
}

/// What a begin gave.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lease {
    /// The lease's number.
    #[n(0)]
    pub epoch: u64,
    /// What was read.
    #[n(1)]
    pub fields: Vec<Versioned>,
}

/// The answer to a [`Delivery`], once its effects are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Delivered {
    /// The message is out of the outbox.
    #[n(0)]
    pub acknowledged: bool,
    /// Variables of the app that the function is known to touch.
    #[n(1)]
    pub touched: Vec<String>,
    /// The same of those that belong to a key.
    #[n(2)]
    pub keyed: Vec<String>,
}

/// What an invocation waited for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
    /// The app.
    #[n(0)]
    pub app: String,
    /// Who waits.
    #[n(1)]
    pub reply: ReplyTo,
    /// What it waits for.
    #[n(2)]
    pub arrival: Arrival,
    /// What was executed for it.
    #[n(3)]
    pub tasks: Vec<TaskReport>,
}

impl Answer {
    /// The answer to whoever waits at `reply`, made at `unix_us`.
    pub fn new(app: impl Into<String>, reply: ReplyTo, outcome: Outcome, unix_us: u64) -> Self {
        Self {
            app: app.into(),
            arrival: Arrival {
                position: reply.position,
                outcome,
                unix_us,
            },
            reply,
            tasks: Vec::new(),
        }
    }
}

/// Somebody who waits for a promise.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Waiting {
    /// The app.
    #[n(0)]
    pub app: String,
    /// The promise ([`crate::keys::promise_id`]).
    #[n(1)]
    pub promise: String,
    /// Who.
    #[n(2)]
    pub reply: ReplyTo,
}

/// A request to a server outside, on behalf of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Errand {
    /// The app.
    #[n(0)]
    pub app: String,
    /// What to ask.
    #[n(1)]
    pub request: HttpRequest,
    /// Who waits.
    #[n(2)]
    pub reply: ReplyTo,
}

/// What is remembered of a run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RunRecord {
    /// The app.
    #[n(0)]
    pub app: String,
    /// The function that the run began with.
    #[n(1)]
    pub function: String,
    /// How it stands.
    #[n(2)]
    pub status: RunStatus,
    /// Its tasks so far.
    #[n(3)]
    pub tasks: Vec<TaskReport>,
    /// When it was accepted: microseconds since the Unix epoch.
    #[n(4)]
    pub accepted_unix_us: u64,
    /// FNV-1a of the caller's input, to refuse a repeated key with another body.
    #[n(5)]
    pub input_hash: u64,
    /// What failed, to be tried again on request; only of a failed run.
    #[n(6)]
    pub failed: Option<Box<Invocation>>,
}

impl RunRecord {
    /// How the run ended; `None` if it has not.
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.status {
            RunStatus::Running => None,
            RunStatus::Succeeded(output) => Some(Outcome::Ok {
                output: output.clone(),
                codec: Codec::Json,
            }),
            RunStatus::Failed(failure) => Some(Outcome::Err(failure.clone())),
        }
    }
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RunStatus {
    /// Accepted, and not ended.
    #[n(0)]
    Running,
    /// Ended with this JSON value.
    #[n(1)]
    Succeeded(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Ended with this error.
    #[n(2)]
    Failed(#[n(0)] Failure),
}
