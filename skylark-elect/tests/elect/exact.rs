//! Policy `skylark` elects what going through every path elects.

use crate::brute::{Network, networks, objectives};
use proptest::prelude::*;
use skylark_elect::{
    Bandwidth, Bytes, Delay, Election, Elector, NodeType, Objectives, Options, Policy, Request,
    UnixMicros,
};

#[derive(Debug, Clone)]
struct Asked {
    from: usize,
    destination: Option<usize>,
    size: u64,
    spent: u64,
    on: Option<NodeType>,
    candidates: Option<Vec<usize>>,
    demand: u64,
    /// Whether the successor runs on the other frame.
    later: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let size = prop_oneof![Just(0u64), Just(1), 0u64..100_000, 0u64..50_000_000];
    let candidates = prop::option::weighted(0.2, prop::collection::vec(0usize..7, 1..4));
    let on = prop::option::of(prop::sample::select(&NodeType::ALL[..]));
    let spent = prop_oneof![Just(0u64), 0u64..40_000];
    (
        0usize..7,
        prop::option::of(0usize..7),
        size,
        spent,
        on,
        candidates,
        0u64..3,
        any::<bool>(),
    )
        .prop_map(
            |(from, destination, size, spent, on, candidates, demand, later)| Asked {
                from,
                destination,
                size,
                spent,
                on,
                candidates,
                demand,
                later,
            },
        )
}

/// What is right, by every path.
struct Oracle<'a> {
    network: &'a Network,
    objectives: Objectives,
    asked: &'a Asked,
}

impl Oracle<'_> {
    fn eligible(&self) -> Vec<usize> {
        (0..self.network.nodes.len())
            .filter(|n| {
                self.asked
                    .on
                    .is_none_or(|on| self.network.nodes[*n].0 == on)
            })
            .filter(|n| self.asked.candidates.as_ref().is_none_or(|c| c.contains(n)))
            .collect()
    }

    fn takes(&self, node: usize) -> bool {
        let (_, capacity, temperature) = self.network.nodes[node];
        let cool = temperature
            .zip(self.objectives.max_temperature)
            .is_none_or(|(t, max)| f64::from(t) <= max);
        cool && capacity.is_none_or(|free| free >= self.asked.demand)
    }

    fn least(&self) -> u64 {
        self.objectives
            .min_bandwidth
            .map_or(0, Bandwidth::bits_per_second)
    }

    fn move_cost(&self, node: usize, least: u64) -> Option<u64> {
        self.network
            .cost(0, self.asked.from, node, self.asked.size, least)
    }

    /// `u64::MAX` if it cannot be read.
    fn read_cost(&self, node: usize) -> u64 {
        let frame = usize::from(self.asked.later);
        self.asked.destination.map_or(0, |to| {
            self.network
                .cost(frame, node, to, self.asked.size, 0)
                .unwrap_or(u64::MAX)
        })
    }

    fn in_time(&self, cost: u64) -> bool {
        let max = self.objectives.max_latency;
        max.is_none_or(|max| self.asked.spent + cost <= max.micros())
    }

    /// (read, move) of a node; `None` if it is not feasible.
    fn rank(&self, node: usize) -> Option<(u64, u64)> {
        let cost = self.move_cost(node, self.least())?;
        (self.in_time(cost) && self.takes(node)).then(|| (self.read_cost(node), cost))
    }

    fn check(&self, election: &Election, how: &str) -> Result<(), TestCaseError> {
        let elected: usize = election.node().name[1..].parse().expect("a number");
        let cost = election.cost().map(Delay::micros);
        let read = election.read().map_or(u64::MAX, Delay::micros);
        let eligible = self.eligible();
        let best = eligible.iter().filter_map(|n| self.rank(*n)).min();
        let reason = election.reason();
        prop_assert!(!reason.is_empty());
        match best {
            Some(best) => {
                prop_assert!(election.met(), "{how}: {reason}");
                prop_assert!(eligible.contains(&elected));
                prop_assert_eq!(self.rank(elected), Some(best), "{}: {}", how, reason);
                prop_assert_eq!(
                    Some((read, cost)),
                    Some((best.0, Some(best.1))),
                    "{}: {}",
                    how,
                    reason
                );
            }
            None => {
                prop_assert!(!election.met(), "{how}: {reason}");
                if eligible.contains(&self.asked.from) {
                    prop_assert_eq!(elected, self.asked.from, "{}: {}", how, &reason);
                    prop_assert!(reason.starts_with("stays"), "{}", reason);
                } else {
                    let least = |n: &usize| {
                        let cost = self.move_cost(*n, 0);
                        (cost.is_none(), !self.takes(*n), cost, *n)
                    };
                    prop_assert_eq!(
                        Some(elected),
                        eligible.iter().copied().min_by_key(least),
                        "{}: {}",
                        how,
                        &reason
                    );
                    prop_assert!(reason.starts_with("objective missed"), "{}", reason);
                }
            }
        }
        self.check_costs(election, how)
    }

    /// What holds for every policy.
    fn check_costs(&self, election: &Election, how: &str) -> Result<(), TestCaseError> {
        let elected: usize = election.node().name[1..].parse().expect("a number");
        let cost = election.cost().map(Delay::micros);
        let read = election.read().map_or(u64::MAX, Delay::micros);
        let eligible = self.eligible();
        let reason = election.reason();
        prop_assert_eq!(
            election.met(),
            self.rank(elected).is_some(),
            "{}: {}",
            how,
            &reason
        );
        prop_assert_eq!(read, self.read_cost(elected), "{}: {}", how, &reason);
        // The way is the cheapest that meets the objectives, else the cheapest;
        // the path is one, and costs what is said.
        let meets = self
            .move_cost(elected, self.least())
            .filter(|cost| self.in_time(*cost));
        let least = if meets.is_some() { self.least() } else { 0 };
        prop_assert_eq!(
            cost,
            meets.or_else(|| self.move_cost(elected, 0)),
            "{}: {}",
            how,
            &reason
        );
        let path: Vec<usize> = election
            .path()
            .iter()
            .map(|n| n.name[1..].parse().expect("a number"))
            .collect();
        if cost.is_none() {
            prop_assert!(path.is_empty());
        } else {
            prop_assert_eq!(
                (path.first(), path.last()),
                (Some(&self.asked.from), Some(&elected))
            );
            let along = self.network.cost_along(0, &path, self.asked.size, least);
            prop_assert_eq!(along, cost, "{}: {:?}", how, path);
        }
        // Alternatives: the others, feasible ones first and in order.
        let others = election.alternatives(usize::MAX);
        prop_assert_eq!(
            others.len(),
            eligible.len() - usize::from(eligible.contains(&elected))
        );
        let ranks: Vec<_> = others
            .iter()
            .map(|a| {
                (
                    !a.feasible,
                    self.rank(a.node[1..].parse().expect("a number")),
                )
            })
            .collect();
        for (infeasible, rank) in &ranks {
            prop_assert_eq!(*infeasible, rank.is_none());
        }
        prop_assert!(ranks.iter().filter_map(|r| r.1).is_sorted());
        prop_assert!(ranks.iter().map(|r| r.0).is_sorted());
        Ok(())
    }
}

fn elect_every_way(
    network: &Network,
    objectives: Objectives,
    asked: &mut Asked,
) -> Result<(), TestCaseError> {
    let nodes = network.nodes.len();
    asked.from %= nodes;
    asked.destination = asked.destination.map(|d| d % nodes);
    for candidate in asked.candidates.iter_mut().flatten() {
        *candidate %= nodes;
    }
    let oracle = Oracle {
        network,
        objectives,
        asked,
    };
    let (from, destination) = (
        Network::name(asked.from),
        asked.destination.map(Network::name),
    );
    let names: Option<Vec<String>> = asked
        .candidates
        .as_ref()
        .map(|c| c.iter().map(|n| Network::name(*n)).collect());
    let names: Option<Vec<&str>> = names
        .as_ref()
        .map(|c| c.iter().map(String::as_str).collect());
    let request = Request {
        destination: destination.as_deref(),
        spent: Delay::from_micros(asked.spent),
        on: asked.on,
        candidates: names.as_deref(),
        demand: Bytes(asked.demand),
        delay: Delay::from_micros(u64::from(asked.later) * 60_000_000),
        ..Request::new(&from, Bytes(asked.size), UnixMicros(0))
    };
    let fresh = || Elector::new(network.schedule(), objectives, Options::default());
    let elector = fresh();
    let Ok(first) = elector.elect(&request) else {
        prop_assert!(oracle.eligible().is_empty());
        return Ok(());
    };
    oracle.check(&first, "searched")?;
    let destinations: Vec<&str> = destination.as_deref().into_iter().collect();
    elector
        .snapshot()
        .warm(&from, &destinations)
        .expect("known nodes");
    let second = elector.elect(&request).expect("an election");
    oracle.check(&second, "cached")?;

    // The others do not look for the best, but know what theirs costs.
    for policy in [Policy::Databelt, Policy::Random, Policy::Stateless] {
        let request = Request {
            policy,
            seed: asked.size,
            ..request
        };
        let first = fresh().elect(&request).expect("an election");
        oracle.check_costs(&first, "searched")?;
        let second = elector.elect(&request).expect("an election");
        oracle.check_costs(&second, "cached")?;
        // Of several quickest paths the published rule may walk either.
        if policy != Policy::Databelt {
            prop_assert_eq!(first.node(), second.node(), "{}", policy);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn few_links(network in networks(8), objectives in objectives(), mut asked in asked()) {
        elect_every_way(&network, objectives, &mut asked)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// So many different bandwidths that there is no table.
    #[test]
    fn many_bandwidths(network in networks(22), objectives in objectives(), mut asked in asked()) {
        elect_every_way(&network, objectives, &mut asked)?;
    }
}
