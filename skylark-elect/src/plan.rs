//! What an election reads: the ways to and from every node, and the few nodes
//! among which every answer lies.

use crate::{
    fronts::{Fronts, NO_LINKS, Point},
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
        let classes = self.frame.graph(self.to).classes();
        self.fronts.of(node.0).iter().map(move |p: &Point| Way {
            latency: Delay::from_micros(p.latency),
            bandwidth: (p.class != NO_LINKS).then(|| classes[p.class as usize]),
            class: p.class,
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
            .take_while(|w| w.is_as_wide_as(least))
            .map(|w| (w.cost(size), w))
            .min_by_key(|(cost, _)| *cost)
    }

    fn classes(&self) -> usize {
        self.frame.graph(self.to).classes().len()
    }
}

/// What elections of one kind read.
#[derive(Debug)]
pub(crate) struct Plan {
    /// From the local node, when the bytes move.
    pub(crate) moves: Leg,
    /// To the successor's node, when it runs; `None` if it runs where the
    /// bytes go.
    pub(crate) reads: Option<Leg>,
    /// `None` if there are too many different bandwidths.
    table: Option<Table>,
}

/// What an election asks of the ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) size: Bytes,
    /// What the move may cost; `None` if anything.
    pub(crate) budget: Option<Budget>,
    pub(crate) min_bandwidth: Option<Bandwidth>,
}

/// Time that is left of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    Left(Delay),
    /// More was spent than the objective allows.
    Overdrawn,
}

impl Ask {
    pub(crate) fn affords(&self, cost: Delay) -> bool {
        match self.budget {
            None => true,
            Some(Budget::Left(left)) => cost <= left,
            Some(Budget::Overdrawn) => false,
        }
    }
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

    /// How well `node` serves, the less the better; `None` if its move is not
    /// feasible.
    #[inline]
    pub(crate) fn rank(&self, node: NodeId, ask: &Ask) -> Option<Rank> {
        let (cost, _) = self.moves.cheapest(node, ask.size, ask.min_bandwidth)?;
        ask.affords(cost).then(|| Rank {
            read: self.read(node, ask.size).map_or(u64::MAX, Delay::micros),
            cost: cost.micros(),
            node,
        })
    }

    /// The best of all eligible nodes, whatever the size: at once, if there is
    /// a table. `Err` if there is none and they must be gone through.
    pub(crate) fn best(&self, ask: &Ask) -> Result<Option<Rank>, NoTable> {
        self.table.as_ref().map(|t| t.best(ask)).ok_or(NoTable)
    }

    pub(crate) fn bytes(&self) -> usize {
        let reads = self.reads.as_ref().map_or(0, |r| r.fronts.bytes());
        self.moves.fronts.bytes() + reads + self.table.as_ref().map_or(0, Table::bytes)
    }
}

/// There are more different bandwidths than a table pays for.
#[derive(Debug)]
pub(crate) struct NoTable;

/// How well a node serves: the successor's read first, then the move, then
/// the order of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) read: u64,
    pub(crate) cost: u64,
    pub(crate) node: NodeId,
}

/// The nodes among which the best one lies, whatever the size and budget.
///
/// A node's serving is four numbers: latency and bandwidth of the move, and
/// of the read. For two given bandwidths, all that size and budget decide is
/// how much latency the move may have; so per pair of bandwidths the nodes
/// that no other beats in both latencies are enough. Sorted by the move's
/// latency, the read's falls, and the last affordable node is the best.
#[derive(Debug)]
struct Table(Vec<Group>);

#[derive(Debug)]
struct Group {
    /// `None`: nothing to pass.
    move_bandwidth: Option<Bandwidth>,
    read_bandwidth: Option<Bandwidth>,
    /// Move latencies rise, read latencies fall.
    stairs: Vec<Stair>,
}

#[derive(Debug, Clone, Copy)]
struct Stair {
    move_latency: u64,
    /// `u64::MAX`: the successor's node cannot be reached.
    read_latency: u64,
    node: NodeId,
}

impl Table {
    /// Pairs of bandwidths above which going through the nodes is as good.
    const MAX_PAIRS: usize = 256;

    fn build(moves: &Leg, reads: Option<&Leg>, eligible: &[NodeId]) -> Option<Self> {
        // Two more columns on each side: no links, and no way.
        let columns = reads.map_or(0, Leg::classes) + 2;
        let pairs = (moves.classes() + 1) * columns;
        if pairs > Self::MAX_PAIRS {
            return None;
        }
        let (no_links, no_way) = (columns - 2, columns - 1);
        let mut cells: Vec<Option<Group>> = std::iter::repeat_with(|| None).take(pairs).collect();
        for &node in eligible {
            for way in moves.ways(node) {
                let row = if way.class == NO_LINKS {
                    moves.classes()
                } else {
                    way.class as usize
                };
                let mut offer = |column: usize, read_bandwidth, read_latency| {
                    cells[row * columns + column]
                        .get_or_insert_with(|| Group {
                            move_bandwidth: way.bandwidth,
                            read_bandwidth,
                            stairs: Vec::new(),
                        })
                        .offer(Stair {
                            move_latency: way.latency.micros(),
                            read_latency,
                            node,
                        });
                };
                match reads {
                    None => offer(no_links, None, 0),
                    Some(reads) => {
                        let mut reachable = false;
                        for read in reads.ways(node) {
                            reachable = true;
                            let column = if read.class == NO_LINKS {
                                no_links
                            } else {
                                read.class as usize
                            };
                            offer(column, read.bandwidth, read.latency.micros());
                        }
                        if !reachable {
                            offer(no_way, None, u64::MAX);
                        }
                    }
                }
            }
        }
        Some(Self(cells.into_iter().flatten().collect()))
    }

    fn best(&self, ask: &Ask) -> Option<Rank> {
        let mut best: Option<Rank> = None;
        for group in &self.0 {
            // Its last stair has its quickest read.
            let quickest = group.stairs.last().map_or(u64::MAX, |s| s.read_latency);
            if best.is_none_or(|best| quickest <= best.read) {
                best = best.into_iter().chain(group.best(ask)).min();
            }
        }
        best
    }

    fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|g| size_of::<Group>() + size_of_val(g.stairs.as_slice()))
            .sum()
    }
}

impl Group {
    /// Keeps `new` and drops what it beats, unless it is beaten.
    fn offer(&mut self, new: Stair) {
        let after = self
            .stairs
            .partition_point(|s| s.move_latency <= new.move_latency);
        let from = match after.checked_sub(1).map(|i| self.stairs[i]) {
            Some(before) if before.read_latency <= new.read_latency => return,
            Some(before) if before.move_latency == new.move_latency => after - 1,
            _ => after,
        };
        let beaten = self.stairs[from..].partition_point(|s| s.read_latency >= new.read_latency);
        self.stairs.splice(from..from + beaten, [new]);
    }

    fn best(&self, ask: &Ask) -> Option<Rank> {
        if self
            .move_bandwidth
            .zip(ask.min_bandwidth)
            .is_some_and(|(has, least)| has < least)
        {
            return None;
        }
        let transfer = |b: Option<Bandwidth>| b.map_or(Delay::ZERO, |b| b.transfer(ask.size));
        let move_transfer = transfer(self.move_bandwidth);
        let affordable = match ask.budget {
            None => self.stairs.len(),
            Some(Budget::Overdrawn) => 0,
            Some(Budget::Left(left)) => {
                let most = left.minus(move_transfer)?.micros();
                self.stairs.partition_point(|s| s.move_latency <= most)
            }
        };
        let stair = self.stairs[..affordable].last()?;
        Some(Rank {
            read: stair
                .read_latency
                .saturating_add(transfer(self.read_bandwidth).micros()),
            cost: stair.move_latency.saturating_add(move_transfer.micros()),
            node: stair.node,
        })
    }
}
