//! A module's whole schema: its records read, put together, and refused if they do not
//! fit.

use super::{Function, Item, Record, State};
use crate::{call::Scope, names};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Its functions by name.
    pub functions: BTreeMap<String, FunctionEntry>,
    /// Its state variables by name.
    pub states: BTreeMap<String, StateEntry>,
}

/// A function and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionEntry {
    /// Its Rust module.
    pub module: String,
    /// The function.
    #[serde(flatten)]
    pub function: Function,
    /// Names of its successors, resolved; as long as `function.next`.
    pub successors: Vec<String>,
    /// Name of what `function.join` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_to: Option<String>,
    /// Name of what `function.on_error` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
}

/// A state variable and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEntry {
    /// Its Rust module.
    pub module: String,
    /// The variable.
    #[serde(flatten)]
    pub state: State,
}

/// Why a module's schema is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaError {
    /// There is no such section.
    Missing,
    /// It was written by other macros.
    Version {
        /// What the module says.
        found: u32,
    },
    /// It is no sequence of frames, or a frame is no record.
    Malformed(String),
    /// Two items want one name.
    Duplicate {
        /// `function` or `state`.
        what: &'static str,
        /// The name.
        name: String,
        /// Their Rust modules.
        modules: [String; 2],
    },
    /// `next = …` names nothing.
    UnknownSuccessor {
        /// Who names it.
        function: String,
        /// What it names.
        successor: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// `next = …` names several.
    AmbiguousSuccessor {
        /// Who names it.
        function: String,
        /// What it names.
        successor: String,
        /// What it may mean.
        candidates: Vec<String>,
    },
}

impl std::fmt::Display for SchemaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => write!(
                f,
                "the module has no `{}` section: it was not built from an annotated Skylark app; \
                 annotate a handler with `#[skylark::function]` and build for wasm32-wasip1",
                names::SECTION
            ),
            Self::Version { found } => {
                let ours = names::ABI_VERSION;
                let mend = if *found < ours {
                    "rebuild the module with the `skylark-rt` of this release"
                } else {
                    "update the node and `cargo skylark`, or build with an older `skylark-rt`"
                };
                write!(
                    f,
                    "the module speaks schema version {found}, this is version {ours}: {mend}"
                )
            }
            Self::Malformed(why) => {
                write!(f, "the `{}` section is malformed: {why}", names::SECTION)
            }
            Self::Duplicate {
                what,
                name,
                modules: [a, b],
            } => {
                let option = if *what == "state" { "rename" } else { "name" };
                write!(
                    f,
                    "two {what}s are named `{name}`: one in `{a}`, one in `{b}`; \
                     give one another name with `{option} = \"…\"`"
                )
            }
            Self::UnknownSuccessor {
                function,
                successor,
                nearest,
            } => {
                write!(
                    f,
                    "`{function}` names the successor `{successor}`, which is no annotated function of this app"
                )?;
                match nearest {
                    Some(n) => write!(f, "; did you mean `{n}`?"),
                    None => Ok(()),
                }
            }
            Self::AmbiguousSuccessor {
                function,
                successor,
                candidates,
            } => write!(
                f,
                "`{function}` names the successor `{successor}`, which may be any of {}; write more of its path",
                candidates.join(", ")
            ),
        }
    }
}

impl std::error::Error for SchemaError {}

impl Schema {
    /// Reads the schema from the contents of a module's sections of that name.
    ///
    /// # Errors
    /// Every fault found, not the first only.
    pub fn from_sections<'a>(
        sections: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Vec<SchemaError>> {
        let mut records = Vec::new();
        for section in sections {
            records.extend(read_frames(section).map_err(|e| vec![e])?);
        }
        if records.is_empty() {
            return Err(vec![SchemaError::Missing]);
        }
        Self::from_records(records)
    }

    /// Puts records together.
    ///
    /// # Errors
    /// Duplicate names and successors that cannot be resolved.
    pub fn from_records(
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, Vec<SchemaError>> {
        let mut schema = Self::default();
        let mut errors = Vec::new();
        for Record { module, item, .. } in records {
            let (what, name, earlier) = match item {
                Item::Function(function) => {
                    let name = function.name.clone();
                    let entry = FunctionEntry {
                        module: module.clone(),
                        function,
                        successors: Vec::new(),
                        join_to: None,
                        handler: None,
                    };
                    let earlier = schema.functions.insert(name.clone(), entry);
                    ("function", name, earlier.map(|e| e.module))
                }
                Item::State(state) => {
                    let name = state.name.clone();
                    let entry = StateEntry {
                        module: module.clone(),
                        state,
                    };
                    let earlier = schema.states.insert(name.clone(), entry);
                    ("state", name, earlier.map(|e| e.module))
                }
            };
            if let Some(earlier) = earlier {
                let mut modules = [earlier, module];
                modules.sort();
                errors.push(SchemaError::Duplicate {
                    what,
                    name,
                    modules,
                });
            }
        }
        for name in schema.taken_twice() {
            errors.push(name);
        }
        let mut resolved = Vec::new();
        for (name, entry) in &schema.functions {
            let Function {
                next,
                join,
                on_error,
                ..
            } = &entry.function;
            let edges = next.iter().map(|path| (Edge::Next, path));
            let edges = edges
                .chain(join.iter().map(|path| (Edge::Join, path)))
                .chain(on_error.iter().map(|path| (Edge::OnError, path)));
            for (edge, path) in edges {
                match schema.resolve(&entry.module, path) {
                    Ok(successor) => resolved.push((name.clone(), edge, successor.to_owned())),
                    Err(candidates) if candidates.is_empty() => {
                        let idents = schema.functions.values().map(|e| e.function.ident.as_str());
                        errors.push(SchemaError::UnknownSuccessor {
                            function: name.clone(),
                            successor: path.clone(),
                            nearest: nearest(last_segment(path), idents).map(str::to_owned),
                        });
                    }
                    Err(candidates) => errors.push(SchemaError::AmbiguousSuccessor {
                        function: name.clone(),
                        successor: path.clone(),
                        candidates,
                    }),
                }
            }
        }
        for (name, edge, to) in resolved {
            if let Some(entry) = schema.functions.get_mut(&name) {
                match edge {
                    Edge::Next => entry.successors.push(to),
                    Edge::Join => entry.join_to = Some(to),
                    Edge::OnError => entry.handler = Some(to),
                }
            }
        }
        if errors.is_empty() {
            Ok(schema)
        } else {
            Err(errors)
        }
    }

    /// Earlier names that another variable has, or had.
    fn taken_twice(&self) -> Vec<SchemaError> {
        let mut owners: BTreeMap<&str, &StateEntry> = BTreeMap::new();
        for (name, entry) in &self.states {
            owners.insert(name, entry);
        }
        let mut errors = Vec::new();
        for entry in self.states.values() {
            for name in &entry.state.was {
                if let Some(other) = owners.insert(name, entry) {
                    errors.push(SchemaError::Duplicate {
                        what: "state",
                        name: name.clone(),
                        modules: [other.module.clone(), entry.module.clone()],
                    });
                }
            }
        }
        errors
    }

    /// The name of the function that `path`, written in `module`, means: the
    /// one whose Rust path ends in it. A plain identifier, and a method of a type
    /// without more of a path, prefers its own module. `crate`, `self` and `super`
    /// at the front are left out.
    ///
    /// rustc checks the same path as an expression, so a path that means
    /// another function than rustc's can only be one that is ambiguous here.
    ///
    /// # Errors
    /// The candidates, none or several.
    pub fn resolve(&self, module: &str, path: &str) -> Result<&str, Vec<String>> {
        let wanted: Vec<&str> = path
            .split("::")
            .map(str::trim)
            .filter(|s| !matches!(*s, "" | "crate" | "self" | "super"))
            .collect();
        let hits: Vec<&FunctionEntry> = self
            .functions
            .values()
            .filter(|e| {
                // Nobody names a method without its type, not even by `use`.
                let own = e.function.ident.split("::");
                let shortest = own.clone().count();
                let full: Vec<&str> = e.module.split("::").chain(own).collect();
                wanted.len() >= shortest && full.ends_with(&wanted)
            })
            .collect();
        match hits.as_slice() {
            [one] => Ok(&one.function.name),
            _ => match hits
                .iter()
                .filter(|e| e.function.ident == wanted.join("::") && e.module == module)
                .collect::<Vec<_>>()
                .as_slice()
            {
                [own] => Ok(&own.function.name),
                _ => Err(hits
                    .iter()
                    .map(|e| format!("{}::{}", e.module, e.function.ident))
                    .collect()),
            },
        }
    }

    /// Names under which state variables in `scope` that are read whole may be stored: theirs, and
    /// their earlier ones.
    pub fn states_in(&self, scope: Scope) -> impl Iterator<Item = &str> {
        self.states
            .values()
            .filter(move |e| e.state.scope == scope && e.state.is_whole())
            .flat_map(|e| e.state.names())
    }

    /// The state variable that may be stored under this name.
    pub fn state(&self, name: &str) -> Option<&StateEntry> {
        self.states.get(name).or_else(|| {
            let mut all = self.states.values();
            all.find(|e| e.state.was.iter().any(|was| was == name))
        })
    }
}

/// Which option of a function names another.
#[derive(Clone, Copy)]
enum Edge {
    Next,
    Join,
    OnError,
}

/// Encodes one frame of the section.
pub fn frame(record_json: &str) -> Vec<u8> {
    let len = u32::try_from(record_json.len()).unwrap_or(u32::MAX);
    let mut out = len.to_le_bytes().to_vec();
    out.extend_from_slice(record_json.as_bytes());
    out
}

fn read_frames(mut section: &[u8]) -> Result<Vec<Record>, SchemaError> {
    #[derive(Deserialize)]
    struct Version {
        abi: u32,
    }
    let malformed = |why: String| SchemaError::Malformed(why);
    let mut records = Vec::new();
    while let Some((len, rest)) = section.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (json, rest) = rest.split_at_checked(len).ok_or_else(|| {
            malformed(format!(
                "a frame of {len} bytes, of which {} are there",
                rest.len()
            ))
        })?;
        section = rest;
        // The version first: another version's record need not parse.
        let Version { abi } = serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?;
        if abi != names::ABI_VERSION {
            return Err(SchemaError::Version { found: abi });
        }
        records.push(serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?);
    }
    if section.is_empty() {
        Ok(records)
    } else {
        Err(malformed(format!(
            "{} stray bytes at the end",
            section.len()
        )))
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// The candidate nearest to `name` by edit distance, if near enough to be meant.
/// Names are short; of what a caller sends, which need not be, only so much is
/// looked at.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(names::MAX_NAME).collect();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&name, c), c))
        .filter(|(d, c)| *d <= (name.len().max(c.len()) / 3).max(1))
        .min()
        .map(|(_, c)| c)
}
