//! The crate's functions, chains, calls and states as a graph: JSON, DOT, Mermaid,
//! SVG; and what is other in it than it was.

mod diff;
mod edges;
mod layout;
mod picture;
mod svg;
mod text;

pub use diff::{Changes, GraphDiff};

use crate::read::krate::Model;
use picture::Picture;
use serde::Serialize;
use skylark_abi::schema::{Function, State};
use std::collections::BTreeMap;

/// What runs after what, who calls whom, and who uses which state. Everything is
/// ordered by name and nothing says where in the source it is, so equal crates give
/// equal text, and what changes in the text has changed in the crate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Graph {
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
    /// State variables by name.
    pub states: BTreeMap<String, State>,
    /// Servers outside by the name of the function that asks them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub externals: BTreeMap<String, External>,
    /// The edges, in order.
    pub edges: Vec<Edge>,
}

/// A server outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct External {
    /// `POST`, …
    pub method: String,
    /// Where to, with `{argument}`s.
    pub url: String,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// A function's name.
    pub from: String,
    /// The name of what [`EdgeKind`] says.
    pub to: String,
    /// What it means.
    pub kind: EdgeKind,
}

/// What an edge means. It leads to a function unless it says otherwise.
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
    /// One calls the other and may wait for its answer.
    Call,
    /// As [`EdgeKind::Call`], after a delay.
    CallLater,
    /// One starts the other, and nobody waits for it.
    OneWay,
    /// As [`EdgeKind::OneWay`], after a delay.
    OneWayLater,
    /// The function may ask a server outside.
    Asks,
    /// The function may read a state.
    Reads,
    /// The function may write a state.
    Writes,
    /// The function mentions a state, and what it does with it cannot be seen.
    Uses,
}

impl Graph {
    /// The graph of a crate. Successors that do not resolve are left out; the
    /// checks report them.
    pub fn of(model: &Model) -> Self {
        let functions = model.functions.iter().map(|f| f.schema.clone());
        let states = model.states.iter().map(|s| s.schema.clone());
        Self {
            functions: functions.map(|f| (f.name.clone(), f)).collect(),
            states: states.map(|s| (s.name.clone(), s)).collect(),
            externals: model
                .externals
                .iter()
                .map(|external| {
                    let told = External {
                        method: external.method.to_owned(),
                        url: external.url.clone(),
                    };
                    (external.name.clone(), told)
                })
                .collect(),
            edges: edges::of(model),
        }
    }

    /// Indented JSON.
    pub fn json(&self) -> String {
        // Strings under string keys: nothing that JSON could refuse.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Graphviz's language.
    pub fn dot(&self) -> String {
        text::dot(&Picture::of(self))
    }

    /// Mermaid's flowchart.
    pub fn mermaid(&self) -> String {
        text::mermaid(&Picture::of(self))
    }

    /// A picture, with a title for those who do not see it.
    pub fn svg(&self, title: &str) -> String {
        svg::svg(&Picture::of(self), title)
    }
}
