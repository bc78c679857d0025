//! How the network changes: frames that come round again.

use crate::{
    error::{ElectError, TopologyError},
    topology::{Link, Node, NodeId, Nodes, Topology},
    units::UnixMicros,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use skylark_abi::schema::NodeType;
use std::sync::Arc;

/// Topologies that follow one another, one per minute, and begin again: the
/// frame at a time is `minute of the hour mod number of frames`, as published.
/// A network that does not change is a schedule of one frame.
#[derive(Debug, Clone)]
pub struct Schedule {
    nodes: Arc<Nodes>,
    frames: Vec<Arc<Topology>>,
}

impl Schedule {
    /// A schedule of these nodes, each frame given by its links. The nodes'
    /// order is what [`NodeId::index`] and [`Schedule::id`] count.
    ///
    /// # Errors
    /// No nodes or frames, a name twice, a link to itself, a latency of more
    /// than [`MAX_LINK_LATENCY`](crate::MAX_LINK_LATENCY).
    pub fn new(nodes: Vec<Node>, frames: Vec<Vec<Link>>) -> Result<Self, TopologyError> {
        let nodes = Nodes::new(nodes)?;
        if frames.is_empty() {
            return Err(TopologyError::Empty);
        }
        let frames = frames
            .into_iter()
            .map(|links| Topology::build(nodes.clone(), links).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { nodes, frames })
    }

    /// All nodes, whether they have links in every frame or not.
    pub fn nodes(&self) -> &[Node] {
        self.nodes.list()
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id)
    }

    /// The node of this name.
    ///
    /// # Errors
    /// [`ElectError::UnknownNode`], with the nearest name there is.
    pub fn id(&self, name: &str) -> Result<NodeId, ElectError> {
        self.nodes.id(name).ok_or_else(|| ElectError::UnknownNode {
            name: name.to_owned(),
            nearest: self.nodes.nearest(name),
        })
    }

    /// The nodes of a type, or all, in their order.
    pub fn of_type(&self, on: Option<NodeType>) -> &[NodeId] {
        self.nodes.of_type(on)
    }

    /// The frames; at least one.
    pub fn frames(&self) -> &[Arc<Topology>] {
        &self.frames
    }

    /// Which frame is up at this time.
    pub fn index_at(&self, at: UnixMicros) -> usize {
        at.minute() as usize % self.frames.len()
    }

    /// Which frame is up in the minute after.
    pub fn index_after(&self, at: UnixMicros) -> usize {
        (at.minute() + 1) as usize % 60 % self.frames.len()
    }

    /// The topology at this time.
    pub fn at(&self, at: UnixMicros) -> &Arc<Topology> {
        &self.frames[self.index_at(at)]
    }

    /// The topology in the minute after.
    pub fn after(&self, at: UnixMicros) -> &Arc<Topology> {
        &self.frames[self.index_after(at)]
    }

    /// Frame `t`; the last one if `None`, as published.
    ///
    /// # Errors
    /// [`ElectError::UnknownFrame`].
    pub fn frame(&self, t: Option<usize>) -> Result<&Arc<Topology>, ElectError> {
        let last = self.frames.len() - 1;
        let t = t.unwrap_or(last);
        self.frames
            .get(t)
            .ok_or(ElectError::UnknownFrame { t, last })
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.nodes() == other.nodes()
            && self
                .frames
                .iter()
                .map(|f| f.links())
                .eq(other.frames.iter().map(|f| f.links()))
    }
}

/// The published shape of a schedule: a list of lists of edges.
impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.frames.iter().map(|frame| Edges(frame)))
    }
}

/// `{"nodes": […], "edges": […]}`: the published answer to the topology routes
/// with all nodes beside it, which can be read again as a topology file.
impl Serialize for Topology {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("nodes", self.nodes())?;
        map.serialize_entry("edges", &Edges(self))?;
        map.end()
    }
}

/// Edges between node objects.
struct Edges<'a>(&'a Topology);

impl Serialize for Edges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.links().iter().map(|link| Edge(self.0, link)))
    }
}

struct Edge<'a>(&'a Topology, &'a Link);

impl Serialize for Edge<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(topology, link) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", topology.node(link.source))?;
        map.serialize_entry("target", topology.node(link.target))?;
        map.serialize_entry("bandwidth", &link.bandwidth)?;
        map.serialize_entry("latency", &link.latency)?;
        if link.directed {
            map.serialize_entry("directed", &true)?;
        }
        map.end()
    }
}
