//! Files: all shapes, and what is said of bad ones.

use crate::{published_file, published_objectives, published_schedule};
use skylark_elect::{
    Bandwidth, Delay, Limits, NodeType, Objectives, ReadOptions, Schedule, UnixMicros,
};

const A: &str = r#"{"node_name":"a","node_ip":"10.0.0.1","node_type":"Sat"}"#;
const B: &str = r#"{"node_name":"b","node_ip":"10.0.0.2","node_type":"Cloud"}"#;

/// A topology of the nodes `a` and `b` with these edges.
fn two_nodes(edges: &str) -> String {
    format!(r#"{{"nodes":[{A},{B}],"edges":[{edges}]}}"#)
}

fn read(json: &str) -> Result<Schedule, String> {
    Schedule::from_json(json.as_bytes(), &ReadOptions::default()).map_err(|e| e.to_string())
}

#[test]
fn ours_is_read() {
    fn check(json: &str, nodes: usize, links: &[(&str, &str, f64, f64, bool)]) {
        let schedule = read(json).unwrap_or_else(|e| panic!("{json}: {e}"));
        assert_eq!(schedule.nodes().len(), nodes, "{json}");
        let name = |id| schedule.node(id).name.as_str();
        let found: Vec<_> = schedule.frames()[0]
            .links()
            .iter()
            .map(|l| {
                (
                    name(l.source),
                    name(l.target),
                    l.bandwidth.mbps(),
                    l.latency.ms(),
                    l.directed,
                )
            })
            .collect();
        assert_eq!(found, links, "{json}");
    }
    check(&two_nodes(""), 2, &[]);
    check(
        &two_nodes(r#"{"source":"a","target":"b","bandwidth":90,"latency":10.5}"#),
        2,
        &[("a", "b", 90.0, 10.5, false)],
    );
    check(
        &two_nodes(r#"{"source":"a","target":"b","bandwidth":0.5,"latency":0,"directed":true}"#),
        2,
        &[("a", "b", 0.5, 0.0, true)],
    );
    check(
        &format!(
            r#"{{"directed":true,"edges":[{{"source":{A},"target":{B},"bandwidth":1,"latency":1}}]}}"#
        ),
        2,
        &[("a", "b", 1.0, 1.0, true)],
    );
    // Names may be used before they are declared, and objects beside names.
    check(
        &format!(
            r#"{{"edges":[{{"source":{A},"target":"b","bandwidth":1,"latency":1}}],"nodes":[{A},{B}]}}"#
        ),
        2,
        &[("a", "b", 1.0, 1.0, false)],
    );
    check(
        r#"{"nodes":[{"node_name":"a","node_ip":"h:1","node_type":"Edge","capacity":5,"temperature":-3.5,"redis_host":"x"}],"edges":[]}"#,
        1,
        &[],
    );
}

#[test]
fn the_published_schedule_is_read_and_written_as_it_is() {
    let schedule = published_schedule();
    assert_eq!((schedule.frames().len(), schedule.nodes().len()), (7, 8));
    assert_eq!(schedule.of_type(Some(NodeType::Cloud)).len(), 1);
    let published: serde_json::Value =
        serde_json::from_slice(&published_file("topologies.json")).expect("JSON");
    assert_eq!(serde_json::to_value(&schedule).expect("JSON"), published);
    for (frame, published) in schedule
        .frames()
        .iter()
        .zip(published.as_array().expect("frames"))
    {
        let written = serde_json::to_value(frame.as_ref()).expect("JSON");
        assert_eq!(&written["edges"], published);
        // What is served can be read again.
        let again = read(&written.to_string()).expect("readable");
        assert_eq!(again.frames()[0].links(), frame.links());
        assert_eq!(again.nodes(), frame.nodes());
    }
}

#[test]
fn the_published_graphs_are_read() {
    fn check(nodes: usize, links: usize) {
        let json = published_file(&format!("graph_{nodes}.json"));
        let schedule = Schedule::from_json(&json, &ReadOptions::default()).expect("readable");
        assert_eq!(
            (schedule.nodes().len(), schedule.frames()[0].links().len()),
            (nodes, links)
        );
        let first = &schedule.frames()[0].links()[0];
        assert!(first.directed && first.bandwidth == Bandwidth::SATELLITE);
        let node = &schedule.nodes()[0];
        assert_eq!((node.ip.as_str(), node.node_type), ("Node1", NodeType::Sat));
    }
    check(10, 20);
    check(100, 400);
    check(1_000, 4_000);
    check(10_000, 40_000);
}

#[test]
fn what_a_graph_lacks_comes_from_the_options() {
    let options = ReadOptions {
        default_bandwidth: Bandwidth::from_mbps(5.0).expect("a bandwidth"),
        default_node_type: NodeType::Edge,
        ..ReadOptions::default()
    };
    let schedule = Schedule::from_json(br#"{"x":[["y",2.5]],"y":[]}"#, &options).expect("readable");
    let link = schedule.frames()[0].links()[0];
    assert_eq!(
        (link.bandwidth.mbps(), link.latency),
        (5.0, Delay::from_micros(2_500))
    );
    assert_eq!(schedule.nodes()[1].node_type, NodeType::Edge);
}

#[test]
fn bad_files_are_told_where_and_why() {
    fn check(json: &str, parts: &[&str]) {
        let error = read(json)
            .err()
            .unwrap_or_else(|| panic!("{json} was read"));
        for part in parts {
            assert!(
                error.contains(part),
                "{json}\nsays: {error}\nwithout: {part}"
            );
        }
    }
    let edge = |fields: &str| two_nodes(&format!("{{{fields}}}"));
    check("", &["the file", "EOF"]);
    check("7", &["the file", "a topology", "a schedule", "a graph"]);
    check("[]", &["empty"]);
    check("[[]]", &["empty"]);
    check("{}", &["empty"]);
    check(r#"{"nodes":[],"edges":[]}"#, &["empty"]);
    check(r#"{"nodes":[]}"#, &["missing field `edges`"]);
    check(
        r#"{"edges":[],"edges":[]}"#,
        &["`edges` stands there twice"],
    );
    check(
        r#"{"edges":[],"knots":[]}"#,
        &["unknown field `knots`", "`nodes`, `edges`, `directed`"],
    );
    check(&two_nodes("").repeat(2), &["the file", "trailing"]);
    check(
        &format!(r#"{{"nodes":[{A},{A}],"edges":[]}}"#),
        &["two nodes are named `a`"],
    );
    check(r#"{"x":[],"x":[]}"#, &["two nodes are named `x`"]);
    check(
        r#"{"nodes":[{"node_name":"","node_ip":"h","node_type":"Sat"}],"edges":[]}"#,
        &["node 0 has an empty node_name"],
    );
    check(
        r#"{"nodes":[{"node_name":"a","node_ip":"h","node_type":"Moon"}],"edges":[]}"#,
        &["nodes[0].node_type", "Moon", "Cloud"],
    );
    check(
        r#"{"nodes":[{"node_name":"a","node_type":"Sat"}],"edges":[]}"#,
        &["nodes[0]", "missing field `node_ip`"],
    );
    check(
        &edge(r#""source":"a","target":"c","bandwidth":1,"latency":1"#),
        &["edges[0]", "unknown node `c`", "target"],
    );
    check(
        r#"{"nodes":[{"node_name":"pi5u2","node_ip":"h","node_type":"Sat"}],"edges":[{"source":"pi5u22","target":"pi5u2","bandwidth":1,"latency":1}]}"#,
        &[
            "edges[0]",
            "unknown node `pi5u22`",
            "source",
            "did you mean `pi5u2`?",
        ],
    );
    check(
        r#"{"Node1":[["Node9",2]],"Node2":[]}"#,
        &[
            "an edge of `Node1`",
            "unknown node `Node9`",
            "did you mean `Node1`?",
        ],
    );
    check(
        &format!(
            r#"[[{{"source":{A},"target":{B},"bandwidth":1,"latency":1}}],[{{"source":{A},"target":"z","bandwidth":1,"latency":1}}]]"#
        ),
        &["frame 1, edge 0", "unknown node `z`"],
    );
    check(
        &format!(
            r#"{{"edges":[{{"source":{A},"target":{{"node_name":"a","node_ip":"other","node_type":"Sat"}},"bandwidth":1,"latency":1}}]}}"#
        ),
        &["edges[0]", "`a` differently"],
    );
    check(
        &edge(r#""source":"a","target":"a","bandwidth":1,"latency":1"#),
        &["edge 0", "`a` to itself"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":0,"latency":1"#),
        &["edges[0].bandwidth", "0 is no bandwidth", "Mbit/s"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":-5,"latency":1"#),
        &["edges[0].bandwidth", "-5 is no bandwidth"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":null,"latency":1"#),
        &["edges[0].bandwidth", "null"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":NaN,"latency":1"#),
        &["edges[0].bandwidth"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":"90","latency":1"#),
        &["edges[0].bandwidth", "string"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":1,"latency":-1"#),
        &["edges[0].latency", "-1 is no delay", "milliseconds"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":1,"latency":3600001"#),
        &["edge 0", "latency of", "at most 3600 s"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":1"#),
        &["edges[0]", "missing field `latency`"],
    );
    check(
        &edge(r#""source":"a","target":"b","bandwidth":1,"latency":1,"lag":2"#),
        &["edges[0]", "unknown field `lag`"],
    );
    check(
        &edge(r#""source":7,"target":"b","bandwidth":1,"latency":1"#),
        &["edges[0].source", "a node's name or a node object"],
    );
    check(r#"{"x":[["x",1]]}"#, &["`x` to itself"]);
}

#[test]
fn limits_are_named() {
    fn check(limits: Limits, json: &str, field: &str) {
        let options = ReadOptions {
            limits,
            ..ReadOptions::default()
        };
        let error = Schedule::from_json(json.as_bytes(), &options)
            .expect_err(json)
            .to_string();
        assert!(error.contains(&format!("Limits::{field}")), "{error}");
    }
    let all = Limits::default();
    let two = two_nodes(r#"{"source":"a","target":"b","bandwidth":1,"latency":1}"#);
    let frames = format!(r#"[[{{"source":{A},"target":{B},"bandwidth":1,"latency":1}}],[]]"#);
    let graph = r#"{"x":[["y",1]],"y":[["x",1]]}"#;
    check(Limits { bytes: 10, ..all }, &two, "bytes");
    check(Limits { nodes: 1, ..all }, &two, "nodes");
    check(Limits { nodes: 1, ..all }, &frames, "nodes");
    check(Limits { nodes: 1, ..all }, graph, "nodes");
    check(Limits { edges: 0, ..all }, &two, "edges");
    check(Limits { edges: 0, ..all }, &frames, "edges");
    check(Limits { edges: 1, ..all }, graph, "edges");
    check(Limits { frames: 1, ..all }, &frames, "frames");
}

#[test]
fn objectives_are_read_and_written() {
    fn check(json: &str) {
        let read = Objectives::from_json(json.as_bytes()).unwrap_or_else(|e| panic!("{json}: {e}"));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
    }
    check(r#"{"min_bandwidth":60,"max_latency":25}"#);
    check(r#"{"max_latency":0.5,"max_temperature":70.5}"#);
    check("{}");
    let published = published_objectives();
    assert_eq!(published.min_bandwidth.map(Bandwidth::mbps), Some(60.0));
    assert_eq!(published.max_latency.map(Delay::ms), Some(25.0));

    fn refuse(json: &str, part: &str) {
        let error = Objectives::from_json(json.as_bytes())
            .expect_err(json)
            .to_string();
        assert!(error.contains(part), "{error}");
    }
    refuse(
        r#"{"min_bandwidth":-1}"#,
        "min_bandwidth: -1 is no bandwidth",
    );
    refuse(r#"{"max_latency":"25"}"#, "max_latency");
    refuse(r#"{"max_delay":25}"#, "unknown field `max_delay`");
}

#[test]
fn frames_come_round_with_the_minute_of_the_hour() {
    let schedule = published_schedule();
    fn check(schedule: &Schedule, minute: u64, now: usize, next: usize) {
        let at = UnixMicros(minute * 60_000_000);
        assert_eq!(
            (schedule.index_at(at), schedule.index_after(at)),
            (now, next),
            "minute {minute}"
        );
    }
    check(&schedule, 0, 0, 1);
    check(&schedule, 6, 6, 0);
    check(&schedule, 7, 0, 1);
    check(&schedule, 59, 3, 0); // the hour begins anew
    check(&schedule, 60, 0, 1);
}
