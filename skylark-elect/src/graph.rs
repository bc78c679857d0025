//! The network as the search reads it: arcs in one array, by their tail.

use crate::{topology::Link, units::Bandwidth};

/// One way of a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    /// The node it leads to.
    pub(crate) head: u32,
    /// Latency in [`Graph::unit`]s.
    pub(crate) weight: u32,
    /// Index of its bandwidth in [`Graph::classes`].
    pub(crate) class: u32,
}

/// Arcs sorted by tail, and within a tail from wide to narrow.
#[derive(Debug)]
pub(crate) struct Graph {
    offsets: Vec<u32>,
    arcs: Vec<Arc>,
    /// The different bandwidths, widest first.
    classes: Vec<Bandwidth>,
    /// Arcs with their tails, from wide to narrow.
    by_class: Vec<(u32, Arc)>,
    class_offsets: Vec<u32>,
    /// Microseconds that all latencies are multiples of. Small weights make
    /// small distances, and those make the search's queue fast.
    unit: u64,
}

impl Graph {
    /// `turned`: every arc the other way round.
    pub(crate) fn new(nodes: usize, links: &[Link], turned: bool) -> Self {
        let mut classes: Vec<Bandwidth> = links.iter().map(|l| l.bandwidth).collect();
        classes.sort_unstable_by(|a, b| b.cmp(a));
        classes.dedup();
        let unit = links
            .iter()
            .fold(0, |g, l| gcd(g, l.latency.micros()))
            .max(1);

        let mut by_class = Vec::with_capacity(links.len() * 2);
        for link in links {
            let class = classes.partition_point(|c| *c > link.bandwidth) as u32;
            // At most an hour of microseconds, which 32 bits hold.
            let weight = (link.latency.micros() / unit) as u32;
            let (tail, head) = match turned {
                false => (link.source.0, link.target.0),
                true => (link.target.0, link.source.0),
            };
            by_class.push((
                tail,
                Arc {
                    head,
                    weight,
                    class,
                },
            ));
            if !link.directed {
                by_class.push((
                    head,
                    Arc {
                        head: tail,
                        weight,
                        class,
                    },
                ));
            }
        }
        let (by_class, class_offsets) = group(by_class, classes.len(), |(_, arc)| arc.class);
        // Stable, so that within a tail the order stays from wide to narrow.
        let (by_tail, offsets) = group(by_class.clone(), nodes, |(tail, _)| *tail);
        let arcs = by_tail.into_iter().map(|(_, arc)| arc).collect();
        Self {
            offsets,
            arcs,
            classes,
            by_class,
            class_offsets,
            unit,
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn classes(&self) -> &[Bandwidth] {
        &self.classes
    }

    pub(crate) fn unit(&self) -> u64 {
        self.unit
    }

    /// Arcs per node, rounded up.
    pub(crate) fn mean_degree(&self) -> usize {
        self.arcs.len().div_ceil(self.nodes().max(1))
    }

    /// The arcs that leave `node`, widest first.
    #[inline]
    pub(crate) fn leaving(&self, node: u32) -> &[Arc] {
        let node = node as usize;
        &self.arcs[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }

    /// The arcs of one bandwidth, each with its tail.
    pub(crate) fn of_class(&self, class: u32) -> &[(u32, Arc)] {
        let class = class as usize;
        &self.by_class[self.class_offsets[class] as usize..self.class_offsets[class + 1] as usize]
    }
}

/// Counting sort: the items by key, and where each key's begin. Stable.
pub(crate) fn group<T: Copy>(
    items: Vec<T>,
    keys: usize,
    key: impl Fn(&T) -> u32,
) -> (Vec<T>, Vec<u32>) {
    let mut offsets = vec![0u32; keys + 1];
    for item in &items {
        offsets[key(item) as usize + 1] += 1;
    }
    for k in 0..keys {
        offsets[k + 1] += offsets[k];
    }
    let mut next = offsets.clone();
    let mut sorted = items.clone();
    for item in &items {
        let slot = &mut next[key(item) as usize];
        sorted[*slot as usize] = *item;
        *slot += 1;
    }
    (sorted, offsets)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
