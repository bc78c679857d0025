//! Which nodes there are to be, and how they are linked.

use crate::error::environment;
use anyhow::Result;
use serde_json::{Value, json};
use skylark_abi::{names, schema::NodeType};
use skylark_elect::{ReadOptions, Schedule};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

/// A node to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// Its name, unique.
    pub name: String,
    /// Its type.
    pub node_type: NodeType,
    /// Its port on loopback.
    pub port: u16,
}

impl NodePlan {
    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

/// The nodes to be started, and their links.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the order of their ports.
    pub nodes: Vec<NodePlan>,
    topology: Value,
}

/// Most nodes that are started on one machine.
pub const MAX_NODES: u16 = 64;

/// A link's bandwidth (Mbit/s) and latency (ms).
type Link = (u32, u32);

/// Fibre between data centres.
const CLOUD_CLOUD: Link = (10_000, 8);
/// A gateway's link to a satellite in a low orbit.
const CLOUD_SAT: Link = (500, 12);
/// Between neighbouring satellites, as in the published constellation.
const SAT_SAT: Link = (90, 10);
/// A small terminal's link to a satellite.
const SAT_EDGE: Link = (60, 6);
/// A mobile network, where there is no satellite.
const CLOUD_EDGE: Link = (20, 45);

impl Plan {
    /// `n` nodes, a cloud, a satellite and an edge in turn, on consecutive
    /// ports from `first` on: `cloud1`, `sat1`, `edge1`, `cloud2`, …
    pub fn new(n: u16, first: u16) -> Self {
        const TYPES: [NodeType; 3] = [NodeType::Cloud, NodeType::Sat, NodeType::Edge];
        let nodes = (0..n).map(|i| {
            let node_type = TYPES[usize::from(i) % TYPES.len()];
            NodePlan {
                name: format!("{node_type}{}", i / 3 + 1),
                node_type,
                port: first + i,
            }
        });
        let nodes: Vec<NodePlan> = nodes.collect();
        let topology = links(&nodes);
        Self { nodes, topology }
    }

    /// How many nodes a topology file names.
    ///
    /// # Errors
    /// It cannot be read, is no topology, or names more than [`MAX_NODES`].
    pub fn count(file: &Path) -> Result<u16> {
        let (_, schedule) = read(file)?;
        u16::try_from(schedule.nodes().len())
            .ok()
            .filter(|n| *n <= MAX_NODES)
            .ok_or_else(|| {
                environment(format!(
                    "{} names {} nodes; at most {MAX_NODES} are started on one machine",
                    file.display(),
                    schedule.nodes().len()
                ))
            })
    }

    /// The nodes that a topology file names, with the links that it says, on
    /// consecutive ports of this machine from `first` on.
    ///
    /// # Errors
    /// As [`Plan::count`]; or its nodes have no addresses that could be replaced
    /// by those of this machine, or no names for it.
    pub fn of_file(file: &Path, first: u16) -> Result<Self> {
        Self::count(file)?;
        let (mut topology, schedule) = read(file)?;
        let nodes: Vec<NodePlan> = schedule
            .nodes()
            .iter()
            .zip(first..)
            .map(|(node, port)| NodePlan {
                name: node.name.clone(),
                node_type: node.node_type,
                port,
            })
            .collect();
        if let Some(node) = nodes.iter().find(|node| !is_directory_name(&node.name)) {
            return Err(environment(format!(
                "{}: `{}` is no name for a node: letters, digits, `_`, `-` and `.`, at most {} bytes",
                file.display(),
                node.name,
                names::MAX_NAME
            )));
        }
        let addresses = nodes
            .iter()
            .map(|node| (node.name.as_str(), node.address()))
            .collect();
        if readdress(&mut topology, &addresses) == 0 {
            return Err(environment(format!(
                "{}: the nodes have no `node_ip`; write them as {{\"node_name\": …, \"node_ip\": …, \"node_type\": …}}",
                file.display()
            )));
        }
        Ok(Self { nodes, topology })
    }

    /// The topology file's content, for [`Schedule::from_json`].
    pub fn topology(&self) -> &Value {
        &self.topology
    }
}

/// Satellites form a ring, data centres a full mesh; each satellite sees the
/// data centre and the edge site of its number.
fn links(nodes: &[NodePlan]) -> Value {
    let of = |wanted: NodeType| -> Vec<&NodePlan> {
        nodes.iter().filter(|n| n.node_type == wanted).collect()
    };
    let (clouds, sats, edges) = (of(NodeType::Cloud), of(NodeType::Sat), of(NodeType::Edge));
    let mut links: Vec<(&NodePlan, &NodePlan, Link)> = Vec::new();
    for (i, a) in clouds.iter().enumerate() {
        links.extend(clouds.iter().skip(i + 1).map(|b| (*a, *b, CLOUD_CLOUD)));
    }
    links.extend(sats.windows(2).map(|pair| (pair[0], pair[1], SAT_SAT)));
    if let [first, _, .., last] = sats.as_slice() {
        links.push((last, first, SAT_SAT));
    }
    if sats.is_empty() {
        links.extend(clouds.iter().zip(&edges).map(|(c, e)| (*c, *e, CLOUD_EDGE)));
    } else {
        let above = |i: usize| sats[i % sats.len()];
        links.extend(
            clouds
                .iter()
                .enumerate()
                .map(|(i, c)| (*c, above(i), CLOUD_SAT)),
        );
        links.extend(
            edges
                .iter()
                .enumerate()
                .map(|(i, e)| (above(i), *e, SAT_EDGE)),
        );
    }
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|n| json!({"node_name": n.name, "node_ip": n.address(), "node_type": n.node_type}))
        .collect();
    let edges: Vec<Value> = links
            .iter()
            .map(|(a, b, (bandwidth, latency))| {
                json!({"source": a.name, "target": b.name, "bandwidth": bandwidth, "latency": latency})
            })
            .collect();
    json!({"nodes": nodes, "edges": edges})
}

fn read(file: &Path) -> Result<(Value, Schedule)> {
    let json = std::fs::read(file).map_err(|error| {
        environment(format!(
            "cannot read the topology {}: {error}",
            file.display()
        ))
    })?;
    let refused = |why: String| environment(format!("the topology {}: {why}", file.display()));
    let schedule =
        Schedule::from_json(&json, &ReadOptions::default()).map_err(|e| refused(e.to_string()))?;
    let value = serde_json::from_slice(&json).map_err(|e| refused(e.to_string()))?;
    Ok((value, schedule))
}

/// Each node has a directory of its name.
fn is_directory_name(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=names::MAX_NAME).contains(&name.len()) && name.bytes().all(fine) && !name.starts_with('.')
}

/// Gives every node object its address here; how many there were.
fn readdress(value: &mut Value, addresses: &BTreeMap<&str, String>) -> usize {
    match value {
        Value::Object(object) => {
            let name = object.get("node_name").and_then(Value::as_str);
            let address = name.and_then(|name| addresses.get(name)).cloned();
            if let (Some(address), Some(ip)) = (address, object.get_mut("node_ip")) {
                *ip = address.into();
                return 1;
            }
            object
                .values_mut()
                .map(|inner| readdress(inner, addresses))
                .sum()
        }
        Value::Array(array) => array
            .iter_mut()
            .map(|inner| readdress(inner, addresses))
            .sum(),
        _ => 0,
    }
}

/// Where ports are looked for.
const FIRST_PORT: u16 = 4600;
/// How far apart the blocks of ports that are tried are.
const BLOCK: u16 = 64;
/// How many blocks are tried.
const BLOCKS: u16 = 32;

/// The first of `n` consecutive free ports on loopback: `asked` if given.
///
/// # Errors
/// One is in use: the error names it and the option.
pub fn free_ports(n: u16, asked: Option<u16>) -> Result<u16> {
    let in_use = |first: u16| {
        (first..first.saturating_add(n))
            .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err())
    };
    if let Some(first) = asked {
        if first.checked_add(n).is_none() || first == 0 {
            return Err(environment(format!(
                "there are no {n} ports from {first} on; choose another `--port-base`"
            )));
        }
        return match in_use(first) {
            None => Ok(first),
            Some(port) => Err(environment(format!(
                "port {port} is in use; choose another `--port-base`, or leave it out to take free ports"
            ))),
        };
    }
    (0..BLOCKS)
        .map(|block| FIRST_PORT + block * BLOCK)
        .find(|first| in_use(*first).is_none())
        .ok_or_else(|| environment(format!("no {n} consecutive ports are free from {FIRST_PORT} on; choose them with `--port-base`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_types_and_links() {
        let check = |n: u16, names: &[&str], links: &[&str]| {
            let plan = Plan::new(n, 4600);
            let got: Vec<&str> = plan.nodes.iter().map(|n| n.name.as_str()).collect();
            assert_eq!(got, names);
            let topology = plan.topology();
            let got: Vec<String> = topology["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| {
                    format!(
                        "{}-{}",
                        e["source"].as_str().unwrap(),
                        e["target"].as_str().unwrap()
                    )
                })
                .collect();
            assert_eq!(got, links);
            assert_eq!(topology["nodes"].as_array().unwrap().len(), names.len());
        };
        check(1, &["cloud1"], &[]);
        check(2, &["cloud1", "sat1"], &["cloud1-sat1"]);
        check(
            3,
            &["cloud1", "sat1", "edge1"],
            &["cloud1-sat1", "sat1-edge1"],
        );
        check(
            5,
            &["cloud1", "sat1", "edge1", "cloud2", "sat2"],
            &[
                "cloud1-cloud2",
                "sat1-sat2",
                "cloud1-sat1",
                "cloud2-sat2",
                "sat1-edge1",
            ],
        );
    }

    #[test]
    fn every_node_can_reach_every_other() {
        for n in 1..=64 {
            let plan = Plan::new(n, 4600);
            let topology = plan.topology();
            let mut reached: BTreeSet<&str> = [plan.nodes[0].name.as_str()].into();
            loop {
                let before = reached.len();
                for edge in topology["edges"].as_array().unwrap() {
                    let (a, b) = (
                        edge["source"].as_str().unwrap(),
                        edge["target"].as_str().unwrap(),
                    );
                    assert_ne!(a, b, "{n} nodes");
                    if reached.contains(a) || reached.contains(b) {
                        reached.extend([a, b]);
                    }
                }
                if reached.len() == before {
                    break;
                }
            }
            assert_eq!(reached.len(), usize::from(n), "{n} nodes");
        }
    }

    #[test]
    fn every_plan_is_a_topology() {
        for n in 1..=7 {
            let plan = Plan::new(n, 4600);
            let json = plan.topology().to_string();
            let schedule = Schedule::from_json(json.as_bytes(), &ReadOptions::default()).unwrap();
            for node in &plan.nodes {
                let read = schedule.node(schedule.id(&node.name).unwrap());
                assert_eq!(
                    (&read.ip, read.node_type),
                    (&node.address(), node.node_type)
                );
            }
        }
    }

    #[test]
    fn files_keep_their_links_and_get_addresses() {
        let directory = tempfile::tempdir().unwrap();
        let check = |json: &str, wanted: Result<&[(&str, &str)], &str>| {
            let file = directory.path().join("topology.json");
            std::fs::write(&file, json).unwrap();
            match (Plan::of_file(&file, 5000), wanted) {
                (Ok(plan), Ok(wanted)) => {
                    let json = plan.topology().to_string();
                    let schedule =
                        Schedule::from_json(json.as_bytes(), &ReadOptions::default()).unwrap();
                    let nodes: Vec<(&str, &str)> = schedule
                        .nodes()
                        .iter()
                        .map(|n| (n.name.as_str(), n.ip.as_str()))
                        .collect();
                    assert_eq!(nodes, wanted);
                    assert_eq!(plan.nodes.len(), wanted.len());
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (got, wanted) => panic!("{got:?}, not {wanted:?}"),
            }
        };
        let node = |name: &str, ip: &str| {
            format!(r#"{{"node_name":"{name}","node_ip":"{ip}","node_type":"Sat"}}"#)
        };
        let (a, b) = (node("a", "10.0.0.1"), node("b", "10.0.0.2:80"));
        let two: &[(&str, &str)] = &[("a", "127.0.0.1:5000"), ("b", "127.0.0.1:5001")];
        let named = r#"[{"source":"a","target":"b","bandwidth":90,"latency":10}]"#;
        let objects = format!(r#"[{{"source":{a},"target":{b},"bandwidth":90,"latency":10}}]"#);
        check(
            &format!(r#"{{"nodes":[{a},{b}],"edges":{named}}}"#),
            Ok(two),
        );
        check(&format!(r#"{{"edges":{objects}}}"#), Ok(two));
        check(&format!("[{objects},{objects}]"), Ok(two));
        check(r#"{"a":[["b",1]],"b":[["a",1]]}"#, Err("have no `node_ip`"));
        check(&format!(r#"{{"nodes":[{a}],"edges":{named}}}"#), Err("`b`"));
        check(
            &format!(r#"{{"nodes":[{}],"edges":[]}}"#, node("../x", "h")),
            Err("no name for a node"),
        );
        check("{", Err("topology.json"));
        let many: Vec<String> = (0..65).map(|i| node(&format!("n{i}"), "h")).collect();
        check(
            &format!(r#"{{"nodes":[{}],"edges":[]}}"#, many.join(",")),
            Err("at most 64"),
        );
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free_ports(1, Some(port)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("port {port} is in use")) && error.contains("--port-base"),
            "{error}"
        );
        assert!(
            free_ports(3, Some(65_534))
                .unwrap_err()
                .to_string()
                .contains("no 3 ports")
        );
        let free = free_ports(2, None).unwrap();
        assert!(free >= FIRST_PORT);
    }
}
