//! A graph as it is drawn, in whatever language: what is written on what, and
//! what of it is new.

use super::{Edge, EdgeKind, External, Graph};
use skylark_abi::{
    call::Scope,
    schema::{Function, State},
};
use std::collections::BTreeMap;

/// What is drawn. Nodes and edges are in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) name: String,
    /// Its signature, its type, its address.
    pub(super) detail: String,
    pub(super) mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NodeKind {
    Function,
    State,
    External,
}

/// An edge between nodes, by their numbers.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) stroke: Stroke,
    pub(super) label: String,
    pub(super) mark: Mark,
}

/// How an edge is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stroke {
    /// The result goes on.
    Next,
    /// The result goes on under a condition, or with others.
    Branch,
    /// A failure goes on.
    Error,
    /// A call, whose answer is awaited.
    Call,
    /// A call that nobody waits for.
    Send,
    Reads,
    Writes,
    /// Reads and writes.
    Both,
    /// Uses, in some way.
    Uses,
}

impl Stroke {
    pub(super) const ALL: [Self; 9] = [
        Self::Next,
        Self::Branch,
        Self::Error,
        Self::Call,
        Self::Send,
        Self::Reads,
        Self::Writes,
        Self::Both,
        Self::Uses,
    ];

    fn of(kind: EdgeKind) -> Self {
        match kind {
            EdgeKind::Next | EdgeKind::Each => Self::Next,
            EdgeKind::Choice | EdgeKind::Join => Self::Branch,
            EdgeKind::OnError => Self::Error,
            EdgeKind::Call | EdgeKind::CallLater | EdgeKind::Asks => Self::Call,
            EdgeKind::OneWay | EdgeKind::OneWayLater => Self::Send,
            EdgeKind::Reads => Self::Reads,
            EdgeKind::Writes => Self::Writes,
            EdgeKind::Uses => Self::Uses,
        }
    }
}

/// What a comparison says of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    #[default]
    Same,
    Added,
    Removed,
    Changed,
}

impl Mark {
    pub(super) const ALL: [Self; 4] = [Self::Same, Self::Added, Self::Removed, Self::Changed];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl Picture {
    pub(super) fn of(graph: &Graph) -> Self {
        Self::marked(graph, |_, _| Mark::Same, |_| Mark::Same)
    }

    /// The picture of a graph, with marks on nodes and edges.
    pub(super) fn marked(
        graph: &Graph,
        node: impl Fn(NodeKind, &str) -> Mark,
        edge: impl Fn(&Edge) -> Mark,
    ) -> Self {
        let mut picture = Self::default();
        let mut numbers: BTreeMap<(NodeKind, &str), usize> = BTreeMap::new();
        let functions = graph
            .functions
            .iter()
            .map(|(name, f)| (NodeKind::Function, name, signature(f)));
        let states = graph
            .states
            .iter()
            .map(|(name, s)| (NodeKind::State, name, state(s)));
        let externals = graph
            .externals
            .iter()
            .map(|(name, e)| (NodeKind::External, name, external(e)));
        for (kind, name, detail) in functions.chain(states).chain(externals) {
            numbers.insert((kind, name), picture.nodes.len());
            picture.nodes.push(Node {
                kind,
                name: name.clone(),
                detail,
                mark: node(kind, name),
            });
        }
        let number = |kind, name: &str| numbers.get(&(kind, name)).copied();
        for given in &graph.edges {
            let to = number(target(given.kind), &given.to);
            let (Some(from), Some(to)) = (number(NodeKind::Function, &given.from), to) else {
                continue;
            };
            let (stroke, mark) = (Stroke::of(given.kind), edge(given));
            // One line for both ways, where both are as new.
            if stroke == Stroke::Writes
                && let Some(read) = picture.edges.iter_mut().find(|line| {
                    (line.from, line.to, line.stroke, line.mark) == (from, to, Stroke::Reads, mark)
                })
            {
                read.stroke = Stroke::Both;
                continue;
            }
            picture.edges.push(Line {
                from,
                to,
                stroke,
                label: label(graph, given),
                mark,
            });
        }
        picture
    }
}

/// What an edge of this kind leads to.
pub(super) fn target(kind: EdgeKind) -> NodeKind {
    match kind {
        EdgeKind::Reads | EdgeKind::Writes | EdgeKind::Uses => NodeKind::State,
        EdgeKind::Asks => NodeKind::External,
        _ => NodeKind::Function,
    }
}

/// What a drawing writes on an edge: what it carries, or when it is taken.
fn label(graph: &Graph, edge: &Edge) -> String {
    let output = || graph.functions.get(&edge.from).map_or("", |f| &f.output);
    match edge.kind {
        EdgeKind::Next => output().to_owned(),
        EdgeKind::Each => format!("each of {}", output()),
        EdgeKind::Choice => "choice".to_owned(),
        EdgeKind::Join => "join".to_owned(),
        EdgeKind::OnError => "on error".to_owned(),
        EdgeKind::Call => "call".to_owned(),
        EdgeKind::CallLater => "call, later".to_owned(),
        EdgeKind::OneWay => "one-way".to_owned(),
        EdgeKind::OneWayLater => "one-way, later".to_owned(),
        EdgeKind::Asks => "asks".to_owned(),
        EdgeKind::Reads | EdgeKind::Writes | EdgeKind::Uses => String::new(),
    }
}

pub(super) fn signature(function: &Function) -> String {
    let args: Vec<&str> = function.args.iter().map(|arg| arg.ty.as_str()).collect();
    format!("({}) -> {}", args.join(", "), function.output)
}

pub(super) fn state(state: &State) -> String {
    match (state.scope, &state.key) {
        (Scope::Key, Some(key)) => format!("{} by {key}", state.ty),
        (Scope::Chain, _) => format!("{} of a run", state.ty),
        _ => state.ty.clone(),
    }
}

pub(super) fn external(external: &External) -> String {
    format!("{} {}", external.method, external.url)
}
