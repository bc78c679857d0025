//! What can be wrong with a topology or a request, and how to mend it.

use crate::{
    topology::MAX_LINK_LATENCY,
    units::{Delay, UnitError},
};
use skylark_abi::schema::NodeType;

/// A topology, schedule or objectives file that is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// Not JSON, or not of the shape: where, and what was expected.
    #[error("{at}: {why}")]
    Shape {
        /// The place: `edges[3].bandwidth`, or `the file`.
        at: String,
        /// What is wrong there, with line and column.
        why: String,
    },
    /// No nodes.
    #[error(
        "the topology is empty: it names no node. Give at least one in `nodes`, or one edge between node objects"
    )]
    Empty,
    /// Above one of the limits.
    #[error("{count} {what} are more than the limit of {limit}; raise `Limits::{what}` to read it")]
    TooMany {
        /// The limit: a field of [`Limits`](crate::Limits).
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are read.
        limit: usize,
    },
    /// Two nodes of one name.
    #[error("two nodes are named `{name}`; node names must be unique")]
    DuplicateNode {
        /// The name.
        name: String,
    },
    /// Edges that describe the same node differently.
    #[error(
        "{edge} describes node `{name}` differently from an edge before it; its node_ip, node_type, capacity and temperature must be the same everywhere"
    )]
    ConflictingNode {
        /// The edge.
        edge: String,
        /// The node.
        name: String,
    },
    /// An edge that names no node.
    #[error("{edge} names an unknown node `{name}` as its {end}{}", did_you_mean(.nearest))]
    UnknownNode {
        /// The edge: `edges[3]`, `frame 2, edge 3`, `the links of Node7`.
        edge: String,
        /// `source` or `target`.
        end: &'static str,
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// An edge from a node to itself.
    #[error(
        "edge {edge} leads from `{name}` to itself; remove it (a node needs no link to itself)"
    )]
    SelfLoop {
        /// Its index, from 0.
        edge: usize,
        /// The node.
        name: String,
    },
    /// A latency that is too long.
    #[error(
        "edge {edge} has a latency of {latency}; at most {MAX_LINK_LATENCY} is allowed (latencies are in milliseconds)"
    )]
    Latency {
        /// Its index, from 0.
        edge: usize,
        /// The latency.
        latency: Delay,
    },
    /// A node without a name.
    #[error("node {index} has an empty node_name; give it a unique one")]
    NamelessNode {
        /// Its index, from 0.
        index: usize,
    },
    /// A temperature that is no number.
    #[error("the temperature of node `{node}` is not a finite number of °C")]
    Temperature {
        /// The node.
        node: String,
    },
    /// A bandwidth or delay that is none.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl TopologyError {
    pub(crate) fn too_many(what: &'static str, count: usize, limit: usize) -> Self {
        Self::TooMany { what, count, limit }
    }
}

/// A request that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElectError {
    /// A node that the topology does not have.
    #[error("no node `{name}` in the topology{}", did_you_mean(.nearest))]
    UnknownNode {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// No node may take it at all.
    #[error("no node may be elected: {}", none_eligible(.on, .candidates))]
    NoneEligible {
        /// The type that was asked for.
        on: Option<NodeType>,
        /// How many candidates were named.
        candidates: Option<usize>,
    },
    /// A frame that the schedule does not have.
    #[error("no frame {t} in the schedule; frames are 0 to {last}")]
    UnknownFrame {
        /// The index asked for.
        t: usize,
        /// The last one there is.
        last: usize,
    },
    /// A policy that does not exist.
    #[error("unknown policy `{name}`; expected one of: skylark, databelt, random, stateless{}", did_you_mean(.nearest))]
    UnknownPolicy {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
}

fn none_eligible(on: &Option<NodeType>, candidates: &Option<usize>) -> String {
    match (on, candidates) {
        (Some(on), Some(n)) => format!("none of the {n} candidates is of type {on}"),
        (Some(on), None) => {
            format!("the topology has no node of type {on}; add one, or change the function's `on`")
        }
        (None, _) => "the set of candidates is empty".into(),
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |n| format!("; did you mean `{n}`?"))
}

/// The closest of `names`, if any is close.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|n| {
            (
                strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &n.to_lowercase()),
                n,
            )
        })
        .filter(|(score, _)| *score >= 0.5)
        // The first of the best: `max_by` would give the last.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, n)| n.to_owned())
}
