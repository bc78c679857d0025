//! Reading topology files: ours and the published ones, as they are.

use crate::{
    error::{TopologyError, nearest},
    schedule::Schedule,
    topology::{Link, Node, NodeId},
    units::{Bandwidth, Bytes, Delay},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor},
};
use skylark_abi::schema::NodeType;
use std::{collections::HashMap, fmt};

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadOptions {
    /// How much is read.
    pub limits: Limits,
    /// Bandwidth of links whose file has none (the published `graph_N.json`).
    /// Default: 90 Mbit/s, that of the published links between satellites.
    pub default_bandwidth: Bandwidth,
    /// Type of nodes whose file has none. Default: `Sat`, as published.
    pub default_node_type: NodeType,
}

/// How much is read before a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. Default: 64 MiB.
    pub bytes: usize,
    /// Nodes of the schedule. Default: 100,000.
    pub nodes: usize,
    /// Edges of one frame. Default: 1,000,000.
    pub edges: usize,
    /// Frames of a schedule. Default: 60, one per minute of the hour.
    pub frames: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            default_bandwidth: Bandwidth::SATELLITE,
            default_node_type: NodeType::Sat,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            nodes: 100_000,
            edges: 1_000_000,
            frames: 60,
        }
    }
}

impl Limits {
    fn check(what: &'static str, count: usize, limit: usize) -> Result<(), TopologyError> {
        if count > limit {
            Err(TopologyError::too_many(what, count, limit))
        } else {
            Ok(())
        }
    }
}

impl Schedule {
    /// Reads a topology file. The shape tells the format:
    ///
    /// - `{"nodes": [{node_name, node_ip, node_type}], "edges": [{source, target,
    ///   bandwidth, latency}]}`: one topology. Ends are names or node objects;
    ///   `nodes` may be left out if all are objects. Edges lead both ways unless
    ///   `"directed": true` stands beside `edges` or in the edge. Nodes may have
    ///   `capacity` (free bytes) and `temperature` (°C).
    /// - `[[edge, …], …]`: the published schedule, edges between node objects.
    ///   A node belongs to all frames if it is in one.
    /// - `{"Node1": [["Node2", 8], …], …}`: the published graphs, weights in
    ///   milliseconds, each entry one way. What they lack is taken from
    ///   `options`; a node's `node_ip` is its name.
    ///
    /// # Errors
    /// [`TopologyError`]: which edge or field, what is wrong with it, and the
    /// nearest known name where one is unknown.
    pub fn from_json(json: &[u8], options: &ReadOptions) -> Result<Self, TopologyError> {
        Limits::check("bytes", json.len(), options.limits.bytes)?;
        match typed::<File>(json)? {
            File::Topology {
                nodes,
                edges,
                directed,
            } => topology(nodes, edges, directed, options),
            File::Schedule(frames) => schedule(frames, options),
            File::Graph(adjacency) => graph(adjacency, options),
        }
    }
}

/// A file of one shape, with the place of what is wrong.
pub(crate) fn typed<T: DeserializeOwned>(json: &[u8]) -> Result<T, TopologyError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        TopologyError::Shape {
            at: if path == "." { "the file".into() } else { path },
            why: error.inner().to_string(),
        }
    })?;
    deserializer.end().map_err(|error| TopologyError::Shape {
        at: "the file".into(),
        why: error.to_string(),
    })?;
    Ok(value)
}

/// What a file holds, not yet checked.
enum File {
    Topology {
        nodes: Option<Vec<FileNode>>,
        edges: Vec<FileEdge>,
        directed: bool,
    },
    Schedule(Vec<Vec<FileEdge>>),
    Graph(Vec<(String, Vec<(String, Delay)>)>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileNode {
    node_name: String,
    node_ip: String,
    node_type: NodeType,
    capacity: Option<Bytes>,
    temperature: Option<f64>,
    /// Published nodes may carry their Redis; not ours to use.
    #[serde(rename = "redis_host")]
    _redis_host: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEdge {
    source: End,
    target: End,
    bandwidth: Bandwidth,
    latency: Delay,
    #[serde(default)]
    directed: bool,
}

enum End {
    Name(String),
    Node(Box<FileNode>),
}

impl From<FileNode> for Node {
    fn from(node: FileNode) -> Self {
        let FileNode {
            node_name,
            node_ip,
            node_type,
            capacity,
            temperature,
            ..
        } = node;
        Self {
            name: node_name,
            ip: node_ip,
            node_type,
            capacity,
            temperature,
        }
    }
}

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EndVisitor;
        impl<'de> Visitor<'de> for EndVisitor {
            type Value = End;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node's name or a node object")
            }
            fn visit_str<E>(self, name: &str) -> Result<End, E> {
                Ok(End::Name(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<End, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                Ok(End::Node(Box::new(FileNode::deserialize(map)?)))
            }
        }
        deserializer.deserialize_any(EndVisitor)
    }
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FileVisitor;
        impl<'de> Visitor<'de> for FileVisitor {
            type Value = File;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a topology {\"nodes\": […], \"edges\": […]}, a schedule [[edge, …], …], or a graph {\"name\": [[\"name\", ms], …], …}",
                )
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<File, A::Error> {
                let mut frames = Vec::new();
                while let Some(frame) = seq.next_element()? {
                    frames.push(frame);
                }
                Ok(File::Schedule(frames))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
                let (mut nodes, mut edges, mut directed) = (None, None, None);
                let mut graph = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let twice = match key.as_str() {
                        "nodes" => nodes.replace(map.next_value()?).is_some(),
                        "edges" => edges.replace(map.next_value()?).is_some(),
                        "directed" => directed.replace(map.next_value()?).is_some(),
                        _ => {
                            graph.push((key, map.next_value()?));
                            continue;
                        }
                    };
                    if twice {
                        return Err(A::Error::custom(format!("`{key}` stands there twice")));
                    }
                }
                let ours = nodes.is_some() || edges.is_some() || directed.is_some();
                match (ours, graph.first()) {
                    (true, Some((key, _))) => Err(A::Error::custom(format!(
                        "unknown field `{key}`, expected one of `nodes`, `edges`, `directed`"
                    ))),
                    (true, None) => Ok(File::Topology {
                        nodes,
                        edges: edges.ok_or_else(|| A::Error::missing_field("edges"))?,
                        directed: directed.unwrap_or(false),
                    }),
                    (false, _) => Ok(File::Graph(graph)),
                }
            }
        }
        deserializer.deserialize_any(FileVisitor)
    }
}

fn topology(
    nodes: Option<Vec<FileNode>>,
    edges: Vec<FileEdge>,
    directed: bool,
    options: &ReadOptions,
) -> Result<Schedule, TopologyError> {
    let mut names = Names::default();
    let closed = nodes.is_some();
    for node in nodes.into_iter().flatten() {
        names.declare(node.into())?;
    }
    names.closed = closed;
    Limits::check("nodes", names.list.len(), options.limits.nodes)?;
    let links = names.links(edges, directed, options, |i| format!("edges[{i}]"))?;
    Schedule::new(names.list, vec![links])
}

fn schedule(frames: Vec<Vec<FileEdge>>, options: &ReadOptions) -> Result<Schedule, TopologyError> {
    Limits::check("frames", frames.len(), options.limits.frames)?;
    let mut names = Names::default();
    let mut read = Vec::with_capacity(frames.len());
    for (f, edges) in frames.into_iter().enumerate() {
        read.push(names.links(edges, false, options, |i| format!("frame {f}, edge {i},"))?);
    }
    Schedule::new(names.list, read)
}

fn graph(
    adjacency: Vec<(String, Vec<(String, Delay)>)>,
    options: &ReadOptions,
) -> Result<Schedule, TopologyError> {
    Limits::check("nodes", adjacency.len(), options.limits.nodes)?;
    Limits::check(
        "edges",
        adjacency.iter().map(|(_, to)| to.len()).sum(),
        options.limits.edges,
    )?;
    let mut names = Names::default();
    for (name, _) in &adjacency {
        names.declare(Node {
            name: name.clone(),
            ip: name.clone(),
            node_type: options.default_node_type,
            capacity: None,
            temperature: None,
        })?;
    }
    names.closed = true;
    let mut links = Vec::new();
    for (source, neighbours) in adjacency {
        let edge = || format!("an edge of `{source}`");
        let from = names.find(&source, "source", edge)?;
        for (target, latency) in neighbours {
            links.push(Link {
                source: from,
                target: names.find(&target, "target", edge)?,
                bandwidth: options.default_bandwidth,
                latency,
                directed: true,
            });
        }
    }
    Schedule::new(names.list, vec![links])
}

/// The nodes that were named so far.
#[derive(Default)]
struct Names {
    list: Vec<Node>,
    by_name: HashMap<String, NodeId>,
    /// Whether edges may name nodes only that are known already.
    closed: bool,
}

impl Names {
    fn declare(&mut self, node: Node) -> Result<NodeId, TopologyError> {
        let id = NodeId(self.list.len() as u32);
        if self.by_name.insert(node.name.clone(), id).is_some() {
            return Err(TopologyError::DuplicateNode { name: node.name });
        }
        self.list.push(node);
        Ok(id)
    }

    fn find(
        &self,
        name: &str,
        end: &'static str,
        edge: impl Fn() -> String,
    ) -> Result<NodeId, TopologyError> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| TopologyError::UnknownNode {
                edge: edge(),
                end,
                name: name.to_owned(),
                nearest: nearest(name, self.list.iter().map(|n| n.name.as_str())),
            })
    }

    fn resolve(
        &mut self,
        end: End,
        side: &'static str,
        edge: impl Fn() -> String,
    ) -> Result<NodeId, TopologyError> {
        match end {
            End::Name(name) => self.find(&name, side, edge),
            End::Node(node) => {
                let node = Node::from(*node);
                match self.by_name.get(&node.name) {
                    Some(&id) if self.list[id.index()] == node => Ok(id),
                    Some(_) => Err(TopologyError::ConflictingNode {
                        edge: edge(),
                        name: node.name,
                    }),
                    None if self.closed => self.find(&node.name, side, edge),
                    None => self.declare(node),
                }
            }
        }
    }

    fn links(
        &mut self,
        edges: Vec<FileEdge>,
        directed: bool,
        options: &ReadOptions,
        name: impl Fn(usize) -> String,
    ) -> Result<Vec<Link>, TopologyError> {
        Limits::check("edges", edges.len(), options.limits.edges)?;
        let mut links = Vec::with_capacity(edges.len());
        for (i, edge) in edges.into_iter().enumerate() {
            links.push(Link {
                source: self.resolve(edge.source, "source", || name(i))?,
                target: self.resolve(edge.target, "target", || name(i))?,
                bandwidth: edge.bandwidth,
                latency: edge.latency,
                directed: directed || edge.directed,
            });
            Limits::check("nodes", self.list.len(), options.limits.nodes)?;
        }
        Ok(links)
    }
}
