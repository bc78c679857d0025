//! Decisions without a plan.
//!
//! A [`Plan`](crate::plan::Plan) looks at all nodes, once. After a change of
//! topology the first elections would wait for it; here they are answered by
//! searches that look at few nodes and give the same answer.

use crate::{
    decide::{Decision, Why},
    explore::{self, Bounds, Reached},
    fronts::NO_LINKS,
    graph::Graph,
    plan::{Budget, Way},
    policy::Policy,
    resolve::{Judged, Resolved},
    topology::NodeId,
    units::{Bytes, Delay},
};

impl Resolved {
    /// `None` if that needs a plan: nothing is feasible, the state may not
    /// stay, and no other node can be reached and take it.
    pub(crate) fn decide_directly(&self) -> Option<Decision> {
        let (node, why) = match self.policy {
            Policy::Skylark => return self.skylark_directly(),
            Policy::Databelt => self.databelt(|destination| {
                // Without bytes, the cheapest path is the quickest.
                let quickest = self.cheapest_to(Bounds::any(Bytes(0)), destination)?;
                let path = explore::path(self.forward(), self.from.0, quickest);
                let step = |(node, latency)| (NodeId(node), Delay::from_micros(latency));
                Some(path.into_iter().map(step).collect())
            }),
            Policy::Random => self.random(),
            Policy::Stateless => self.stateless(),
        };
        let reached = self
            .cheapest_to(self.objectives_as_bounds(), node)
            .or_else(|| self.cheapest_to(Bounds::any(self.ask.size), node));
        let judged = self.judge_by(node, reached.map(|r| self.way(r)), self.read_at(node));
        Some(Decision { node, why, judged })
    }

    fn skylark_directly(&self) -> Option<Decision> {
        if let Some((reached, read)) = self.best_within(self.objectives_as_bounds()) {
            return Some(self.decision(reached, read, Why::Feasible));
        }
        if self.is_eligible(self.from) {
            let read = self.read_at(self.from);
            return Some(self.decision(Reached::source(self.from.0), read, Why::Stays));
        }
        let reached = self.nearest_serving(Bounds::any(self.ask.size))?;
        Some(self.decision(reached, self.read_at(NodeId(reached.node)), Why::Cheapest))
    }

    /// The best node within the bounds, and the cost of the successor's read.
    fn best_within(&self, bounds: Bounds) -> Option<(Reached, Option<Delay>)> {
        let Some(destination) = self.destination else {
            return Some((self.nearest_serving(bounds)?, Some(Delay::ZERO)));
        };
        let destination = destination.0;
        // Nothing beats the destination itself, unless reading from elsewhere
        // costs nothing either.
        let unbeaten = self.serves(destination) && self.ask.size > Bytes(0);
        let mut cheapest: Vec<Option<Reached>> = vec![None; self.forward().nodes()];
        explore::explore(self.forward(), self.from.0, bounds, |reached| {
            let best = &mut cheapest[reached.node as usize];
            if best.is_none_or(|best| reached.cost < best.cost) {
                *best = Some(reached);
            }
            unbeaten && reached.node == destination
        });
        if let (true, Some(reached)) = (unbeaten, cheapest[destination as usize]) {
            return Some((reached, Some(Delay::ZERO)));
        }
        let read = self.read_from(|node| {
            let reached = cheapest[node as usize].filter(|_| self.serves(node));
            reached.map(|reached| reached.cost)
        });
        match read {
            Some(read) => Some((
                cheapest[read.node as usize]?,
                Some(Delay::from_micros(read.cost)),
            )),
            // Nobody can be read from: the move alone decides.
            None => Some((self.nearest_serving(bounds)?, None)),
        }
    }

    /// The eligible node that is reached at the least cost and can take it.
    fn nearest_serving(&self, bounds: Bounds) -> Option<Reached> {
        explore::nearest(self.forward(), self.from.0, bounds, |node| {
            self.serves(node).then_some(0)
        })
    }

    fn cheapest_to(&self, bounds: Bounds, id: NodeId) -> Option<Reached> {
        explore::nearest(self.forward(), self.from.0, bounds, |node| {
            (node == id.0).then_some(0)
        })
    }

    /// The cost for the successor's node to read from this one.
    fn read_at(&self, id: NodeId) -> Option<Delay> {
        if self.key.destination.is_none() {
            return Some(Delay::ZERO);
        }
        let read = self.read_from(|node| (node == id.0).then_some(0));
        read.map(|read| Delay::from_micros(read.cost))
    }

    /// The node that the successor's node reads from at the least cost, among
    /// those that `goal` has a number for; of equal ones that of the smallest
    /// number.
    fn read_from(&self, goal: impl Fn(u32) -> Option<u64>) -> Option<Reached> {
        let (destination, frame) = self.key.destination?;
        let backward = self.snapshot.schedule.frames()[frame].graph(true);
        explore::nearest(backward, destination.0, Bounds::any(self.ask.size), goal)
    }

    fn serves(&self, node: u32) -> bool {
        let id = NodeId(node);
        self.is_eligible(id) && self.takes(id)
    }

    fn forward(&self) -> &Graph {
        self.frame().graph(false)
    }

    fn objectives_as_bounds(&self) -> Bounds {
        Bounds {
            size: self.ask.size,
            least: self.ask.min_bandwidth,
            most: match self.ask.budget {
                Budget::Any => Some(u64::MAX),
                Budget::Left(left) => Some(left.micros()),
                Budget::Overdrawn => None,
            },
        }
    }

    fn way(&self, reached: Reached) -> (Delay, Way) {
        let class = reached.class;
        let way = Way {
            latency: Delay::from_micros(reached.latency),
            bandwidth: (class != NO_LINKS).then(|| self.forward().classes()[class as usize]),
            class,
        };
        (Delay::from_micros(reached.cost), way)
    }

    fn decision(&self, reached: Reached, read: Option<Delay>, why: Why) -> Decision {
        let node = NodeId(reached.node);
        let judged: Judged = self.judge_by(node, Some(self.way(reached)), read);
        Decision { node, why, judged }
    }
}
