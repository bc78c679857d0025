//! What the node serves from a snapshot, and how snapshots change.

use crate::{published_objectives, published_schedule};
use skylark_elect::{
    Bytes, Delay, ElectError, Elector, NodeType, Objectives, Options, Policy, Request, UnixMicros,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

fn elector() -> Elector {
    Elector::new(
        published_schedule(),
        published_objectives(),
        Options::default(),
    )
}

const FIRST: UnixMicros = UnixMicros(0);

#[test]
fn nodes_and_neighbors() {
    let snapshot = elector().snapshot();
    assert_eq!(snapshot.node("pi5u4").expect("a node").ip, "10.0.0.167");
    assert_eq!(
        snapshot.first(NodeType::Cloud).expect("a cloud").name,
        "pi5u1"
    );
    assert!(snapshot.first(NodeType::Edge).is_none());
    assert_eq!(snapshot.objectives(), published_objectives());

    let check = |name: &str, minute: u64, expected: &[&str]| {
        let found = snapshot
            .neighbors(name, UnixMicros(minute * 60_000_000))
            .expect("a node");
        let names: Vec<&str> = found.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, expected, "{name} in minute {minute}");
    };
    check("pi5u2", 0, &["pi5u3", "pi5u1"]);
    check("pi5u2", 1, &["pi5u3"]);
    check("pi5u1", 1, &["pi5u3"]);
    check("pi4u5", 0, &["pi5u4", "pi4u6"]);
}

#[test]
fn unknown_things_are_told_with_the_nearest_name() {
    let elector = elector();
    let check = |error: ElectError, expected: &str| assert_eq!(error.to_string(), expected);
    let snapshot = elector.snapshot();
    check(
        snapshot.node("pi5u9").expect_err("no such node"),
        "no node `pi5u9` in the topology; did you mean `pi5u2`?",
    );
    check(
        snapshot.neighbors("x", FIRST).expect_err("no such node"),
        "no node `x` in the topology",
    );
    check(
        snapshot
            .schedule()
            .frame(Some(7))
            .expect_err("no such frame"),
        "no frame 7 in the schedule; frames are 0 to 6",
    );
    check(
        "databel".parse::<Policy>().expect_err("no such policy"),
        "unknown policy `databel`; expected one of: skylark, databelt, random, stateless; did you mean `databelt`?",
    );
    let elect = |request: Request<'_>| {
        elector
            .elect(&request)
            .map(|_| ())
            .expect_err("no election")
    };
    let request = Request::new("pi5u2", Bytes(1), FIRST);
    check(
        elect(Request {
            from: "pi5",
            ..request
        }),
        "no node `pi5` in the topology; did you mean `pi5u2`?",
    );
    check(
        elect(Request {
            destination: Some("moon"),
            ..request
        }),
        "no node `moon` in the topology",
    );
    check(
        elect(Request {
            candidates: Some(&["pi4p2"]),
            ..request
        }),
        "no node `pi4p2` in the topology; did you mean `pi4p1`?",
    );
    check(
        elect(Request {
            candidates: Some(&[]),
            ..request
        }),
        "no node may be elected: the set of candidates is empty",
    );
    check(
        elect(Request {
            on: Some(NodeType::Edge),
            ..request
        }),
        "no node may be elected: the topology has no node of type edge; add one, or change the function's `on`",
    );
    check(
        elect(Request {
            on: Some(NodeType::Cloud),
            candidates: Some(&["pi5u2", "pi5u3"]),
            ..request
        }),
        "no node may be elected: none of the 2 candidates is of type cloud",
    );
}

#[test]
fn frames_by_number_default_to_the_last() {
    let schedule = published_schedule();
    let frame = |t| schedule.frame(t).expect("a frame").links().to_vec();
    assert_eq!(frame(None), frame(Some(6)));
    assert_ne!(frame(None), frame(Some(0)));
}

#[test]
fn a_snapshot_outlives_what_replaces_it() {
    let elector = elector();
    let before = elector.snapshot();
    let other = br#"{"nodes":[{"node_name":"only","node_ip":"h","node_type":"Edge"}],"edges":[]}"#;
    let other = skylark_elect::Schedule::from_json(other, &Default::default()).expect("readable");
    assert!(elector.replace(other.clone()));
    assert!(!elector.replace(other));
    assert_eq!(
        elector
            .elect(&Request::new("only", Bytes(1), FIRST))
            .expect("an election")
            .node()
            .name,
        "only"
    );
    assert!(
        elector
            .elect(&Request::new("pi5u2", Bytes(1), FIRST))
            .is_err()
    );
    assert!(
        before
            .elect(&Request::new("pi5u2", Bytes(1), FIRST))
            .is_ok()
    );
}

#[test]
fn objectives_change_without_forgetting_paths() {
    let elector = elector();
    elector
        .snapshot()
        .warm("pi5u2", &["pi4p1"])
        .expect("a node");
    let cached = elector.snapshot().cached_bytes();
    assert!(cached > 0);
    let request = Request {
        destination: Some("pi4p1"),
        ..Request::new("pi5u2", Bytes(47_000), FIRST)
    };
    assert_eq!(
        elector.elect(&request).expect("an election").node().name,
        "pi5u4"
    );
    elector.set_objectives(Objectives {
        max_latency: Some(Delay::from_micros(15_000)),
        ..published_objectives()
    });
    assert_eq!(
        elector.elect(&request).expect("an election").node().name,
        "pi5u3"
    );
    assert_eq!(elector.snapshot().cached_bytes(), cached);
    // The same schedule again keeps them too.
    assert!(!elector.replace(published_schedule()));
    assert_eq!(elector.snapshot().cached_bytes(), cached);
}

#[test]
fn the_cache_stays_within_its_limit() {
    let options = Options {
        cache_bytes: 4_000,
        ..Options::default()
    };
    let elector = Elector::new(published_schedule(), published_objectives(), options);
    let snapshot = elector.snapshot();
    let names: Vec<&str> = snapshot
        .schedule()
        .nodes()
        .iter()
        .map(|n| n.name.as_str())
        .collect();
    for from in &names {
        snapshot.warm(from, &names).expect("a node");
        assert!(
            snapshot.cached_bytes() <= 4_000,
            "{}",
            snapshot.cached_bytes()
        );
        assert!(snapshot.cached_bytes() > 0);
    }
}

#[test]
fn elections_go_on_while_topologies_change() {
    let elector = Arc::new(elector());
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3u64)
        .map(|reader| {
            let (elector, stop) = (elector.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut elections = 0u64;
                while !stop.load(Ordering::Relaxed) || elections < 100 {
                    let at = UnixMicros((elections + reader) % 60 * 60_000_000);
                    let request = Request {
                        destination: Some("pi4p1"),
                        ..Request::new("pi5u2", Bytes(47_000), at)
                    };
                    let election = elector.elect(&request).expect("an election");
                    // Whichever schedule it was, this node is the answer.
                    assert_eq!(election.node().name, "pi5u4");
                    elections += 1;
                }
            })
        })
        .collect();
    let published = published_schedule();
    let nodes = published.nodes().to_vec();
    let frames: Vec<_> = published
        .frames()
        .iter()
        .map(|f| f.links().to_vec())
        .collect();
    let shorter = skylark_elect::Schedule::new(nodes, frames[..1].to_vec()).expect("a schedule");
    for round in 0..200 {
        let next = if round % 2 == 0 {
            shorter.clone()
        } else {
            published.clone()
        };
        assert!(elector.replace(next));
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().expect("no panic");
    }
}
