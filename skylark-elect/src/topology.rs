//! Nodes, links, and the network at one time.

use crate::{
    error::{TopologyError, nearest},
    graph::Graph,
    units::{Bandwidth, Bytes, Delay},
};
use serde::{Deserialize, Serialize};
use skylark_abi::schema::NodeType;
use std::{collections::HashMap, sync::Arc};

/// A node of one [`Schedule`](crate::Schedule): its index there. It means
/// nothing in another schedule; names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node, as the published node objects spell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique in its schedule.
    #[serde(rename = "node_name")]
    pub name: String,
    /// Where it is reached: `host` or `host:port`.
    #[serde(rename = "node_ip")]
    pub ip: String,
    /// Its type.
    pub node_type: NodeType,
    /// Bytes of state and memory that it has free; not limited if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Bytes>,
    /// Its temperature in °C; taken as cool if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

/// A link between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One end.
    pub source: NodeId,
    /// The other end.
    pub target: NodeId,
    /// What passes per second.
    pub bandwidth: Bandwidth,
    /// How long the first bit is on its way.
    pub latency: Delay,
    /// Whether it leads from `source` to `target` only.
    pub directed: bool,
}

/// The longest latency of one link: an hour.
pub const MAX_LINK_LATENCY: Delay = Delay::from_micros(3_600_000_000);

/// The nodes of a schedule, shared by all its frames.
#[derive(Debug)]
pub(crate) struct Nodes {
    list: Vec<Node>,
    by_name: HashMap<String, NodeId>,
    by_type: [Vec<NodeId>; NodeType::ALL.len()],
    all: Vec<NodeId>,
}

impl Nodes {
    /// # Errors
    /// None at all, a name twice, an empty name, a temperature that is no
    /// number.
    pub(crate) fn new(list: Vec<Node>) -> Result<Arc<Self>, TopologyError> {
        if list.is_empty() {
            return Err(TopologyError::Empty);
        }
        let mut by_name = HashMap::with_capacity(list.len());
        let mut by_type: [Vec<NodeId>; NodeType::ALL.len()] = Default::default();
        for (index, node) in list.iter().enumerate() {
            let id =
                NodeId(u32::try_from(index).map_err(|_| {
                    TopologyError::too_many("nodes", list.len(), u32::MAX as usize)
                })?);
            if node.name.is_empty() {
                return Err(TopologyError::NamelessNode { index });
            }
            if node.temperature.is_some_and(|t| !t.is_finite()) {
                return Err(TopologyError::Temperature {
                    node: node.name.clone(),
                });
            }
            if by_name.insert(node.name.clone(), id).is_some() {
                return Err(TopologyError::DuplicateNode {
                    name: node.name.clone(),
                });
            }
            by_type[node.node_type as usize].push(id);
        }
        let all = (0..list.len() as u32).map(NodeId).collect();
        Ok(Arc::new(Self {
            list,
            by_name,
            by_type,
            all,
        }))
    }

    pub(crate) fn list(&self) -> &[Node] {
        &self.list
    }

    pub(crate) fn get(&self, id: NodeId) -> &Node {
        &self.list[id.index()]
    }

    pub(crate) fn id(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// The name that `name` was probably meant to be.
    pub(crate) fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.list.iter().map(|n| n.name.as_str()))
    }

    /// In the order of the file.
    pub(crate) fn of_type(&self, on: Option<NodeType>) -> &[NodeId] {
        on.map_or(&self.all, |t| &self.by_type[t as usize])
    }
}

/// The network at one time: nodes and the links between them.
#[derive(Debug)]
pub struct Topology {
    nodes: Arc<Nodes>,
    links: Vec<Link>,
    /// Arcs as they lead, for "from here to everywhere".
    forward: Graph,
    /// Arcs turned round, for "from everywhere to here"; `None` if that is
    /// the same graph.
    reverse: Option<Graph>,
}

impl Topology {
    /// # Errors
    /// A link to itself, or one that takes longer than [`MAX_LINK_LATENCY`].
    pub(crate) fn build(nodes: Arc<Nodes>, links: Vec<Link>) -> Result<Self, TopologyError> {
        for (index, link) in links.iter().enumerate() {
            if link.source == link.target {
                return Err(TopologyError::SelfLoop {
                    edge: index,
                    name: nodes.get(link.source).name.clone(),
                });
            }
            if link.latency > MAX_LINK_LATENCY {
                return Err(TopologyError::Latency {
                    edge: index,
                    latency: link.latency,
                });
            }
        }
        let forward = Graph::new(nodes.list().len(), &links, false);
        let reverse = links
            .iter()
            .any(|l| l.directed)
            .then(|| Graph::new(nodes.list().len(), &links, true));
        Ok(Self {
            nodes,
            links,
            forward,
            reverse,
        })
    }

    /// All nodes of the schedule, with links here or not, in its order.
    pub fn nodes(&self) -> &[Node] {
        self.nodes.list()
    }

    /// The links, in the order of the file.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id)
    }

    /// The node of this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.id(name)
    }

    /// Who shares a link with `id`, either way, each once, in the order of
    /// the file.
    pub fn neighbors(&self, id: NodeId) -> Vec<NodeId> {
        let mut seen = vec![false; self.nodes.list().len()];
        self.links
            .iter()
            .filter_map(|l| match (l.source == id, l.target == id) {
                (true, _) => Some(l.target),
                (_, true) => Some(l.source),
                _ => None,
            })
            .filter(|n| !std::mem::replace(&mut seen[n.index()], true))
            .collect()
    }

    /// The graph to search for paths that end (`to`) or begin at a node.
    pub(crate) fn graph(&self, to: bool) -> &Graph {
        match &self.reverse {
            Some(reverse) if to => reverse,
            _ => &self.forward,
        }
    }
}
