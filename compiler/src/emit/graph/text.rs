//! Graphs in the languages of other programs: DOT, Mermaid.

use super::picture::{Line, Mark, Node, NodeKind, Picture, Stroke};
use std::{collections::BTreeSet, fmt::Write};

/// Graphviz's language.
pub(super) fn dot(picture: &Picture) -> String {
    let mut out =
        String::from("digraph skylark {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    let id = |node: &Node| match node.kind {
        NodeKind::Function => quoted(&node.name),
        NodeKind::State => quoted(&format!("state:{}", node.name)),
        NodeKind::External => quoted(&format!("external:{}", node.name)),
    };
    for node in &picture.nodes {
        let shape = match node.kind {
            NodeKind::Function => "shape=box",
            NodeKind::State => "shape=cylinder",
            NodeKind::External => "shape=box, style=rounded",
        };
        let label = quoted(&format!("{}\n{}", node.name, node.detail));
        let color = color(node.mark);
        line(
            &mut out,
            format_args!("  {} [{shape}, label={label}{color}];", id(node)),
        );
    }
    for edge in &picture.edges {
        let (from, to) = (id(&picture.nodes[edge.from]), id(&picture.nodes[edge.to]));
        let mut how = Vec::new();
        match edge.stroke {
            Stroke::Next | Stroke::Call => {}
            Stroke::Branch | Stroke::Error => how.push("style=dashed"),
            Stroke::Send => how.extend(["style=dashed", "arrowhead=vee"]),
            Stroke::Reads => how.extend(["style=dotted", "dir=back"]),
            Stroke::Writes => how.push("style=dotted"),
            Stroke::Both => how.extend(["style=dotted", "dir=both"]),
            Stroke::Uses => how.extend(["style=dotted", "arrowhead=none"]),
        }
        let label = quoted(&edge.label);
        let label = (!edge.label.is_empty()).then(|| format!("label={label}"));
        let how: Vec<&str> = how.into_iter().chain(label.as_deref()).collect();
        let color = color(edge.mark);
        line(
            &mut out,
            format_args!("  {from} -> {to} [{}{color}];", how.join(", ")),
        );
    }
    out + "}\n"
}

fn color(mark: Mark) -> &'static str {
    match mark {
        Mark::Same => "",
        Mark::Added => ", color=\"#1a7f37\", fontcolor=\"#1a7f37\", penwidth=2",
        Mark::Removed => ", color=\"#cf222e\", fontcolor=\"#cf222e\", penwidth=2",
        Mark::Changed => ", color=\"#9a6700\", fontcolor=\"#9a6700\", penwidth=2",
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

/// Mermaid's flowchart.
pub(super) fn mermaid(picture: &Picture) -> String {
    let mut given = Ids::default();
    let ids: Vec<String> = picture
        .nodes
        .iter()
        .map(|node| given.of(&node.name))
        .collect();
    let mut out = String::from("flowchart LR\n");
    for (node, id) in picture.nodes.iter().zip(&ids) {
        let text = escaped(&format!("{}\n{}", node.name, node.detail));
        let (open, close) = match node.kind {
            NodeKind::Function => ("[", "]"),
            NodeKind::State => ("[(", ")]"),
            NodeKind::External => ("([", "])"),
        };
        line(&mut out, format_args!("  {id}{open}\"{text}\"{close}"));
    }
    for edge in &picture.edges {
        let (from, to) = (&ids[edge.from], &ids[edge.to]);
        let drawn = arrow(edge);
        match edge.stroke {
            // Mermaid has no arrow that points back.
            Stroke::Reads => line(&mut out, format_args!("  {to} {drawn} {from}")),
            _ => line(&mut out, format_args!("  {from} {drawn} {to}")),
        }
    }
    for mark in Mark::ALL {
        styled(&mut out, picture, &ids, mark);
    }
    out
}

fn arrow(edge: &Line) -> String {
    let arrow = match edge.stroke {
        Stroke::Next | Stroke::Call => "-->",
        Stroke::Branch | Stroke::Error | Stroke::Reads | Stroke::Writes => "-.->",
        Stroke::Send => "-.-x",
        Stroke::Both => "<-.->",
        Stroke::Uses => "-.-",
    };
    if edge.label.is_empty() {
        return arrow.to_owned();
    }
    format!("{arrow}|\"{}\"|", escaped(&edge.label))
}

/// Colours what a comparison says of it.
fn styled(out: &mut String, picture: &Picture, ids: &[String], mark: Mark) {
    let (stroke, fill) = match mark {
        Mark::Same => return,
        Mark::Added => ("#1a7f37", "#dafbe1"),
        Mark::Removed => ("#cf222e", "#ffebe9"),
        Mark::Changed => ("#9a6700", "#fff8c5"),
    };
    let name = mark.name();
    let nodes: Vec<&str> = picture
        .nodes
        .iter()
        .zip(ids)
        .filter(|(node, _)| node.mark == mark)
        .map(|(_, id)| id.as_str())
        .collect();
    if !nodes.is_empty() {
        line(
            out,
            format_args!(
                "  classDef {name} stroke:{stroke},fill:{fill},color:#1f2430,stroke-width:2px"
            ),
        );
        line(out, format_args!("  class {} {name}", nodes.join(",")));
    }
    let edges: Vec<String> = picture
        .edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| edge.mark == mark)
        .map(|(number, _)| number.to_string())
        .collect();
    if !edges.is_empty() {
        let edges = edges.join(",");
        line(
            out,
            format_args!("  linkStyle {edges} stroke:{stroke},stroke-width:2px"),
        );
    }
}

/// Gives names that Mermaid reads as such: its words and `-` mean something
/// to it, and a function may be named like a state.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn of(&mut self, name: &str) -> String {
        const WORDS: [&str; 9] = [
            "class",
            "click",
            "default",
            "direction",
            "end",
            "graph",
            "linkstyle",
            "style",
            "subgraph",
        ];
        let mut id = name.replace('-', "_");
        while WORDS.contains(&id.to_lowercase().as_str()) || !self.0.insert(id.clone()) {
            id.push('_');
        }
        id
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', "<br/>")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = writeln!(out, "{text}");
}
