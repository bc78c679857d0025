//! What an invocation that waits leaves behind, so that it can go on in a new
//! instance: it is executed again from its beginning, and sees again what it
//! saw (as Durable Functions and Restate do; here state is read anew after
//! each wait, as a program sees it that let go of its locks meanwhile).
//!
//! An execution is cut by its waits into *stretches*. Each stretch ends with one
//! commit: what it wrote, what it started, and its own record, together.

use crate::{
    call::{Field, Outcome},
    id::InvocationId,
    run::Invocation,
    value::Codec,
};
use minicbor::{Decode, Encode};

/// What takes the place of the machine's clock and randomness inside a guest.
/// It travels with the invocation, so that every execution of it sees the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Seen {
    /// The time at which it begins: microseconds since the Unix epoch.
    #[n(0)]
    pub unix_us: u64,
    /// What its random numbers grow from: 128 random bits.
    #[n(1)]
    pub seed: (u64, u64),
}

impl Seen {
    /// What the invocation started at `position` sees, if it begins at `unix_us`.
    #[must_use]
    pub const fn child(self, position: u32, unix_us: u64) -> Self {
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): children of one
        // seed do not share their numbers.
        let (first, second) = self.seed;
        let mut z = first.wrapping_add((position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self {
            unix_us,
            seed: (z ^ (z >> 31), second),
        }
    }
}

/// Something that a function has started and may wait for. Its position among
/// all that the invocation starts is its name: a new execution reaches the
/// same position with the same action, or has diverged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Effect {
    /// What it is.
    #[n(0)]
    pub action: Action,
    /// It begins this much later, in milliseconds.
    #[n(1)]
    pub after_ms: u64,
}

/// What a function can start.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Action {
    /// Call a function of the app.
    #[n(0)]
    Call {
        /// The function, as `std::any::type_name` or a path writes it; resolved
        /// by [`crate::Schema::resolve`].
        #[n(0)]
        function: String,
        /// Its arguments (compact).
        #[cbor(n(1), with = "minicbor::bytes")]
        input: Vec<u8>,
        /// Whether its outcome is to arrive; if not, nobody waits for it.
        #[n(2)]
        answer: bool,
    },
    /// Nothing but the time that passes.
    #[n(1)]
    Sleep,
    /// Wait for an event from outside.
    #[n(2)]
    Promise {
        /// Its name, unique in the run.
        #[n(0)]
        name: String,
    },
    /// Ask a server that is no Skylark function; at least once.
    #[n(3)]
    Http(#[n(0)] HttpRequest),
    /// A value that another execution might compute otherwise.
    #[n(4)]
    Record {
        /// The value.
        #[cbor(n(0), with = "minicbor::bytes")]
        value: Vec<u8>,
    },
}

/// A request to a server outside. The node adds the header `Idempotency-Key`
/// with the effect's id, the same at each attempt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    #[n(0)]
    pub method: String,
    /// Where to: `https://host[:port]/path`.
    #[n(1)]
    pub url: String,
    /// Header names and values.
    #[n(2)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

impl Effect {
    /// What a new execution is held against.
    pub fn trace(&self) -> Trace {
        let (what, of): (String, &[u8]) = match &self.action {
            Action::Call {
                function, input, ..
            } => (format!("a call of `{function}`"), input),
            Action::Sleep => ("a delay".into(), &[]),
            Action::Promise { name } => (format!("the promise `{name}`"), &[]),
            Action::Http(request) => (
                format!("`{} {}`", request.method, request.url),
                &request.body,
            ),
            Action::Record { value } => {
                return Trace {
                    what: "a recorded value".into(),
                    hash: 0,
                    recorded: Some(value.clone()),
                };
            }
        };
        let delay = self.after_ms.to_le_bytes();
        Trace {
            what,
            hash: crate::value::fingerprint_bytes(of) ^ crate::value::fingerprint_bytes(&delay),
            recorded: None,
        }
    }
}

/// What is remembered of an [`Effect`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Trace {
    /// In words, for the report of a divergence.
    #[n(0)]
    pub what: String,
    /// Of its arguments.
    #[n(1)]
    pub hash: u64,
    /// The value of an [`Action::Record`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub recorded: Option<Vec<u8>>,
}

/// Something waited for has come.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Arrival {
    /// The effect that it belongs to.
    #[n(0)]
    pub position: u32,
    /// The call's outcome; `Ok` with nothing for a delay.
    #[n(1)]
    pub outcome: Outcome,
    /// When it was made, by the clock of the node that made it: microseconds
    /// since the Unix epoch. The waiting function's clock goes on from there.
    #[n(2)]
    pub unix_us: u64,
}

/// One stretch of an execution, as it went the first time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Stretch {
    /// What had arrived when it began; nothing for the first.
    #[n(0)]
    pub arrived: Vec<Arrival>,
    /// The shared state that it read, as it was then.
    #[n(1)]
    pub reads: Vec<Field>,
    /// What it started.
    #[n(2)]
    pub effects: Vec<Trace>,
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReplyTo {
    /// The invocation that waits.
    #[n(0)]
    pub to: InvocationId,
    /// Its function.
    #[n(1)]
    pub function: String,
    /// The effect that is answered.
    #[n(2)]
    pub position: u32,
    /// The node whose store holds it.
    #[n(3)]
    pub node: String,
    /// How it wants the output.
    #[n(4)]
    pub codec: Codec,
}

/// An invocation that waits, as its node's store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Suspension {
    /// What was to be executed.
    #[n(0)]
    pub invocation: Invocation,
    /// What goes on when enough has arrived.
    #[n(1)]
    pub then: Then,
    /// Arrivals of which no stretch knows yet.
    #[n(2)]
    pub arrived: Vec<Arrival>,
    /// How many of them it takes to go on.
    #[n(3)]
    pub need: u32,
    /// Positions that an arrival may still come for.
    #[n(4)]
    pub open: Vec<u32>,
    /// How many positions it has used.
    #[n(5)]
    pub positions: u32,
}

impl Suspension {
    /// Takes an arrival; tells whether it is new.
    pub fn take(&mut self, arrival: Arrival) -> bool {
        let Some(index) = self.open.iter().position(|p| *p == arrival.position) else {
            return false;
        };
        self.open.swap_remove(index);
        self.arrived.push(arrival);
        true
    }

    /// Whether it can go on.
    pub fn is_ready(&self) -> bool {
        self.arrived.len() >= self.need as usize
    }
}

/// How a suspended invocation goes on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Then {
    /// The guest is executed again.
    #[n(0)]
    Execute {
        /// What it went through so far.
        #[n(0)]
        past: Vec<Stretch>,
    },
    /// All branches of a fan-out have ended: their outputs, in order, go to a
    /// function, or are the result.
    #[n(1)]
    Gather {
        /// The function, as its `join = …` writes it.
        #[n(0)]
        join: Option<String>,
    },
}
