//! A request against a snapshot: names looked up, nodes judged.

use crate::{
    cache::Key,
    elector::Snapshot,
    error::ElectError,
    plan::{Ask, Budget, Plan, Way},
    policy::Policy,
    request::Request,
    schedule::Schedule,
    topology::{Node, NodeId, Topology},
    units::{Bytes, Delay},
};
use skylark_abi::schema::NodeType;
use std::sync::Arc;

/// A request whose nodes are known.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Which plan answers it.
    pub(crate) key: Key,
    /// That plan; `None` where making it does not pay yet.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) policy: Policy,
    pub(crate) from: NodeId,
    pub(crate) destination: Option<NodeId>,
    pub(crate) on: Option<NodeType>,
    /// In order, each once.
    candidates: Option<Vec<NodeId>>,
    pub(crate) demand: Bytes,
    pub(crate) spent: Delay,
    pub(crate) ask: Ask,
    pub(crate) seed: u64,
}

/// How a node fares by the cost model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The way of the move; `None` if there is none.
    pub(crate) way: Option<Way>,
    pub(crate) cost: Option<Delay>,
    pub(crate) read: Option<Delay>,
    pub(crate) too_slow: bool,
    pub(crate) too_narrow: bool,
    pub(crate) too_full: bool,
    pub(crate) too_hot: bool,
}

impl Judged {
    pub(crate) fn feasible(&self) -> bool {
        self.way.is_some() && !(self.too_slow || self.too_narrow || self.too_full || self.too_hot)
    }
}

impl Resolved {
    pub(crate) fn new(snapshot: Arc<Snapshot>, request: &Request<'_>) -> Result<Self, ElectError> {
        let schedule = &snapshot.schedule;
        let from = schedule.id(request.from)?;
        let destination = request
            .destination
            .map(|name| schedule.id(name))
            .transpose()?;
        let candidates = request
            .candidates
            .map(|names| ids(schedule, names))
            .transpose()?;
        let objectives = snapshot.objectives;
        let budget = match objectives.max_latency {
            None => Budget::Any,
            Some(max) => max
                .minus(request.spent)
                .map_or(Budget::Overdrawn, Budget::Left),
        };
        let runs = schedule.index_at(request.at.after(request.delay));
        let key = Key {
            from,
            frame: schedule.index_at(request.at),
            destination: destination.map(|node| (node, runs)),
            on: request.on,
        };
        let plan = snapshot.cache.plan_if_it_pays(schedule, key);
        let resolved = Self {
            key,
            plan,
            policy: request.policy,
            from,
            destination,
            on: request.on,
            candidates,
            demand: request.demand,
            spent: request.spent,
            ask: Ask {
                size: request.size,
                budget,
                min_bandwidth: objectives.min_bandwidth,
            },
            seed: request.seed,
            snapshot,
        };
        if resolved.eligible().next().is_none() {
            return Err(ElectError::NoneEligible {
                on: request.on,
                candidates: request.candidates.map(<[_]>::len),
            });
        }
        Ok(resolved)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.snapshot.schedule.node(id)
    }

    /// The frame on which the bytes move.
    pub(crate) fn frame(&self) -> &Topology {
        &self.snapshot.schedule.frames()[self.key.frame]
    }

    /// The plan, made now if need be.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        let make = || self.snapshot.cache.plan(&self.snapshot.schedule, self.key);
        self.plan.clone().unwrap_or_else(make)
    }

    /// Whether only some nodes may be elected, by name.
    pub(crate) fn is_restricted(&self) -> bool {
        self.candidates.is_some()
    }

    /// The nodes of the right type among the candidates.
    pub(crate) fn eligible(&self) -> impl Iterator<Item = NodeId> {
        let named = self.candidates.as_deref();
        let all = named.unwrap_or_else(|| self.snapshot.schedule.of_type(self.on));
        all.iter()
            .copied()
            .filter(move |id| named.is_none() || self.is_of_type(*id))
    }

    fn is_of_type(&self, id: NodeId) -> bool {
        self.on.is_none_or(|on| self.node(id).node_type == on)
    }

    pub(crate) fn is_eligible(&self, id: NodeId) -> bool {
        let named = self.candidates.as_deref();
        self.is_of_type(id) && named.is_none_or(|named| named.binary_search(&id).is_ok())
    }

    fn is_too_full(&self, id: NodeId) -> bool {
        self.node(id)
            .capacity
            .is_some_and(|free| free < self.demand)
    }

    fn is_too_hot(&self, id: NodeId) -> bool {
        let limit = self.snapshot.objectives.max_temperature;
        self.node(id)
            .temperature
            .zip(limit)
            .is_some_and(|(has, limit)| has > limit)
    }

    /// Whether the node itself can take it, wherever it lies.
    pub(crate) fn takes(&self, id: NodeId) -> bool {
        !self.is_too_full(id) && !self.is_too_hot(id)
    }

    /// How a node fares that is reached on this way and read at this cost.
    pub(crate) fn judge_by(
        &self,
        id: NodeId,
        way: Option<(Delay, Way)>,
        read: Option<Delay>,
    ) -> Judged {
        Judged {
            way: way.map(|(_, way)| way),
            cost: way.map(|(cost, _)| cost),
            read,
            too_slow: way.is_some_and(|(cost, _)| !self.ask.affords(cost)),
            too_narrow: way.is_some_and(|(_, way)| !way.is_as_wide_as(self.ask.min_bandwidth)),
            too_full: self.is_too_full(id),
            too_hot: self.is_too_hot(id),
        }
    }

    /// How a node fares: on the cheapest way that meets the objectives, else
    /// on the cheapest.
    pub(crate) fn judge(&self, plan: &Plan, id: NodeId) -> Judged {
        let Ask {
            size,
            min_bandwidth,
            ..
        } = self.ask;
        let meets = plan
            .moves
            .cheapest(id, size, min_bandwidth)
            .filter(|(cost, _)| self.ask.affords(*cost));
        let way = meets.or_else(|| plan.moves.cheapest(id, size, None));
        self.judge_by(id, way, plan.read(id, size))
    }
}

/// In order, each once.
fn ids(schedule: &Schedule, names: &[&str]) -> Result<Vec<NodeId>, ElectError> {
    let ids: Result<Vec<NodeId>, _> = names.iter().map(|name| schedule.id(name)).collect();
    let mut ids = ids?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
