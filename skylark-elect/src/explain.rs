//! An election in words, and what else was considered.

use crate::{
    decide::Why,
    election::Election,
    policy::Policy,
    resolve::{Judged, Resolved},
    topology::NodeId,
    units::{Bytes, Delay},
};
use serde::Serialize;
use std::fmt::Write as _;

/// How many alternatives [`Election::report`] lists.
pub const ALTERNATIVES: usize = 8;

/// An election as it is told to people and programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The policy that decided.
    pub policy: Policy,
    /// The elected node.
    pub node: String,
    /// In words: `nearest feasible edge node: 10 ms + 4.2 ms for 47 kB over 90 Mbit/s`.
    pub reason: String,
    /// Whether the objectives are met.
    pub met: bool,
    /// Bytes that move.
    pub bytes: Bytes,
    /// Expected cost of the move in milliseconds; absent without a path.
    #[serde(rename = "cost_ms", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Delay>,
    /// Expected cost of the successor's read in milliseconds; absent without a
    /// path.
    #[serde(rename = "read_ms", skip_serializing_if = "Option::is_none")]
    pub read: Option<Delay>,
    /// The nodes passed, both ends included.
    pub path: Vec<String>,
    /// The best other eligible nodes.
    pub alternatives: Vec<Alternative>,
}

/// A node that was not elected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// The node.
    pub node: String,
    /// Whether it is feasible.
    pub feasible: bool,
    /// Cost of the move there, or why it is not feasible.
    pub reason: String,
    /// Cost of the move in milliseconds; absent without a path.
    #[serde(rename = "cost_ms", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Delay>,
    /// Cost of the successor's read in milliseconds; absent without a path.
    #[serde(rename = "read_ms", skip_serializing_if = "Option::is_none")]
    pub read: Option<Delay>,
}

impl Election {
    /// Why this node, in words.
    pub fn reason(&self) -> String {
        let request = &self.request;
        let kind = request.on.map_or_else(String::new, |on| format!("{on} "));
        let moved = request.describe_move(&self.decision.judged);
        let misses = request.misses(&self.decision.judged);
        match self.decision.why {
            Why::Feasible => self.describe_feasible(&kind, &moved),
            Why::Stays => {
                let allowed = request.describe_objectives();
                format!("stays: no {kind}node is feasible within {allowed}")
            }
            Why::Cheapest if misses.is_empty() => format!("cheapest {kind}node: {moved}"),
            Why::Cheapest => format!("objective missed ({misses}); cheapest {kind}node: {moved}"),
            Why::Published(reckoned) => {
                format!(
                    "published rule: last node on the shortest path within the objective, reckoned {reckoned}; {moved}"
                )
            }
            Why::Random(of) => format!("one of {of} eligible {kind}nodes at random: {moved}"),
            Why::Destination => format!("the destination: {moved}"),
            Why::DefaultDestination => format!(
                "no eligible destination was named; the first eligible {}node: {moved}",
                match self.node().node_type {
                    skylark_abi::schema::NodeType::Cloud => "cloud ",
                    _ => kind.as_str(),
                }
            ),
        }
    }

    fn describe_feasible(&self, kind: &str, moved: &str) -> String {
        match self.request.destination {
            None if self.decision.node == self.request.from => {
                "already here, and the successor may run here: nothing to move".into()
            }
            None => format!("nearest feasible {kind}node: {moved}"),
            Some(id) if id == self.decision.node => format!("the successor's node: {moved}"),
            Some(id) => {
                let name = &self.request.node(id).name;
                match self.decision.judged.read {
                    Some(read) => format!(
                        "feasible {kind}node from which {name} reads soonest, in {read}: {moved}"
                    ),
                    None => format!(
                        "{name} cannot be reached when the successor runs; nearest feasible {kind}node: {moved}"
                    ),
                }
            }
        }
    }

    /// The other eligible nodes, best first, at most `limit`: feasible ones
    /// by the successor's read and the move, then the others by their move.
    pub fn alternatives(&self, limit: usize) -> Vec<Alternative> {
        let request = &self.request;
        let plan = request.plan();
        let mut others: Vec<(NodeId, Judged)> = request
            .eligible()
            .filter(|id| *id != self.decision.node)
            .map(|id| (id, request.judge(&plan, id)))
            .collect();
        let rank = |(id, judged): &(NodeId, Judged)| {
            let read = judged
                .feasible()
                .then_some(judged.read.unwrap_or(Delay::from_micros(u64::MAX)));
            (
                read.is_none(),
                read,
                judged.cost.is_none(),
                judged.cost,
                *id,
            )
        };
        if others.len() > limit {
            others.select_nth_unstable_by_key(limit, rank);
            others.truncate(limit);
        }
        others.sort_unstable_by_key(rank);
        others
            .into_iter()
            .map(|(id, judged)| {
                let misses = request.misses(&judged);
                Alternative {
                    node: request.node(id).name.clone(),
                    feasible: judged.feasible(),
                    reason: if misses.is_empty() {
                        request.describe_move(&judged)
                    } else {
                        misses
                    },
                    cost: judged.cost,
                    read: judged.read,
                }
            })
            .collect()
    }

    /// All of it, with up to [`ALTERNATIVES`] alternatives.
    pub fn report(&self) -> Report {
        Report {
            policy: self.policy(),
            node: self.node().name.clone(),
            reason: self.reason(),
            met: self.met(),
            bytes: self.bytes(),
            cost: self.cost(),
            read: self.read(),
            path: self.path().into_iter().map(|n| n.name.clone()).collect(),
            alternatives: self.alternatives(ALTERNATIVES),
        }
    }
}

impl Resolved {
    /// `10 ms + 4.2 ms for 47 kB over 90 Mbit/s`.
    fn describe_move(&self, judged: &Judged) -> String {
        let size = self.ask.size;
        match judged.way {
            None => "no path leads there at this time".into(),
            Some(way) => match way.bandwidth {
                None => "nothing to move".into(),
                Some(bandwidth) => format!(
                    "{} + {} for {size} over {bandwidth}",
                    way.latency,
                    way.transfer(size)
                ),
            },
        }
    }

    /// What is missed, in words; empty if nothing is.
    fn misses(&self, judged: &Judged) -> String {
        let objectives = self.snapshot.objectives;
        let mut text = String::new();
        let mut miss = |what: std::fmt::Arguments<'_>| {
            if !text.is_empty() {
                text.push_str(", ");
            }
            // Writing to a string cannot fail.
            let _ = text.write_fmt(what);
        };
        if judged.way.is_none() {
            miss(format_args!("no path leads there at this time"));
        }
        if let (true, Some(cost), Some(max)) =
            (judged.too_slow, judged.cost, objectives.max_latency)
        {
            match self.spent {
                Delay::ZERO => miss(format_args!("{cost} where {max} are allowed")),
                spent => miss(format_args!("{cost} after {spent} where {max} are allowed")),
            }
        }
        let bandwidth = judged.way.and_then(|way| way.bandwidth);
        if let (true, Some(has), Some(least)) =
            (judged.too_narrow, bandwidth, objectives.min_bandwidth)
        {
            miss(format_args!("{has} where {least} are asked"));
        }
        if judged.too_full {
            miss(format_args!("less than {} free", self.demand));
        }
        if let (true, Some(limit)) = (judged.too_hot, objectives.max_temperature) {
            miss(format_args!("hotter than {limit} °C"));
        }
        text
    }

    fn describe_objectives(&self) -> String {
        let objectives = self.snapshot.objectives;
        let mut parts = Vec::new();
        if let Some(max) = objectives.max_latency {
            parts.push(match self.spent {
                Delay::ZERO => format!("{max}"),
                spent => format!("{max} ({spent} spent)"),
            });
        }
        if let Some(least) = objectives.min_bandwidth {
            parts.push(format!("{least}"));
        }
        if let Some(limit) = objectives.max_temperature {
            parts.push(format!("{limit} °C"));
        }
        if self.demand > Bytes(0) {
            parts.push(format!("{} free", self.demand));
        }
        parts.join(", ")
    }
}
