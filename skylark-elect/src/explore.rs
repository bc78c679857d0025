//! Searches that go only as far as the answer lies: over the nodes within the
//! objective, or nearer than the best one found.

use crate::{
    fronts::{NO_LINKS, Search},
    graph::Graph,
    units::{Bandwidth, Bytes},
};

/// What a search is bounded by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// What moves.
    pub(crate) size: Bytes,
    /// The narrowest link to be used.
    pub(crate) least: Option<Bandwidth>,
    /// The dearest path of interest, in microseconds; `None`: not even one
    /// that costs nothing.
    pub(crate) most: Option<u64>,
}

impl Bounds {
    /// Every path.
    pub(crate) fn any(size: Bytes) -> Self {
        Self {
            size,
            least: None,
            most: Some(u64::MAX),
        }
    }
}

/// A node at the end of a path, and the path's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) node: u32,
    /// In microseconds.
    pub(crate) cost: u64,
    /// Sum of latencies, in microseconds.
    pub(crate) latency: u64,
    /// The narrowest link.
    pub(crate) class: u32,
}

impl Reached {
    /// The node itself, by no links.
    pub(crate) fn source(node: u32) -> Self {
        Self {
            node,
            cost: 0,
            latency: 0,
            class: NO_LINKS,
        }
    }
}

/// Shows `visit` every path worth taking from `source` within the bounds; for
/// one node there may be several. Where `visit` says true, nothing dearer is
/// of interest any more.
pub(crate) fn explore(
    graph: &Graph,
    source: u32,
    bounds: Bounds,
    mut visit: impl FnMut(Reached) -> bool,
) {
    let Some(mut most) = bounds.most else {
        return;
    };
    if visit(Reached::source(source)) {
        most = 0;
    }
    let unit = graph.unit();
    let mut search = Search::new(graph, source);
    for (class, bandwidth) in (0..).zip(graph.classes()) {
        if bounds.least.is_some_and(|least| *bandwidth < least) {
            break;
        }
        // Narrower links only take longer.
        let transfer = bandwidth.transfer(bounds.size).micros();
        let Some(latency) = most.checked_sub(transfer) else {
            break;
        };
        search.add(class, latency / unit, |node, distance, cap| {
            let latency = distance * unit;
            let cost = latency + transfer;
            if visit(Reached {
                node,
                cost,
                latency,
                class,
            }) {
                most = most.min(cost);
                *cap = distance.min(*cap);
            }
        });
    }
}

/// The best of the nodes that `goal` has a number for: the cheapest to reach,
/// among those the one of the smallest number, then the first.
pub(crate) fn nearest(
    graph: &Graph,
    source: u32,
    bounds: Bounds,
    goal: impl Fn(u32) -> Option<u64>,
) -> Option<Reached> {
    let mut best: Option<(u64, u64, u32, Reached)> = None;
    explore(graph, source, bounds, |reached| match goal(reached.node) {
        Some(number) => {
            let rank = (reached.cost, number, reached.node);
            if best.is_none_or(|(cost, n, node, _)| rank < (cost, n, node)) {
                best = Some((rank.0, rank.1, rank.2, reached));
            }
            true
        }
        None => false,
    });
    best.map(|(.., reached)| reached)
}

/// The nodes of the path that was found, each with the latency to it in
/// microseconds.
pub(crate) fn path(graph: &Graph, source: u32, reached: Reached) -> Vec<(u32, u64)> {
    let mut search = Search::new(graph, source);
    if reached.class != NO_LINKS {
        for class in 0..=reached.class {
            search.add(class, reached.latency / graph.unit(), |_, _, _| ());
        }
    }
    search.path(reached.node)
}
