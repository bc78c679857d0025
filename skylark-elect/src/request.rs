//! What is asked.

use crate::{
    policy::Policy,
    units::{Bytes, Delay, UnixMicros},
};
use skylark_abi::schema::NodeType;

/// State that is about to move, and what is known of who needs it. Nodes are
/// named, since names outlive a change of topology.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// How to elect.
    pub policy: Policy,
    /// The node that has the state.
    pub from: &'a str,
    /// What moves: input and state.
    pub size: Bytes,
    /// Time already spent of the objective's `max_latency` (the published
    /// `time`).
    pub spent: Delay,
    /// The node that the successor is expected to run on, and to read from
    /// the elected node; `None` if it runs on the elected node itself.
    pub destination: Option<&'a str>,
    /// The type that the elected node must have.
    pub on: Option<NodeType>,
    /// The nodes that may be elected; `None` if all. Going through them takes
    /// time that grows with their number.
    pub candidates: Option<&'a [&'a str]>,
    /// Bytes that the elected node must have free.
    pub demand: Bytes,
    /// When the bytes move.
    pub at: UnixMicros,
    /// How long after that the successor is expected to run: reads are judged
    /// on the topology of that time.
    pub delay: Delay,
    /// Seed of the policy `random`: the same seed elects the same node.
    pub seed: u64,
}

impl<'a> Request<'a> {
    /// State of this size at `from`, to move at `at`; all else open.
    pub fn new(from: &'a str, size: Bytes, at: UnixMicros) -> Self {
        Self {
            policy: Policy::default(),
            from,
            size,
            spent: Delay::ZERO,
            destination: None,
            on: None,
            candidates: None,
            demand: Bytes(0),
            at,
            delay: Delay::ZERO,
            seed: 0,
        }
    }
}
