//! From one node to all others: every path worth taking.
//!
//! Moving `S` bytes along a path costs its latencies + `8·S / its narrowest
//! bandwidth`. That is not a sum over links, so no single shortest path is
//! right for every size: a slow wide detour wins once `S` is large enough.
//! What wins for *some* size lies on the Pareto front of (latency, narrowest
//! bandwidth), so the fronts answer every size exactly.
//!
//! They are found by adding the links from the widest bandwidth to the
//! narrowest. Once all links of bandwidth ≥ `b` are in, the shortest latency
//! to a node is the best that any path of bandwidth ≥ `b` has; where it got
//! shorter than before, (that latency, `b`) is a new point of the node's
//! front, and no other point is. Distances only shrink, so each step starts
//! from the ends of its new links and touches only what gets shorter: the
//! work is that of one Dijkstra search where there is one bandwidth, and
//! grows with the size of the fronts, not with bandwidths × nodes.

use crate::{
    graph::{Arc, Graph, group},
    queue::RadixQueue,
};

/// The class of a path without links.
pub(crate) const NO_LINKS: u32 = u32::MAX;

/// One path worth taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Sum of latencies, in microseconds.
    pub(crate) latency: u64,
    /// Its narrowest link: index into the graph's bandwidths, or [`NO_LINKS`].
    pub(crate) class: u32,
    /// The node before the last on the path.
    parent: u32,
}

/// The Pareto fronts from one node to all.
#[derive(Debug)]
pub(crate) struct Fronts {
    /// Where each node's points begin in `points`.
    offsets: Vec<u32>,
    /// By node, and within a node from wide and slow to narrow and quick.
    points: Vec<Point>,
}

impl Fronts {
    /// Searches from `source`.
    pub(crate) fn search(graph: &Graph, source: u32) -> Self {
        let mut search = Search::new(graph, source);
        let own = Point {
            latency: 0,
            class: NO_LINKS,
            parent: source,
        };
        let mut found = vec![(source, own)];
        for class in 0..graph.classes().len() as u32 {
            search.add(class, u64::MAX, |_, _, _| ());
            let labels = &search.labels;
            found.extend(search.nearer.iter().map(|&node| {
                let label = labels[node as usize];
                let point = Point {
                    latency: label.distance * graph.unit(),
                    class,
                    parent: label.parent,
                };
                (node, point)
            }));
        }
        let (found, offsets) = group(found, graph.nodes(), |(node, _)| *node);
        let points = found.into_iter().map(|(_, point)| point).collect();
        Self { offsets, points }
    }

    /// A node's front; empty if no path leads there.
    #[inline]
    pub(crate) fn of(&self, node: u32) -> &[Point] {
        let node = node as usize;
        &self.points[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }

    /// The nodes of a path from the source to `node`, that of the point of
    /// this class.
    pub(crate) fn path(&self, node: u32, class: u32) -> Vec<u32> {
        let mut path = vec![node];
        let mut at = node;
        // A path's first part was final when its last link was added, so it is
        // the latest point of bandwidth no narrower than the whole.
        while let Some(point) = self
            .of(at)
            .iter()
            .rev()
            .find(|p| p.class == NO_LINKS || p.class <= class)
        {
            if point.class == NO_LINKS {
                break;
            }
            at = point.parent;
            path.push(at);
        }
        path.reverse();
        path
    }

    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.offsets.as_slice()) + size_of_val(self.points.as_slice())
    }
}

#[derive(Debug, Clone, Copy)]
struct Label {
    distance: u64,
    parent: u32,
    /// The class in which it last got shorter.
    class: u32,
}

/// Shortest latencies over the links that were added so far.
pub(crate) struct Search<'a> {
    graph: &'a Graph,
    labels: Vec<Label>,
    /// Nodes that have a label, in the order in which they got it.
    reached: Vec<u32>,
    /// Nodes that got nearer in the last class, each once.
    nearer: Vec<u32>,
    queue: RadixQueue,
}

impl<'a> Search<'a> {
    pub(crate) fn new(graph: &'a Graph, source: u32) -> Self {
        let unknown = Label {
            distance: u64::MAX,
            parent: source,
            class: NO_LINKS,
        };
        let mut labels = vec![unknown; graph.nodes()];
        labels[source as usize].distance = 0;
        Self {
            graph,
            labels,
            reached: vec![source],
            nearer: Vec::new(),
            queue: RadixQueue::new(),
        }
    }

    /// Adds the links of `class`; those of all wider classes must be in.
    ///
    /// Nodes whose latency (in the graph's units) exceeds `cap` may be left
    /// out; later caps must not be larger. `settle` sees each node that got
    /// nearer, nearest first, and lowers the cap if it likes.
    pub(crate) fn add(
        &mut self,
        class: u32,
        mut cap: u64,
        mut settle: impl FnMut(u32, u64, &mut u64),
    ) {
        self.nearer.clear();
        self.queue.restart();
        let graph = self.graph;
        let added = graph.of_class(class);
        // The new links that leave what was reached: looked for from the side
        // that has fewer of them.
        if self.reached.len() * graph.mean_degree() < added.len() {
            for i in 0..self.reached.len() {
                let tail = self.reached[i];
                let distance = self.labels[tail as usize].distance;
                for &arc in graph.leaving(tail).iter().filter(|arc| arc.class == class) {
                    self.relax(tail, distance, arc, class, cap);
                }
            }
        } else {
            for &(tail, arc) in added {
                let distance = self.labels[tail as usize].distance;
                if distance != u64::MAX {
                    self.relax(tail, distance, arc, class, cap);
                }
            }
        }
        while let Some((distance, node)) = self.queue.pop() {
            if distance > cap {
                break;
            }
            // Else it was reached on a shorter way meanwhile.
            if distance == self.labels[node as usize].distance {
                settle(node, distance, &mut cap);
                for &arc in graph.leaving(node) {
                    if arc.class > class {
                        break;
                    }
                    self.relax(node, distance, arc, class, cap);
                }
            }
        }
    }

    /// The nodes from the source to `node`, each with its latency in
    /// microseconds, by the links added so far.
    pub(crate) fn path(&self, node: u32) -> Vec<(u32, u64)> {
        let mut path = Vec::new();
        let mut at = node;
        loop {
            let label = self.labels[at as usize];
            path.push((at, label.distance * self.graph.unit()));
            if label.class == NO_LINKS {
                break;
            }
            at = label.parent;
        }
        path.reverse();
        path
    }

    #[inline]
    fn relax(&mut self, tail: u32, distance: u64, arc: Arc, class: u32, cap: u64) {
        let reached = distance + u64::from(arc.weight);
        let label = &mut self.labels[arc.head as usize];
        if reached < label.distance && reached <= cap {
            if label.distance == u64::MAX {
                self.reached.push(arc.head);
            }
            if label.class != class {
                self.nearer.push(arc.head);
            }
            *label = Label {
                distance: reached,
                parent: tail,
                class,
            };
            self.queue.push(reached, arc.head);
        }
    }
}
