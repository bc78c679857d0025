//! What is other in one graph than in another.

use super::{
    Edge, EdgeKind, Graph,
    picture::{Mark, NodeKind, Picture, external, signature, state},
    svg, text,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write as _};

/// Two graphs compared. Everything is ordered by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GraphDiff {
    /// What became of the functions.
    pub functions: Changes,
    /// What became of the states.
    pub states: Changes,
    /// What became of the servers outside.
    pub externals: Changes,
    /// Edges that are there now.
    pub added_edges: Vec<Edge>,
    /// Edges that are no more.
    pub removed_edges: Vec<Edge>,
    /// Both graphs in one.
    #[serde(skip)]
    union: Graph,
}

/// What became of the nodes of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Changes {
    /// New ones, and what they are.
    pub added: BTreeMap<String, String>,
    /// Those that are no more, and what they were.
    pub removed: BTreeMap<String, String>,
    /// Those that are there still: what of them is other, before and after.
    pub changed: BTreeMap<String, BTreeMap<String, (Value, Value)>>,
}

impl Changes {
    fn between<T: Serialize>(
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
        detail: impl Fn(&T) -> String,
    ) -> Self {
        let only = |these: &BTreeMap<String, T>, those: &BTreeMap<String, T>| {
            let these = these.iter().filter(|(name, _)| !those.contains_key(*name));
            these
                .map(|(name, node)| (name.clone(), detail(node)))
                .collect()
        };
        let both = before
            .iter()
            .filter_map(|(name, old)| Some((name, old, after.get(name)?)));
        let changed = both.map(|(name, old, new)| (name.clone(), fields(old, new)));
        Self {
            added: only(after, before),
            removed: only(before, after),
            changed: changed.filter(|(_, fields)| !fields.is_empty()).collect(),
        }
    }

    fn mark(&self, name: &str) -> Mark {
        if self.added.contains_key(name) {
            Mark::Added
        } else if self.removed.contains_key(name) {
            Mark::Removed
        } else if self.changed.contains_key(name) {
            Mark::Changed
        } else {
            Mark::Same
        }
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    fn text(&self, kind: &str, out: &mut String) {
        let line = |out: &mut String, sign: char, name: &str, rest: &str| {
            // Writing to a `String` does not fail.
            let _ = writeln!(out, "{sign} {kind} {name}{rest}");
        };
        for (name, detail) in &self.added {
            line(out, '+', name, &format!(" {detail}"));
        }
        for (name, detail) in &self.removed {
            line(out, '-', name, &format!(" {detail}"));
        }
        for (name, fields) in &self.changed {
            for (field, (old, new)) in fields {
                line(
                    out,
                    '~',
                    name,
                    &format!(": {field} {} -> {}", shown(old, new), shown(new, old)),
                );
            }
        }
    }
}

/// A value as it reads in a line, beside what it was or became.
fn shown(value: &Value, beside: &Value) -> String {
    match value {
        Value::Null if beside.is_boolean() => "false".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        // Arguments, successors.
        Value::Array(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|one| match (one["name"].as_str(), one["type"].as_str()) {
                    (Some(name), Some(ty)) => format!("{name}: {ty}"),
                    _ => shown(one, &Value::Null),
                })
                .collect();
            format!("({})", all.join(", "))
        }
        other => other.to_string(),
    }
}

/// The fields of two values that differ, those of objects in them by their path.
fn fields<T: Serialize>(old: &T, new: &T) -> BTreeMap<String, (Value, Value)> {
    fn walk(path: &str, old: &Value, new: &Value, out: &mut BTreeMap<String, (Value, Value)>) {
        if old == new {
            return;
        }
        let (Value::Object(a), Value::Object(b)) = (old, new) else {
            out.insert(path.to_owned(), (old.clone(), new.clone()));
            return;
        };
        for key in a.keys().chain(b.keys()) {
            let path = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            let of =
                |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
            walk(&path, &of(a), &of(b), out);
        }
    }
    // Strings and numbers under string keys: nothing that JSON could refuse.
    let json = |value: &T| serde_json::to_value(value).unwrap_or_default();
    let mut out = BTreeMap::new();
    walk("", &json(old), &json(new), &mut out);
    out
}

impl GraphDiff {
    /// Compares two graphs.
    pub fn between(before: &Graph, after: &Graph) -> Self {
        let only = |these: &Graph, those: &Graph| -> Vec<Edge> {
            let these = these.edges.iter();
            these
                .filter(|edge| !those.edges.contains(edge))
                .cloned()
                .collect()
        };
        let mut union = after.clone();
        for (name, node) in &before.functions {
            union
                .functions
                .entry(name.clone())
                .or_insert_with(|| node.clone());
        }
        for (name, node) in &before.states {
            union
                .states
                .entry(name.clone())
                .or_insert_with(|| node.clone());
        }
        for (name, node) in &before.externals {
            union
                .externals
                .entry(name.clone())
                .or_insert_with(|| node.clone());
        }
        let removed_edges = only(before, after);
        union.edges.extend(removed_edges.iter().cloned());
        union.edges.sort();
        Self {
            functions: Changes::between(&before.functions, &after.functions, signature),
            states: Changes::between(&before.states, &after.states, state),
            externals: Changes::between(&before.externals, &after.externals, external),
            added_edges: only(after, before),
            removed_edges,
            union,
        }
    }

    /// Whether both are the same.
    pub fn is_empty(&self) -> bool {
        let nodes = [&self.functions, &self.states, &self.externals];
        nodes.iter().all(|changes| changes.is_empty())
            && self.added_edges.is_empty()
            && self.removed_edges.is_empty()
    }

    /// A line for each change, begun by `+`, `-` or `~`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.functions.text("function", &mut out);
        self.states.text("state", &mut out);
        self.externals.text("external", &mut out);
        let edges = [('+', &self.added_edges), ('-', &self.removed_edges)];
        for (sign, edge) in edges
            .iter()
            .flat_map(|(s, edges)| edges.iter().map(move |e| (s, e)))
        {
            let Edge { from, to, kind } = edge;
            let _ = writeln!(out, "{sign} {from} {} {to}", verb(*kind));
        }
        out
    }

    /// Indented JSON.
    pub fn json(&self) -> String {
        // Strings under string keys: nothing that JSON could refuse.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Graphviz's language: both graphs in one, what is other in colour.
    pub fn dot(&self) -> String {
        text::dot(&self.picture())
    }

    /// Mermaid's flowchart: both graphs in one, what is other in colour.
    pub fn mermaid(&self) -> String {
        text::mermaid(&self.picture())
    }

    /// A picture: both graphs in one, what is other in colour.
    pub fn svg(&self, title: &str) -> String {
        svg::svg(&self.picture(), title)
    }

    fn picture(&self) -> Picture {
        let node = |kind: NodeKind, name: &str| match kind {
            NodeKind::Function => self.functions.mark(name),
            NodeKind::State => self.states.mark(name),
            NodeKind::External => self.externals.mark(name),
        };
        let edge = |edge: &Edge| match edge {
            edge if self.added_edges.contains(edge) => Mark::Added,
            edge if self.removed_edges.contains(edge) => Mark::Removed,
            _ => Mark::Same,
        };
        Picture::marked(&self.union, node, edge)
    }
}

/// What one end of an edge does to the other.
fn verb(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Next => "goes to",
        EdgeKind::Each => "goes, each element, to",
        EdgeKind::Choice => "may go to",
        EdgeKind::Join => "is joined by",
        EdgeKind::OnError => "fails to",
        EdgeKind::Call => "calls",
        EdgeKind::CallLater => "calls, later,",
        EdgeKind::OneWay => "starts",
        EdgeKind::OneWayLater => "starts, later,",
        EdgeKind::Asks => "asks",
        EdgeKind::Reads => "reads",
        EdgeKind::Writes => "writes",
        EdgeKind::Uses => "uses",
    }
}
