//! The envelopes of one call into a guest.

use crate::{
    id::InvocationId,
    journal::{Arrival, Effect, Seen, Stretch},
    keys::Part,
    value::Codec,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// To whom a state variable belongs.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    Encode,
    Decode,
)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Scope {
    /// Shared by all runs of the app.
    #[default]
    #[n(0)]
    App,
    /// Belongs to one run and moves with it from node to node.
    #[n(1)]
    Chain,
    /// One bundle per value of an argument.
    #[n(2)]
    Key,
}

impl Scope {
    /// As written in `scope = …`: `app`, `chain`, `key`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Chain => "chain",
            Self::Key => "key",
        }
    }

    /// The number that crosses [`crate::names::STATE_FETCH`].
    pub const fn to_wire(self) -> i32 {
        self as i32
    }

    /// Undoes [`Scope::to_wire`].
    pub const fn from_wire(wire: i32) -> Option<Self> {
        match wire {
            0 => Some(Self::App),
            1 => Some(Self::Chain),
            2 => Some(Self::Key),
            _ => None,
        }
    }
}

/// A state variable, or a part of one, in a call's request or response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct Variable {
    /// Its scope.
    #[n(0)]
    pub scope: Scope,
    /// Its name, unique within the scope.
    #[n(1)]
    pub name: String,
    /// Which of its bundles, for [`Scope::Key`]; empty otherwise.
    #[n(2)]
    #[cbor(default)]
    pub key: String,
    /// What of a collection; `None` for the whole of a variable.
    #[n(3)]
    pub part: Option<Part>,
    /// Which entry, or which span of entries; empty otherwise.
    #[n(4)]
    #[cbor(default)]
    pub at: String,
}

impl Variable {
    /// This part of it.
    #[must_use]
    pub fn part(&self, part: Part, at: impl Into<String>) -> Self {
        Self {
            part: Some(part),
            at: at.into(),
            ..self.clone()
        }
    }
}

/// A variable with its value as stored; `None` if it was never written.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Field {
    /// Which one.
    #[n(0)]
    pub variable: Variable,
    /// Its tagged bytes ([`crate::value`]).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Option<Vec<u8>>,
}

/// What the host hands to a call entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallRequest {
    /// Who is being executed.
    #[n(0)]
    pub id: InvocationId,
    /// The arguments, in [`CallRequest::input_codec`]: the value itself for one
    /// argument, an array or an object by argument name for several.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub input: Vec<u8>,
    /// How `input` is encoded.
    #[n(2)]
    pub input_codec: Codec,
    /// How the output shall be encoded when no successor takes it.
    #[n(3)]
    pub output_codec: Codec,
    /// State known to be needed, read before the call.
    #[n(4)]
    pub fields: Vec<Field>,
    /// Scopes of which `fields` is complete: a variable that is not in it was
    /// never written, and need not be fetched.
    #[n(5)]
    pub complete: Vec<Scope>,
    /// What an execution that waited went through before, oldest first.
    #[n(6)]
    #[cbor(default)]
    pub past: Vec<Stretch>,
    /// What has arrived since the last of `past`.
    #[n(7)]
    #[cbor(default)]
    pub arrived: Vec<Arrival>,
    /// Its clock and randomness.
    #[n(8)]
    #[cbor(default)]
    pub seen: Seen,
    /// Those of its successors, by their place in `next = …`, whose input may
    /// stay in the instance as it is: another call of it will follow.
    #[n(9)]
    #[cbor(default)]
    pub keep: Vec<u32>,
    /// The input is what the call before this one kept in the instance, and
    /// `input` says nothing.
    #[n(10)]
    #[cbor(default)]
    pub kept: bool,
}

/// What a call entry returns.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallResponse {
    /// How it went; `None` if it waits ([`CallResponse::need`]).
    #[n(0)]
    pub outcome: Option<Outcome>,
    /// The variables read or written since the last wait; their versions are
    /// checked at commit.
    #[n(1)]
    pub touched: Vec<Variable>,
    /// The variables whose value changed, with their new value.
    #[n(2)]
    pub writes: Vec<Field>,
    /// The successors to start, in order.
    #[n(3)]
    pub next: Vec<Successor>,
    /// What it started since the last wait, in order.
    #[n(4)]
    #[cbor(default)]
    pub effects: Vec<Effect>,
    /// How many arrivals it takes to go on, if it waits.
    #[n(5)]
    #[cbor(default)]
    pub need: u32,
    /// Set if `next` are branches whose ends are gathered.
    #[n(6)]
    pub fan: Option<Fan>,
    /// The instance may take another call.
    #[n(7)]
    #[cbor(default)]
    pub lasts: bool,
    /// The input of its one successor was not encoded: it is in the instance,
    /// for the next call there ([`CallRequest::kept`]).
    #[n(8)]
    #[cbor(default)]
    pub kept: bool,
}

impl CallResponse {
    /// A response of this outcome, and nothing else.
    pub fn ended(outcome: Outcome) -> Self {
        Self {
            outcome: Some(outcome),
            touched: Vec::new(),
            writes: Vec::new(),
            next: Vec::new(),
            effects: Vec::new(),
            need: 0,
            fan: None,
            lasts: false,
            kept: false,
        }
    }
}

/// A fan-out: each successor is a branch, and the outputs of their last links
/// are put together in order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Fan {
    /// The function that gets them as one list, as written in `join = …`;
    /// without one the list is the output itself.
    #[n(0)]
    pub join: Option<String>,
}

/// A successor that a function starts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Successor {
    /// The function, as written in `next = …`; resolved by
    /// [`crate::Schema::resolve`].
    #[n(0)]
    pub function: String,
    /// Its input (compact); `None` means the output of this call.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub input: Option<Vec<u8>>,
}

/// How an execution ended. Only what is worth remembering: a crash of the
/// node is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// The function returned.
    #[n(0)]
    Ok {
        /// The value, in `codec`.
        #[cbor(n(0), with = "minicbor::bytes")]
        output: Vec<u8>,
        /// JSON at the end of a run, compact before a successor.
        #[n(1)]
        codec: Codec,
    },
    /// It did not.
    #[n(1)]
    Err(#[n(0)] Failure),
}

/// Why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Failure {
    /// The class.
    #[n(0)]
    pub kind: FailureKind,
    /// For people: what, where, how to mend.
    #[n(1)]
    pub message: String,
    /// The offending place, if there is one: a JSON path for input
    /// (`photo.width`), a variable's name for state.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Failure {
    /// A failure with no place.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            at: None,
        }
    }

    /// Names the offending place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.at = Some(place.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} (at `{at}`)", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The class of a failure, from which the HTTP module derives its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum FailureKind {
    /// The function returned `Err`. Its writes are kept, as those of any Rust
    /// program that returns an error are.
    #[n(0)]
    Returned,
    /// The input does not fit the arguments.
    #[n(1)]
    Input,
    /// A stored value does not fit its variable's type.
    #[n(2)]
    State,
    /// The guest trapped or panicked; nothing it wrote is kept.
    #[n(3)]
    Trap,
    /// It ran longer than its time limit.
    #[n(4)]
    Timeout,
    /// It asked for more memory than its limit.
    #[n(5)]
    Memory,
    /// Its input, output or state was larger than a limit.
    #[n(6)]
    TooLarge,
    /// No such app or function (any more).
    #[n(7)]
    NotFound,
    /// A store or another node could not be reached in time.
    #[n(8)]
    Unavailable,
    /// The state it read kept changing, past the bound on retries.
    #[n(9)]
    Conflict,
    /// The run was longer than the bound on its depth.
    #[n(10)]
    Depth,
    /// The module breaks the contract.
    #[n(11)]
    Contract,
    /// An operator cancelled it.
    #[n(12)]
    Cancelled,
    /// Executed again, it did something else than the first time.
    #[n(13)]
    Diverged,
    /// It may not do that: a server that is not on the list of allowed ones.
    #[n(14)]
    Denied,
}
