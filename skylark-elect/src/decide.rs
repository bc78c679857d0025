//! The policies: which node, and how it came to that.

use crate::{
    plan::{Plan, Rank, Way},
    policy::Policy,
    published,
    resolve::{Judged, Resolved},
    topology::NodeId,
    units::Delay,
};
use skylark_abi::schema::NodeType;

/// How the policy came to its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The best feasible node.
    Feasible,
    /// None is feasible, and the state may stay where it is.
    Stays,
    /// None is feasible, and the state may not stay.
    Cheapest,
    /// The published rule's, whose own reckoning of the cost is this.
    Published(Delay),
    /// One of this many.
    Random(usize),
    /// The destination that was asked for.
    Destination,
    /// No destination was given, or it is not eligible.
    DefaultDestination,
}

/// What a policy decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision {
    pub(crate) node: NodeId,
    pub(crate) why: Why,
    pub(crate) judged: Judged,
}

impl Resolved {
    pub(crate) fn decide(&self) -> Decision {
        match &self.plan {
            Some(plan) => self.decide_by(plan),
            None => self
                .decide_directly()
                .unwrap_or_else(|| self.decide_by(&self.plan())),
        }
    }

    fn decide_by(&self, plan: &Plan) -> Decision {
        let (node, why) = match self.policy {
            Policy::Skylark => return self.skylark(plan),
            Policy::Databelt => {
                let quickest = |id| plan.moves.ways(id).next_back();
                self.databelt(|destination| {
                    let way = quickest(destination)?;
                    let path = plan.moves.fronts.path(destination.0, way.class);
                    // Every part of a quickest path is one.
                    let latency = |id| quickest(id).map_or(Delay::ZERO, |way| way.latency);
                    Some(
                        path.into_iter()
                            .map(NodeId)
                            .map(|id| (id, latency(id)))
                            .collect(),
                    )
                })
            }
            Policy::Random => self.random(),
            Policy::Stateless => self.stateless(),
        };
        let judged = self.judge(plan, node);
        Decision { node, why, judged }
    }

    fn skylark(&self, plan: &Plan) -> Decision {
        let (node, why) = if let Some((rank, way)) = self.best_feasible(plan) {
            let read = (rank.read != u64::MAX).then(|| Delay::from_micros(rank.read));
            let judged = self.judge_by(rank.node, Some((Delay::from_micros(rank.cost), way)), read);
            return Decision {
                node: rank.node,
                why: Why::Feasible,
                judged,
            };
        } else if self.is_eligible(self.from) {
            (self.from, Why::Stays)
        } else {
            (self.cheapest(plan), Why::Cheapest)
        };
        let judged = self.judge(plan, node);
        Decision { node, why, judged }
    }

    fn best_feasible(&self, plan: &Plan) -> Option<(Rank, Way)> {
        if let (false, Some(table)) = (self.is_restricted(), &plan.table) {
            // The table knows ways only. If its best node can take it, that is
            // the best of those that can; else these are gone through.
            match table.best(&self.ask) {
                Some((rank, _)) if !self.takes(rank.node) => {}
                best => return best,
            }
        }
        self.eligible()
            .filter(|id| self.takes(*id))
            .filter_map(|id| plan.rank(id, &self.ask))
            .min_by_key(|(rank, _)| *rank)
    }

    /// The eligible node that is reached at the least cost, whatever the
    /// objectives; before all others one that can take it.
    fn cheapest(&self, plan: &Plan) -> NodeId {
        self.eligible()
            .min_by_key(|id| {
                let cost = plan
                    .moves
                    .cheapest(*id, self.ask.size, None)
                    .map(|(cost, _)| cost);
                (cost.is_none(), !self.takes(*id), cost, *id)
            })
            .unwrap_or(self.from)
    }

    /// The published rule. It knows latencies only: `quickest` gives the path
    /// of least latency to a node, however narrow, with the latency to each
    /// node on it.
    pub(crate) fn databelt(
        &self,
        quickest: impl Fn(NodeId) -> Option<Vec<(NodeId, Delay)>>,
    ) -> (NodeId, Why) {
        let (destination, _) = self.stateless();
        let path = quickest(destination).unwrap_or_else(|| vec![(self.from, Delay::ZERO)]);
        let eligible = path
            .into_iter()
            .rev()
            .filter(|(id, _)| self.is_eligible(*id));
        let rule = published::Rule {
            size: self.ask.size,
            spent: self.spent,
            max_latency: self.snapshot.objectives.max_latency,
            mean_bandwidth: self.snapshot.options.databelt_bandwidth,
        };
        match rule.elect(eligible) {
            Some((id, reckoned)) => (id, Why::Published(reckoned)),
            None if self.is_eligible(self.from) => (self.from, Why::Stays),
            None => (destination, Why::DefaultDestination),
        }
    }

    pub(crate) fn random(&self) -> (NodeId, Why) {
        let eligible = self.eligible().count();
        let chosen = fastrand::Rng::with_seed(self.seed).usize(..eligible.max(1));
        let node = self.eligible().nth(chosen).unwrap_or(self.from);
        (node, Why::Random(eligible))
    }

    pub(crate) fn stateless(&self) -> (NodeId, Why) {
        match self.destination {
            Some(id) if self.is_eligible(id) => (id, Why::Destination),
            _ => {
                let cloud = self
                    .eligible()
                    .find(|id| self.node(*id).node_type == NodeType::Cloud);
                let node = cloud
                    .or_else(|| self.eligible().next())
                    .unwrap_or(self.from);
                (node, Why::DefaultDestination)
            }
        }
    }
}
