//! One election: resolved, decided by its policy, and its answer.

use crate::{
    cache::Key,
    direct::{self, Bounds, Reached},
    elector::Snapshot,
    error::ElectError,
    fronts::NO_LINKS,
    plan::{Ask, Budget, Plan, Rank, Way},
    policy::Policy,
    published,
    request::Request,
    schedule::Schedule,
    topology::{Node, NodeId, Topology},
    units::{Bytes, Delay},
};
use skylark_abi::schema::NodeType;
use std::sync::Arc;

/// A request against a snapshot: names looked up, ways at hand.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) snapshot: Arc<Snapshot>,
    /// `None` if it does not pay yet.
    plan: Option<Arc<Plan>>,
    key: Key,
    pub(crate) policy: Policy,
    pub(crate) from: NodeId,
    pub(crate) destination: Option<NodeId>,
    pub(crate) on: Option<NodeType>,
    pub(crate) candidates: Option<Vec<NodeId>>,
    pub(crate) demand: Bytes,
    pub(crate) spent: Delay,
    pub(crate) ask: Ask,
    seed: u64,
}

/// Where the state goes, and why. Words, path and alternatives are made when
/// they are asked for, so an election itself costs no allocation for them.
#[derive(Debug, Clone)]
pub struct Election {
    pub(crate) request: Resolved,
    pub(crate) node: NodeId,
    pub(crate) why: Why,
    pub(crate) judged: Judged,
}

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
            .map(|names| candidates(schedule, names))
            .transpose()?;
        let key = Key {
            from,
            frame: schedule.index_at(request.at),
            destination: destination
                .map(|node| (node, schedule.index_at(request.at.after(request.delay)))),
            on: request.on,
        };
        let objectives = snapshot.objectives;
        let ask = Ask {
            size: request.size,
            budget: objectives.max_latency.map(|max| {
                max.minus(request.spent)
                    .map_or(Budget::Overdrawn, Budget::Left)
            }),
            min_bandwidth: objectives.min_bandwidth,
        };
        let plan = match request.policy {
            Policy::Skylark => snapshot.cache.plan_if_it_pays(schedule, key),
            _ => Some(snapshot.cache.plan(schedule, key)),
        };
        let resolved = Self {
            plan,
            key,
            policy: request.policy,
            from,
            destination,
            on: request.on,
            candidates,
            demand: request.demand,
            spent: request.spent,
            ask,
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

    pub(crate) fn elect(mut self) -> Election {
        if self.plan.is_none() {
            if let Some((node, judged)) = self.direct() {
                return Election {
                    request: self,
                    node,
                    why: Why::Feasible,
                    judged,
                };
            }
            // Nothing is feasible: which is the least bad is the plan's to say.
            self.plan = Some(self.plan());
        }
        let (node, why) = match self.policy {
            Policy::Skylark => self.skylark(),
            Policy::Databelt => self.databelt(),
            Policy::Random => self.random(),
            Policy::Stateless => self.stateless(),
        };
        let judged = self.judge(node);
        Election {
            request: self,
            node,
            why,
            judged,
        }
    }

    /// The plan, made now if need be.
    fn plan(&self) -> Arc<Plan> {
        let make = || self.snapshot.cache.plan(&self.snapshot.schedule, self.key);
        self.plan.clone().unwrap_or_else(make)
    }

    /// The same, with its plan at hand.
    pub(crate) fn planned(&self) -> Self {
        Self {
            plan: Some(self.plan()),
            ..self.clone()
        }
    }

    /// The frame on which the bytes move.
    fn frame(&self) -> &Topology {
        &self.snapshot.schedule.frames()[self.key.frame]
    }

    /// The best feasible node, by searches that go no farther than it takes.
    fn direct(&self) -> Option<(NodeId, Judged)> {
        let most = match self.ask.budget {
            None => u64::MAX,
            Some(Budget::Left(left)) => left.micros(),
            Some(Budget::Overdrawn) => return None,
        };
        let Ask {
            size,
            min_bandwidth,
            ..
        } = self.ask;
        let forward = self.frame().graph(false);
        let bounds = Bounds {
            size,
            least: min_bandwidth,
            most,
        };
        let serves = |node: u32| self.is_eligible(NodeId(node)) && self.takes(NodeId(node));
        let nearest = || {
            direct::nearest(forward, self.from.0, bounds, |node| {
                serves(node).then_some(0)
            })
        };

        let (reached, read) = match self.key.destination {
            None => (nearest()?, Some(0)),
            Some((destination, frame)) => {
                let destination = destination.0;
                // Nothing beats the destination itself, unless reading from
                // elsewhere costs nothing either.
                let unbeaten = serves(destination) && size > Bytes(0);
                let mut affordable: Vec<Option<Reached>> = vec![None; forward.nodes()];
                direct::explore(forward, self.from.0, bounds, |reached| {
                    let best = &mut affordable[reached.node as usize];
                    if best.is_none_or(|best| reached.cost < best.cost) {
                        *best = Some(reached);
                    }
                    unbeaten && reached.node == destination
                });
                match affordable[destination as usize] {
                    Some(reached) if unbeaten => (reached, Some(0)),
                    _ => {
                        let backward = self.snapshot.schedule.frames()[frame].graph(true);
                        let all = Bounds {
                            size,
                            least: None,
                            most: u64::MAX,
                        };
                        let read = direct::nearest(backward, destination, all, |node| {
                            affordable[node as usize]
                                .filter(|_| serves(node))
                                .map(|r| r.cost)
                        });
                        match read {
                            Some(read) => (affordable[read.node as usize]?, Some(read.cost)),
                            None => (nearest()?, None),
                        }
                    }
                }
            }
        };
        let bandwidth =
            (reached.class != NO_LINKS).then(|| forward.classes()[reached.class as usize]);
        let judged = Judged {
            way: Some(Way {
                latency: Delay::from_micros(reached.latency),
                bandwidth,
                class: reached.class,
            }),
            cost: Some(Delay::from_micros(reached.cost)),
            read: read.map(Delay::from_micros),
            ..Judged::default()
        };
        Some((NodeId(reached.node), judged))
    }

    /// The nodes of the right type among the candidates.
    pub(crate) fn eligible(&self) -> impl Iterator<Item = NodeId> {
        let named = self.candidates.as_deref();
        let all = match named {
            Some(named) => named,
            None => self.snapshot.schedule.of_type(self.on),
        };
        all.iter()
            .copied()
            .filter(move |id| named.is_none() || self.is_of_type(*id))
    }

    fn is_of_type(&self, id: NodeId) -> bool {
        self.on.is_none_or(|on| self.node(id).node_type == on)
    }

    fn is_eligible(&self, id: NodeId) -> bool {
        self.is_of_type(id)
            && self
                .candidates
                .as_ref()
                .is_none_or(|named| named.binary_search(&id).is_ok())
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
    fn takes(&self, id: NodeId) -> bool {
        !self.is_too_full(id) && !self.is_too_hot(id)
    }

    pub(crate) fn judge(&self, id: NodeId) -> Judged {
        let Ask {
            size,
            min_bandwidth,
            ..
        } = self.ask;
        let plan = self.plan();
        let moves = &plan.moves;
        let wide = moves
            .cheapest(id, size, min_bandwidth)
            .filter(|(cost, _)| self.ask.affords(*cost));
        let way = wide.or_else(|| moves.cheapest(id, size, None));
        Judged {
            way: way.map(|(_, way)| way),
            cost: way.map(|(cost, _)| cost),
            read: plan.read(id, size),
            too_slow: way.is_some_and(|(cost, _)| !self.ask.affords(cost)),
            too_narrow: way.is_some_and(|(_, way)| !way.is_as_wide_as(min_bandwidth)),
            too_full: self.is_too_full(id),
            too_hot: self.is_too_hot(id),
        }
    }

    fn skylark(&self) -> (NodeId, Why) {
        if let Some(best) = self.best_feasible() {
            (best.node, Why::Feasible)
        } else if self.is_eligible(self.from) {
            (self.from, Why::Stays)
        } else {
            (self.cheapest(), Why::Cheapest)
        }
    }

    fn best_feasible(&self) -> Option<Rank> {
        let plan = self.plan();
        if self.candidates.is_none()
            && let Ok(best) = plan.best(&self.ask)
        {
            // The table knows ways only. If its best node can take it, that is
            // the best of those that can; else these are gone through.
            match best {
                Some(rank) if !self.takes(rank.node) => {}
                best => return best,
            }
        }
        self.eligible()
            .filter(|id| self.takes(*id))
            .filter_map(|id| plan.rank(id, &self.ask))
            .min()
    }

    /// The eligible node that is reached at the least cost, whatever the
    /// objectives; before all others one that can take it.
    fn cheapest(&self) -> NodeId {
        let plan = self.plan();
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

    fn databelt(&self) -> (NodeId, Why) {
        let (destination, _) = self.stateless();
        let plan = self.plan();
        let moves = &plan.moves;
        // The published rule knows latencies only, so its path is the quickest,
        // however narrow.
        let quickest = moves.ways(destination).last();
        let path = quickest.map_or_else(
            || vec![self.from.0],
            |way| moves.fronts.path(destination.0, way.class),
        );
        let steps = path.iter().rev().map(|&n| {
            let id = NodeId(n);
            (
                id,
                moves.ways(id).last().map_or(Delay::ZERO, |way| way.latency),
            )
        });
        let rule = published::Rule {
            size: self.ask.size,
            spent: self.spent,
            max_latency: self.snapshot.objectives.max_latency,
            mean_bandwidth: self.snapshot.options.databelt_bandwidth,
        };
        match rule.elect(steps.filter(|(id, _)| self.is_eligible(*id))) {
            Some((id, reckoned)) => (id, Why::Published(reckoned)),
            None if self.is_eligible(self.from) => (self.from, Why::Stays),
            None => (destination, Why::DefaultDestination),
        }
    }

    fn random(&self) -> (NodeId, Why) {
        let eligible = self.eligible().count();
        let chosen = fastrand::Rng::with_seed(self.seed).usize(..eligible.max(1));
        (
            self.eligible().nth(chosen).unwrap_or(self.from),
            Why::Random(eligible),
        )
    }

    fn stateless(&self) -> (NodeId, Why) {
        match self.destination {
            Some(id) if self.is_eligible(id) => (id, Why::Destination),
            _ => {
                let cloud = self
                    .eligible()
                    .find(|id| self.node(*id).node_type == NodeType::Cloud);
                let id = cloud
                    .or_else(|| self.eligible().next())
                    .unwrap_or(self.from);
                (id, Why::DefaultDestination)
            }
        }
    }
}

impl Election {
    /// The elected node.
    pub fn node(&self) -> &Node {
        self.request.node(self.node)
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
        self.judged.cost
    }

    /// Expected cost for the successor's node to read from the elected one;
    /// zero if it runs there, `None` if no path will lead there.
    pub fn read(&self) -> Option<Delay> {
        self.judged.read
    }

    /// Whether the move meets the objectives and the node can take it.
    pub fn met(&self) -> bool {
        self.judged.feasible()
    }

    /// The nodes that the bytes pass, both ends included; empty if there is
    /// no path.
    pub fn path(&self) -> Vec<&Node> {
        let (Some(way), Some(cost)) = (self.judged.way, self.judged.cost) else {
            return Vec::new();
        };
        let request = &self.request;
        let path = match &request.plan {
            Some(plan) => plan.moves.fronts.path(self.node.0, way.class),
            None => {
                let reached = Reached {
                    node: self.node.0,
                    cost: cost.micros(),
                    latency: way.latency.micros(),
                    class: way.class,
                };
                direct::path(request.frame().graph(false), request.from.0, reached)
            }
        };
        path.into_iter()
            .map(|n| self.request.node(NodeId(n)))
            .collect()
    }
}

/// In order, each once.
fn candidates(schedule: &Schedule, names: &[&str]) -> Result<Vec<NodeId>, ElectError> {
    let mut ids = names
        .iter()
        .map(|name| schedule.id(name))
        .collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
