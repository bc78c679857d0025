//! The few nodes among which every answer lies.
//!
//! A node's serving is four numbers: latency and bandwidth of the move, and of
//! the successor's read. For two given bandwidths, all that size and budget
//! decide is how much latency the move may have; so per pair of bandwidths the
//! nodes that no other beats in both latencies are enough, whatever is asked.
//! Sorted by the move's latency, the read's falls, and the last affordable
//! node is the best of its pair.

use crate::{
    fronts::NO_LINKS,
    plan::{Ask, Budget, Leg, Rank, Way},
    topology::NodeId,
    units::{Bandwidth, Delay},
};

/// Pairs of bandwidths above which going through the nodes is as good.
const MAX_PAIRS: usize = 256;

/// Bandwidths of reads, two more for those without links and without a path.
const MAX_COLUMNS: usize = 64;

#[derive(Debug)]
pub(crate) struct Table {
    /// By the move's bandwidth.
    rows: Vec<Row>,
    /// Bandwidths of reads; `None` if there is nothing to pass.
    columns: Vec<Option<Bandwidth>>,
}

#[derive(Debug)]
struct Row {
    /// The move's; its latency is the stairs' to say.
    bandwidth: Option<Bandwidth>,
    class: u32,
    groups: Vec<Group>,
}

/// The nodes of one pair of bandwidths.
#[derive(Debug)]
struct Group {
    column: usize,
    /// Move latencies rise, read latencies fall.
    stairs: Vec<Stair>,
}

#[derive(Debug, Clone, Copy)]
struct Stair {
    move_latency: u64,
    /// `u64::MAX`: the successor's node cannot read from there.
    read_latency: u64,
    node: NodeId,
}

impl Table {
    /// `None` if there are too many different bandwidths.
    pub(crate) fn build(moves: &Leg, reads: Option<&Leg>, eligible: &[NodeId]) -> Option<Self> {
        let mut columns: Vec<Option<Bandwidth>> = reads
            .map_or(&[][..], Leg::classes)
            .iter()
            .map(|bandwidth| Some(*bandwidth))
            .collect();
        let (no_links, no_path) = (columns.len(), columns.len() + 1);
        columns.extend([None, None]);
        let last_row = moves.classes().len();
        if columns.len() > MAX_COLUMNS || (last_row + 1) * columns.len() > MAX_PAIRS {
            return None;
        }

        let mut cells = vec![vec![Vec::new(); columns.len()]; last_row + 1];
        for &node in eligible {
            for way in moves.ways(node) {
                let row = &mut cells[if way.class == NO_LINKS {
                    last_row
                } else {
                    way.class as usize
                }];
                let mut offered = Stair {
                    move_latency: way.latency.micros(),
                    read_latency: 0,
                    node,
                };
                let Some(reads) = reads else {
                    offer(&mut row[no_links], offered);
                    continue;
                };
                let mut readable = false;
                for read in reads.ways(node) {
                    readable = true;
                    offered.read_latency = read.latency.micros();
                    let column = if read.class == NO_LINKS {
                        no_links
                    } else {
                        read.class as usize
                    };
                    offer(&mut row[column], offered);
                }
                if !readable {
                    offered.read_latency = u64::MAX;
                    offer(&mut row[no_path], offered);
                }
            }
        }
        let rows = cells.into_iter().enumerate().map(|(i, cells)| Row {
            bandwidth: moves.classes().get(i).copied(),
            class: if i == last_row { NO_LINKS } else { i as u32 },
            groups: cells
                .into_iter()
                .enumerate()
                .filter(|(_, stairs)| !stairs.is_empty())
                .map(|(column, stairs)| Group { column, stairs })
                .collect(),
        });
        let rows = rows.filter(|row| !row.groups.is_empty()).collect();
        Some(Self { rows, columns })
    }

    /// The best node, by its ways alone, and the way there.
    pub(crate) fn best(&self, ask: &Ask) -> Option<(Rank, Way)> {
        let transfer = |b: Option<Bandwidth>| b.map_or(0, |b| b.transfer(ask.size).micros());
        let mut read_transfers = [0; MAX_COLUMNS];
        for (at, column) in read_transfers.iter_mut().zip(&self.columns) {
            *at = transfer(*column);
        }
        let mut best: Option<(Rank, Way)> = None;
        for row in &self.rows {
            if row
                .bandwidth
                .zip(ask.min_bandwidth)
                .is_some_and(|(has, least)| has < least)
            {
                continue;
            }
            let move_transfer = transfer(row.bandwidth);
            let most = match ask.budget {
                Budget::Any => Some(u64::MAX),
                Budget::Left(left) => left.micros().checked_sub(move_transfer),
                Budget::Overdrawn => None,
            };
            // Overdrawn, or too much for this bandwidth.
            let Some(most) = most else { continue };
            for group in &row.groups {
                let read_transfer = read_transfers[group.column];
                let Some((stair, read)) =
                    group.best(most, read_transfer, best.map(|(rank, _)| rank.read))
                else {
                    continue;
                };
                let rank = Rank {
                    read,
                    cost: stair.move_latency.saturating_add(move_transfer),
                    node: stair.node,
                };
                if best.is_none_or(|(before, _)| rank < before) {
                    let way = Way {
                        latency: Delay::from_micros(stair.move_latency),
                        bandwidth: row.bandwidth,
                        class: row.class,
                    };
                    best = Some((rank, way));
                }
            }
        }
        best
    }

    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let columns = size_of_val(self.columns.as_slice());
        let rows = size_of_val(self.rows.as_slice());
        let groups = self.rows.iter().flat_map(|row| &row.groups);
        let groups: usize = groups
            .map(|g| size_of::<Group>() + size_of_val(g.stairs.as_slice()))
            .sum();
        columns + rows + groups
    }
}

impl Group {
    /// The best node whose move takes at most `most` latency, with the cost
    /// of its read, unless that is above `bound`.
    fn best(&self, most: u64, read_transfer: u64, bound: Option<u64>) -> Option<(Stair, u64)> {
        let cost = |stair: &Stair| stair.read_latency.saturating_add(read_transfer);
        // The last stair has the quickest read of all.
        if bound.is_some_and(|bound| self.stairs.last().is_none_or(|s| cost(s) > bound)) {
            return None;
        }
        let affordable = self.stairs.partition_point(|s| s.move_latency <= most);
        let stair = self.stairs[..affordable].last()?;
        Some((*stair, cost(stair)))
    }
}

/// Keeps `new` and drops what it beats, unless it is beaten.
fn offer(stairs: &mut Vec<Stair>, new: Stair) {
    let after = stairs.partition_point(|s| s.move_latency <= new.move_latency);
    let from = match after.checked_sub(1).map(|i| stairs[i]) {
        Some(before) if before.read_latency <= new.read_latency => return,
        Some(before) if before.move_latency == new.move_latency => after - 1,
        _ => after,
    };
    let beaten = stairs[from..].partition_point(|s| s.read_latency >= new.read_latency);
    stairs.splice(from..from + beaten, [new]);
}
