//! The published election rule, for comparison.
//!
//! Source: the Databelt system (C. Marcelino, L. Guelmino, T. Pusztai,
//! S. Nastic: *Databelt: A Continuous Data Path for Serverless Workflows in
//! the 3D Compute Continuum*, arXiv:2508.15351) and its published election
//! service. What it does, units as published:
//!
//! 1. Nothing moves if the time already spent exceeds `max_latency` (ms).
//! 2. The path of least latency from the local node to the destination is
//!    searched; bandwidths play no part in it.
//! 3. The path is walked from the destination back. For a node at latency `l`
//!    the migration time is `l + S / (100 · B) + l` in whole milliseconds,
//!    divisions rounded down, with `S` in bytes and `B` the mean bandwidth
//!    between satellites in Mbit/s (a deployment constant, 80). The first
//!    node for which time spent + migration time ≤ `max_latency` is elected.
//! 4. If none is, the local node keeps the state.
//!
//! So latency counts twice, `S / (100 · B)` is 1.25 times the time that `S`
//! bytes take at `B`, links' own bandwidths and `min_bandwidth` are not looked
//! at, and the topology is that of the present. All this is kept.
//!
//! Where this differs or is unsure: links with fractional milliseconds are
//! rounded (the published system has none); of several paths of the same
//! latency another may be taken (the published order depends on node names);
//! nodes that a function's `on` or the set of candidates exclude are passed
//! over (the published system has neither); without a destination the first
//! eligible cloud node stands for it, as remote storage does there. The paper
//! also names capacity and temperature as constraints; the published service
//! does not look at them, and neither does this.
//!
//! [`literal`] holds the same rule on the published data structures, to be
//! measured beside this crate's own.

use crate::{
    topology::NodeId,
    units::{Bandwidth, Bytes, Delay},
};

/// What the rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) size: Bytes,
    pub(crate) spent: Delay,
    pub(crate) max_latency: Option<Delay>,
    pub(crate) mean_bandwidth: Bandwidth,
}

impl Rule {
    /// Steps 1 and 3: the first of `steps` (node, latency from the local one)
    /// that fits, with its migration time.
    pub(crate) fn elect(
        &self,
        steps: impl Iterator<Item = (NodeId, Delay)>,
    ) -> Option<(NodeId, Delay)> {
        let bandwidth = self.mean_bandwidth.mbps().round() as u64;
        let fits = |time: u64| {
            self.max_latency
                .is_none_or(|max| whole_ms(self.spent).saturating_add(time) <= whole_ms(max))
        };
        if !fits(0) {
            return None;
        }
        steps
            .map(|(node, latency)| {
                (
                    node,
                    migration_ms(self.size.get(), bandwidth, whole_ms(latency)),
                )
            })
            .find(|(_, time)| fits(*time))
            .map(|(node, time)| (node, Delay::from_micros(time.saturating_mul(1_000))))
    }
}

/// The published migration time, in milliseconds: bytes, Mbit/s, milliseconds.
fn migration_ms(size: u64, bandwidth: u64, latency: u64) -> u64 {
    latency + size / (100 * bandwidth.max(1)) + latency
}

fn whole_ms(delay: Delay) -> u64 {
    (delay.micros() + 500) / 1_000
}

/// The rule as published: a map of names, a search by names.
pub mod literal {
    use super::migration_ms;
    use std::collections::{BinaryHeap, HashMap};

    /// Node name → neighbours with their latencies in milliseconds.
    pub type Graph = HashMap<String, Vec<(String, i64)>>;

    /// What is asked: bytes, Mbit/s and milliseconds.
    #[derive(Debug, Clone, Copy)]
    pub struct Ask {
        /// Bytes of state.
        pub size: u64,
        /// Milliseconds already spent.
        pub spent: u64,
        /// Milliseconds allowed.
        pub max_latency: u64,
        /// Mean bandwidth between satellites, Mbit/s.
        pub mean_bandwidth: u64,
    }

    /// The elected node; `None` where the local node keeps the state.
    pub fn elect(graph: &Graph, from: &str, destination: &str, ask: &Ask) -> Option<String> {
        if ask.spent > ask.max_latency {
            return None;
        }
        reverse_path(graph, from, destination)
            .into_iter()
            .find(|(latency, _)| {
                let time = migration_ms(ask.size, ask.mean_bandwidth, *latency as u64);
                ask.spent + time <= ask.max_latency
            })
            .map(|(_, node)| node)
    }

    /// The path of least latency, from the destination back, with the latency
    /// to each node. Names are copied wherever the published search does.
    fn reverse_path(graph: &Graph, from: &str, destination: &str) -> Vec<(i64, String)> {
        let mut latencies = HashMap::from([(from.to_owned(), 0i64)]);
        let mut before: HashMap<String, String> = HashMap::new();
        let mut queue = BinaryHeap::from([(0i64, from.to_owned())]);
        while let Some((negated, node)) = queue.pop() {
            if node == destination {
                break;
            }
            for (neighbour, latency) in graph.get(&node).into_iter().flatten() {
                let reached = latency - negated;
                if reached < latencies.get(neighbour).copied().unwrap_or(i64::MAX) {
                    latencies.insert(neighbour.clone(), reached);
                    before.insert(neighbour.clone(), node.clone());
                    queue.push((-reached, neighbour.clone()));
                }
            }
        }
        let mut path = Vec::new();
        let mut at = destination;
        while let Some(previous) = before.get(at) {
            path.push((latencies[at], at.to_owned()));
            at = previous;
        }
        path.push((0, from.to_owned()));
        path
    }
}
