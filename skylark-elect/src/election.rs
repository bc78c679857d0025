//! The answer.

use crate::{
    decide::Decision,
    explore::{self, Reached},
    policy::Policy,
    resolve::Resolved,
    topology::{Node, NodeId},
    units::{Bytes, Delay},
};

/// Where the state goes, and why. Words, path and alternatives are made when
/// they are asked for, so an election itself costs nothing for them.
#[derive(Debug, Clone)]
pub struct Election {
    pub(crate) request: Resolved,
    pub(crate) decision: Decision,
}

impl Election {
    pub(crate) fn new(request: Resolved) -> Self {
        let decision = request.decide();
        Self { request, decision }
    }

    /// The elected node.
    pub fn node(&self) -> &Node {
        self.request.node(self.decision.node)
    }

    /// The policy that decided.
    pub fn policy(&self) -> Policy {
        self.request.policy
    }

    /// Bytes that move.
    pub fn bytes(&self) -> Bytes {
        self.request.ask.size
    }

    /// Expected cost of the move; `None` if no path leads there at this time.
    pub fn cost(&self) -> Option<Delay> {
        self.decision.judged.cost
    }

    /// Expected cost for the successor's node to read from the elected one;
    /// zero if it runs there, `None` if no path will lead there.
    pub fn read(&self) -> Option<Delay> {
        self.decision.judged.read
    }

    /// Whether the move meets the objectives and the node can take it.
    pub fn met(&self) -> bool {
        self.decision.judged.feasible()
    }

    /// The nodes that the bytes pass, both ends included; empty if there is
    /// no path.
    pub fn path(&self) -> Vec<&Node> {
        let request = &self.request;
        let Decision { node, judged, .. } = self.decision;
        let (Some(way), Some(cost)) = (judged.way, judged.cost) else {
            return Vec::new();
        };
        let path = match &request.plan {
            Some(plan) => plan.moves.fronts.path(node.0, way.class),
            None => {
                let reached = Reached {
                    node: node.0,
                    cost: cost.micros(),
                    latency: way.latency.micros(),
                    class: way.class,
                };
                let path = explore::path(request.frame().graph(false), request.from.0, reached);
                path.into_iter().map(|(node, _)| node).collect()
            }
        };
        path.into_iter().map(|n| request.node(NodeId(n))).collect()
    }
}
