//! The crate's functions, chains and states as a graph: JSON, DOT, Mermaid.

use crate::{
    check::app::Successors,
    read::krate::{Body, Model},
};
use serde::Serialize;
use skylark_abi::schema::{Function, State};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// What runs after what, and who uses which state. Everything is ordered by
/// name, so equal crates give equal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
    /// State variables by name.
    pub states: BTreeMap<String, State>,
    /// The edges, in order.
    pub edges: Vec<Edge>,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// A function's name.
    pub from: String,
    /// A function's name, or a state's for [`EdgeKind::Uses`].
    pub to: String,
    /// What it means.
    pub kind: EdgeKind,
}

/// What an edge means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// The result of one goes to the other.
    Next,
    /// Every element of the result of one goes to the other, in its own branch.
    Each,
    /// The result of one may go to the other: it decides.
    Choice,
    /// The results of one's branches go to the other.
    Join,
    /// The failure of one goes to the other.
    OnError,
    /// The function, or one that it may call, mentions the state.
    Uses,
}

impl EdgeKind {
    /// How a function's edges to its successors are meant.
    fn of_next(function: &Function) -> Self {
        match (function.each, function.choice) {
            (true, _) => Self::Each,
            (_, true) => Self::Choice,
            _ => Self::Next,
        }
    }
}

impl Graph {
    /// The graph of a crate. Successors that do not resolve are left out; the
    /// checks report them.
    pub fn of(model: &Model) -> Self {
        let names = |f: usize| model.functions[f].schema.name.clone();
        let mut edges = BTreeSet::new();
        let resolved = Successors::resolve(model);
        for (from, successors) in resolved.edges.iter().enumerate() {
            let (join, handler) = (resolved.joins[from], resolved.handlers[from]);
            // What joins is the last of the successors.
            let plain = &successors[..successors.len() - usize::from(join.is_some())];
            let next = EdgeKind::of_next(&model.functions[from].schema);
            let next = plain.iter().map(|to| (*to, next));
            let join = join.map(|to| (to, EdgeKind::Join));
            let error = handler.map(|to| (to, EdgeKind::OnError));
            for (to, kind) in next.chain(join).chain(error) {
                edges.insert(Edge {
                    from: names(from),
                    to: names(to),
                    kind,
                });
            }
        }
        for function in &model.functions {
            let mentions = mentions(&model.bodies, &function.schema.ident);
            for state in &model.states {
                // Of a field, its struct and itself, if it has a name.
                let mut parts = state.schema.ident.split("::");
                let is_index = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
                if parts.all(|part| mentions.contains(part) || is_index(part)) {
                    edges.insert(Edge {
                        from: function.schema.name.clone(),
                        to: state.schema.name.clone(),
                        kind: EdgeKind::Uses,
                    });
                }
            }
        }
        let functions = model.functions.iter().map(|f| f.schema.clone());
        let states = model.states.iter().map(|s| s.schema.clone());
        Self {
            functions: functions.map(|f| (f.name.clone(), f)).collect(),
            states: states.map(|s| (s.name.clone(), s)).collect(),
            edges: edges.into_iter().collect(),
        }
    }

    /// Indented JSON.
    pub fn json(&self) -> String {
        // Strings under string keys: nothing that JSON could refuse.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Graphviz's language.
    pub fn dot(&self) -> String {
        let mut out =
            String::from("digraph skylark {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
        for (name, function) in &self.functions {
            let label = escape_dot(&format!("{name}\n{}", signature(function)));
            line(
                &mut out,
                format_args!("  \"{name}\" [shape=box, label=\"{label}\"];"),
            );
        }
        for (name, state) in &self.states {
            let label = escape_dot(&format!("{name}\n{}", state.ty));
            line(
                &mut out,
                format_args!("  \"state:{name}\" [shape=cylinder, label=\"{label}\"];"),
            );
        }
        for edge in &self.edges {
            let Edge { from, to, kind } = edge;
            let label = escape_dot(&self.label(edge));
            let drawn = match kind {
                EdgeKind::Next | EdgeKind::Each => {
                    format!("\"{to}\" [label=\"{label}\"]")
                }
                EdgeKind::Choice | EdgeKind::Join | EdgeKind::OnError => {
                    format!("\"{to}\" [style=dashed, label=\"{label}\"]")
                }
                EdgeKind::Uses => format!("\"state:{to}\" [style=dashed, arrowhead=none]"),
            };
            line(&mut out, format_args!("  \"{from}\" -> {drawn};"));
        }
        out + "}\n"
    }

    /// Mermaid's flowchart.
    pub fn mermaid(&self) -> String {
        let mut ids = Ids::default();
        let functions = ids.of(self.functions.keys());
        let states = ids.of(self.states.keys());
        let id = |ids: &BTreeMap<&str, String>, name: &str| {
            ids.get(name).cloned().unwrap_or_else(|| name.to_owned())
        };
        let mut out = String::from("flowchart LR\n");
        for (name, f) in &self.functions {
            let text = escape_html(&format!("{name}\n{}", signature(f)));
            line(
                &mut out,
                format_args!("  {}[\"{text}\"]", id(&functions, name)),
            );
        }
        for (name, s) in &self.states {
            let text = escape_html(&format!("{name}\n{}", s.ty));
            line(
                &mut out,
                format_args!("  {}[(\"{text}\")]", id(&states, name)),
            );
        }
        for edge in &self.edges {
            let Edge { from, to, kind } = edge;
            let label = escape_html(&self.label(edge));
            let from = id(&functions, from);
            let drawn = match kind {
                EdgeKind::Next | EdgeKind::Each => {
                    format!("-->|\"{label}\"| {}", id(&functions, to))
                }
                EdgeKind::Choice | EdgeKind::Join | EdgeKind::OnError => {
                    format!("-.->|\"{label}\"| {}", id(&functions, to))
                }
                EdgeKind::Uses => format!("-.- {}", id(&states, to)),
            };
            line(&mut out, format_args!("  {from} {drawn}"));
        }
        out
    }

    /// What a drawing writes on an edge: what it carries, or when it is taken.
    fn label(&self, edge: &Edge) -> String {
        let output = self.output(&edge.from);
        match edge.kind {
            EdgeKind::Next => output.to_owned(),
            EdgeKind::Each => format!("each of {output}"),
            EdgeKind::Choice => "choice".to_owned(),
            EdgeKind::Join => "join".to_owned(),
            EdgeKind::OnError => "on error".to_owned(),
            EdgeKind::Uses => String::new(),
        }
    }

    fn output(&self, function: &str) -> &str {
        self.functions.get(function).map_or("", |f| &f.output)
    }
}

/// Gives names that Mermaid reads as such: its words and `-` mean something
/// to it, and a function may be named like a state.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of<'a>(&mut self, names: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, String> {
        const WORDS: [&str; 8] = [
            "class",
            "click",
            "default",
            "direction",
            "end",
            "graph",
            "style",
            "subgraph",
        ];
        let mut ids = BTreeMap::new();
        for name in names {
            let mut id = name.replace('-', "_");
            while WORDS.contains(&id.to_lowercase().as_str()) || !self.0.insert(id.clone()) {
                id.push('_');
            }
            ids.insert(name.as_str(), id);
        }
        ids
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = writeln!(out, "{text}");
}

fn signature(function: &Function) -> String {
    let args: Vec<&str> = function.args.iter().map(|arg| arg.ty.as_str()).collect();
    format!("({}) -> {}", args.join(", "), function.output)
}

fn escape_dot(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', "<br/>")
}

/// Everything that `function` and the functions that it may call mention. A
/// method counts as called where both its name and its type's are mentioned.
fn mentions<'a>(bodies: &'a [Body], function: &'a str) -> BTreeSet<&'a str> {
    let (owner, name) = match function.rsplit_once("::") {
        Some((owner, name)) => (Some(owner), name),
        None => (None, function),
    };
    let mut seen: BTreeSet<&str> = owner.into_iter().collect();
    let mut entered = BTreeSet::new();
    let enters = |body: &Body, seen: &BTreeSet<&str>| {
        let root = body.owner.as_deref() == owner && body.name == name;
        root || (seen.contains(body.name.as_str())
            && body
                .owner
                .as_deref()
                .is_none_or(|owner| seen.contains(owner)))
    };
    // Until nothing is added; each round enters at least one body.
    loop {
        let next = (0..bodies.len())
            .find(|index| !entered.contains(index) && enters(&bodies[*index], &seen));
        let Some(next) = next else { break };
        entered.insert(next);
        seen.extend(bodies[next].mentions.iter().map(String::as_str));
    }
    seen
}
