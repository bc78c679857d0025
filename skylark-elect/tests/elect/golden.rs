//! Elections on the published topologies, in full.

use crate::{published_objectives, published_schedule};
use skylark_elect::{
    Bytes, Delay, Elector, NodeType, Objectives, Options, Policy, Request, UnixMicros,
};

const MINUTE: u64 = 60_000_000;

fn request(from: &str) -> Request<'_> {
    Request::new(from, Bytes(47_000), UnixMicros(0))
}

/// Elects before and after paths are cached, and checks node, objective,
/// path and reason of both.
fn check(request: Request<'_>, node: &str, met: bool, path: &[&str], reason: &str) {
    let elector = Elector::new(
        published_schedule(),
        published_objectives(),
        Options::default(),
    );
    for round in ["searched", "cached"] {
        let election = elector.elect(&request).expect("an election");
        let report = election.report();
        assert_eq!(report.node, node, "{round}: {report:?}");
        assert_eq!(report.met, met, "{round}: {report:?}");
        assert_eq!(report.path, path, "{round}: {report:?}");
        assert_eq!(report.reason, reason, "{round}");
        assert_eq!(
            (report.bytes, report.policy),
            (request.size, request.policy)
        );
        elector
            .snapshot()
            .warm(request.from, request.destination.as_slice())
            .expect("a node");
    }
}

#[test]
fn skylark() {
    check(
        request("pi5u2"),
        "pi5u2",
        true,
        &["pi5u2"],
        "already here, and the successor may run here: nothing to move",
    );
    check(
        Request {
            destination: Some("pi5u3"),
            ..request("pi5u2")
        },
        "pi5u3",
        true,
        &["pi5u2", "pi5u3"],
        "the successor's node: 10 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    check(
        Request {
            destination: Some("pi4p1"),
            ..request("pi5u2")
        },
        "pi5u4",
        true,
        &["pi5u2", "pi5u3", "pi5u4"],
        "feasible node from which pi4p1 reads soonest, in 44.2 ms: 20 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    // Time already spent leaves less for the move.
    check(
        Request {
            destination: Some("pi4p1"),
            spent: Delay::from_micros(5_000),
            ..request("pi5u2")
        },
        "pi5u3",
        true,
        &["pi5u2", "pi5u3"],
        "feasible node from which pi4p1 reads soonest, in 54.2 ms: 10 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    check(
        Request {
            candidates: Some(&["pi5u3", "pi4p1"]),
            ..request("pi5u2")
        },
        "pi5u3",
        true,
        &["pi5u2", "pi5u3"],
        "nearest feasible node: 10 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    check(
        Request {
            destination: Some("pi4p1"),
            spent: Delay::from_micros(26_000),
            ..request("pi5u2")
        },
        "pi5u2",
        false,
        &["pi5u2"],
        "stays: no node is feasible within 25 ms (26 ms spent), 60 Mbit/s",
    );
}

#[test]
fn skylark_looks_at_the_topology_of_the_time_when_the_successor_runs() {
    // The cloud is linked to pi5u2 now, and to pi5u4 in two minutes.
    let towards = Request {
        destination: Some("pi5u1"),
        ..request("pi5u2")
    };
    check(
        towards,
        "pi5u2",
        true,
        &["pi5u2"],
        "feasible node from which pi5u1 reads soonest, in 62.5 ms: nothing to move",
    );
    check(
        Request {
            delay: Delay::from_micros(2 * MINUTE),
            ..towards
        },
        "pi5u4",
        true,
        &["pi5u2", "pi5u3", "pi5u4"],
        "feasible node from which pi5u1 reads soonest, in 62.5 ms: 20 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
}

#[test]
fn a_pinned_successor_goes_there_though_the_objective_is_missed() {
    check(
        Request {
            on: Some(NodeType::Cloud),
            ..request("pi5u2")
        },
        "pi5u1",
        false,
        &["pi5u2", "pi5u1"],
        "objective missed (62.5 ms where 25 ms are allowed, 30 Mbit/s where 60 Mbit/s are asked); cheapest cloud node: 50 ms + 12.5 ms for 47 kB over 30 Mbit/s",
    );
}

#[test]
fn the_objective_may_be_met_exactly() {
    fn check(max_micros: u64, elected: &str) {
        let max_latency = Some(Delay::from_micros(max_micros));
        let objectives = Objectives {
            max_latency,
            ..published_objectives()
        };
        let elector = Elector::new(published_schedule(), objectives, Options::default());
        let request = Request {
            destination: Some("pi4p1"),
            ..request("pi5u2")
        };
        for round in ["searched", "cached"] {
            let election = elector.elect(&request).expect("an election");
            assert_eq!(election.node().name, elected, "{max_micros} µs, {round}");
            elector
                .snapshot()
                .warm("pi5u2", &["pi4p1"])
                .expect("a node");
        }
    }
    check(24_178, "pi5u4");
    check(24_177, "pi5u3");
    check(14_178, "pi5u3");
    check(14_177, "pi5u2");
}

#[test]
fn databelt() {
    let databelt = Request {
        policy: Policy::Databelt,
        ..request("pi5u2")
    };
    // 10 + 47000 / (100 · 80) + 10 = 25 ms in whole milliseconds.
    check(
        Request {
            destination: Some("pi4p1"),
            ..databelt
        },
        "pi5u3",
        true,
        &["pi5u2", "pi5u3"],
        "published rule: last node on the shortest path within the objective, reckoned 25 ms; 10 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    // The destination has the state already.
    check(
        Request {
            destination: Some("pi5u2"),
            ..databelt
        },
        "pi5u2",
        true,
        &["pi5u2"],
        "published rule: last node on the shortest path within the objective, reckoned 5 ms; nothing to move",
    );
    check(
        Request {
            destination: Some("pi4p1"),
            spent: Delay::from_micros(1_000),
            ..databelt
        },
        "pi5u2",
        true,
        &["pi5u2"],
        "published rule: last node on the shortest path within the objective, reckoned 5 ms; nothing to move",
    );
    check(
        Request {
            destination: Some("pi4p1"),
            spent: Delay::from_micros(26_000),
            ..databelt
        },
        "pi5u2",
        false,
        &["pi5u2"],
        "stays: no node is feasible within 25 ms (26 ms spent), 60 Mbit/s",
    );
}

#[test]
fn stateless() {
    let stateless = Request {
        policy: Policy::Stateless,
        ..request("pi5u2")
    };
    check(
        Request {
            destination: Some("pi4u5"),
            ..stateless
        },
        "pi4u5",
        false,
        &["pi5u2", "pi5u3", "pi5u4", "pi4u5"],
        "the destination: 30 ms + 4.18 ms for 47 kB over 90 Mbit/s",
    );
    check(
        stateless,
        "pi5u1",
        false,
        &["pi5u2", "pi5u1"],
        "no eligible destination was named; the first eligible cloud node: 50 ms + 12.5 ms for 47 kB over 30 Mbit/s",
    );
}

#[test]
fn random_is_any_node_and_the_same_for_the_same_seed() {
    let elector = Elector::new(
        published_schedule(),
        published_objectives(),
        Options::default(),
    );
    let elect = |seed| {
        let request = Request {
            policy: Policy::Random,
            seed,
            ..request("pi5u2")
        };
        elector
            .elect(&request)
            .expect("an election")
            .node()
            .name
            .clone()
    };
    let all: std::collections::BTreeSet<String> = (0..200).map(elect).collect();
    assert_eq!(all.len(), 8, "{all:?}");
    assert_eq!(elect(7), elect(7));
}

#[test]
fn alternatives_are_listed_best_first() {
    let elector = Elector::new(
        published_schedule(),
        published_objectives(),
        Options::default(),
    );
    let request = Request {
        destination: Some("pi4p1"),
        ..request("pi5u2")
    };
    let election = elector.elect(&request).expect("an election");
    let told: Vec<String> = election
        .alternatives(4)
        .into_iter()
        .map(|a| format!("{} {}: {}", a.node, a.feasible, a.reason))
        .collect();
    assert_eq!(
        told,
        [
            "pi5u3 true: 10 ms + 4.18 ms for 47 kB over 90 Mbit/s",
            "pi5u2 true: nothing to move",
            "pi4u5 false: 34.2 ms where 25 ms are allowed",
            "pi4u6 false: 44.2 ms where 25 ms are allowed",
        ]
    );
    assert_eq!(election.alternatives(0), []);
    assert_eq!(election.alternatives(100).len(), 7);
    let json = serde_json::to_value(election.report()).expect("JSON");
    assert_eq!(json["cost_ms"], 24.178);
    assert_eq!(json["read_ms"], 44.178);
    assert_eq!(json["alternatives"].as_array().expect("a list").len(), 7);
}

/// Between the ends that the published benchmark uses.
#[test]
fn published_graphs() {
    fn check(
        nodes: usize,
        from: &str,
        destination: &str,
        policy: Policy,
        elected: &str,
        cost_ms: f64,
    ) {
        let file = crate::published_file(&format!("graph_{nodes}.json"));
        let schedule =
            skylark_elect::Schedule::from_json(&file, &Default::default()).expect("readable");
        let elector = Elector::new(schedule, published_objectives(), Options::default());
        let request = Request {
            policy,
            destination: Some(destination),
            ..request(from)
        };
        for round in ["searched", "cached"] {
            let election = elector.elect(&request).expect("an election");
            let found = (
                election.node().name.as_str(),
                election.cost().map(Delay::ms),
            );
            assert_eq!(
                found,
                (elected, Some(cost_ms)),
                "{nodes} nodes, {policy}, {round}"
            );
            elector
                .snapshot()
                .warm(from, &[destination])
                .expect("a node");
        }
    }
    check(10, "Node1", "Node6", Policy::Skylark, "Node4", 23.178);
    check(10, "Node1", "Node6", Policy::Databelt, "Node10", 10.178);
    check(100, "Node51", "Node58", Policy::Skylark, "Node81", 23.178);
    check(
        1_000,
        "Node18",
        "Node28",
        Policy::Skylark,
        "Node239",
        24.178,
    );
    check(
        10_000,
        "Node3615",
        "Node5807",
        Policy::Skylark,
        "Node276",
        24.178,
    );
}
