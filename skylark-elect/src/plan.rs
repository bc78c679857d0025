//! What an election reads: the ways to every node, and from every node to the
//! successor's.

use crate::{
    fronts::{Fronts, NO_LINKS},
    table::Table,
    topology::{NodeId, Topology},
    units::{Bandwidth, Bytes, Delay},
};
use std::sync::Arc;

/// A path as its cost sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) latency: Delay,
    /// Its narrowest link; `None` if it has no links.
    pub(crate) bandwidth: Option<Bandwidth>,
    pub(crate) class: u32,
}

impl Way {
    pub(crate) fn transfer(&self, size: Bytes) -> Delay {
        self.bandwidth.map_or(Delay::ZERO, |b| b.transfer(size))
    }

    /// Σ latencies + 8·size / narrowest bandwidth.
    pub(crate) fn cost(&self, size: Bytes) -> Delay {
        self.latency.plus(self.transfer(size))
    }

    pub(crate) fn is_as_wide_as(&self, least: Option<Bandwidth>) -> bool {
        match (self.bandwidth, least) {
            (Some(has), Some(least)) => has >= least,
            _ => true,
        }
    }
}

/// All ways between one node and the others, on one frame.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) frame: Arc<Topology>,
    pub(crate) fronts: Arc<Fronts>,
    /// Whether the ways end at the node rather than begin there.
    pub(crate) to: bool,
}

impl Leg {
    /// The ways worth taking, from wide and slow to narrow and quick.
    #[inline]
    pub(crate) fn ways(&self, node: NodeId) -> impl DoubleEndedIterator<Item = Way> {
        let classes = self.classes();
        self.fronts.of(node.0).iter().map(move |point| Way {
            latency: Delay::from_micros(point.latency),
            bandwidth: (point.class != NO_LINKS).then(|| classes[point.class as usize]),
            class: point.class,
        })
    }

    /// The cheapest way for this size among those as wide as `least`.
    #[inline]
    pub(crate) fn cheapest(
        &self,
        node: NodeId,
        size: Bytes,
        least: Option<Bandwidth>,
    ) -> Option<(Delay, Way)> {
        self.ways(node)
            .take_while(|way| way.is_as_wide_as(least))
            .map(|way| (way.cost(size), way))
            .min_by_key(|(cost, _)| *cost)
    }

    /// The different bandwidths, widest first.
    pub(crate) fn classes(&self) -> &[Bandwidth] {
        self.frame.graph(self.to).classes()
    }
}

/// What an election asks of the ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) size: Bytes,
    pub(crate) budget: Budget,
    pub(crate) min_bandwidth: Option<Bandwidth>,
}

/// What the move may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// As much as it likes.
    Any,
    /// What is left of the objective.
    Left(Delay),
    /// Nothing: more was spent than the objective allows.
    Overdrawn,
}

impl Ask {
    pub(crate) fn affords(&self, cost: Delay) -> bool {
        match self.budget {
            Budget::Any => true,
            Budget::Left(left) => cost <= left,
            Budget::Overdrawn => false,
        }
    }
}

/// How well a node serves, the less the better: the successor's read first,
/// then the move, then the order of the nodes. In microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// `u64::MAX` if the successor's node cannot read from there.
    pub(crate) read: u64,
    pub(crate) cost: u64,
    pub(crate) node: NodeId,
}

/// What elections of one kind read.
#[derive(Debug)]
pub(crate) struct Plan {
    /// From the local node, when the bytes move.
    pub(crate) moves: Leg,
    /// To the successor's node, when it runs; `None` if it runs where the
    /// bytes go.
    reads: Option<Leg>,
    /// `None` if there are too many different bandwidths.
    pub(crate) table: Option<Table>,
}

impl Plan {
    pub(crate) fn new(moves: Leg, reads: Option<Leg>, eligible: &[NodeId]) -> Self {
        let table = Table::build(&moves, reads.as_ref(), eligible);
        Self {
            moves,
            reads,
            table,
        }
    }

    /// The cost for the successor's node to read from `node`; `None` if it
    /// cannot.
    #[inline]
    pub(crate) fn read(&self, node: NodeId, size: Bytes) -> Option<Delay> {
        match &self.reads {
            None => Some(Delay::ZERO),
            Some(reads) => reads.cheapest(node, size, None).map(|(cost, _)| cost),
        }
    }

    /// How well `node` serves, and the way there; `None` if the move is not
    /// feasible.
    #[inline]
    pub(crate) fn rank(&self, node: NodeId, ask: &Ask) -> Option<(Rank, Way)> {
        let (cost, way) = self.moves.cheapest(node, ask.size, ask.min_bandwidth)?;
        ask.affords(cost).then(|| {
            let rank = Rank {
                read: self.read(node, ask.size).map_or(u64::MAX, Delay::micros),
                cost: cost.micros(),
                node,
            };
            (rank, way)
        })
    }

    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let reads = self.reads.as_ref().map_or(0, |leg| leg.fronts.bytes());
        size_of::<Self>()
            + self.moves.fronts.bytes()
            + reads
            + self.table.as_ref().map_or(0, Table::bytes)
    }
}
