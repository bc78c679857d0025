//! The schema that a module carries: its functions, states and chain edges.
//!
//! The custom section [`crate::names::SECTION`] is a sequence of frames, each
//! `[u32 length, little endian][JSON of a Record]`, one for every annotated
//! item; the linker concatenates them in any order. [`Schema::from_sections`]
//! puts them together and refuses what does not fit, all faults at once.

use crate::{
    call::Scope,
    keys::Part,
    names,
    value::{Codec, fingerprint},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// One frame of the section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`names::ABI_VERSION`] of the macros that wrote it.
    pub abi: u32,
    /// Where the item is: `module_path!()`.
    pub module: String,
    /// The item.
    #[serde(flatten)]
    pub item: Item,
}

/// An annotated item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Item {
    /// A handler.
    Function(Function),
    /// A state variable.
    State(State),
}

/// A function of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name in URLs and exports: the Rust name unless `name = "…"`.
    pub name: String,
    /// Its Rust name; of a method, with its type: `Hotel::reserve`.
    pub ident: String,
    /// Its first doc line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// Source text of what it yields: `T` of `T` and of `Result<T, E>`.
    pub output: String,
    /// Whether it returns a `Result`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallible: bool,
    /// Whether it is an `async fn`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_async: bool,
    /// Its successors, as paths written in `next = …`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// `next = each(f)`: one branch per element of the output.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// The output decides which of `next` comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choice: bool,
    /// What gets the outputs of all branches, as a path written in `join = …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<String>,
    /// What gets the failure, as a path written in `on_error = …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<String>,
    /// Limits and placement.
    #[serde(default)]
    pub options: Options,
}

impl Function {
    /// Whether its successors are branches whose ends are gathered.
    pub fn fans_out(&self) -> bool {
        self.each || self.join.is_some() || (self.next.len() > 1 && !self.choice)
    }

    /// Whether its one argument is a body of bytes, which it takes as they come.
    ///
    /// It is the type's name that says so: what is called `Bytes` and is none is
    /// refused when it is decoded.
    pub fn takes_bytes(&self) -> bool {
        matches!(self.args.as_slice(), [arg] if is_bytes(&arg.ty))
    }

    /// How the result of a run that it ends is encoded: bytes as they are
    /// ([`crate::value::bytes_of`]), anything else as JSON.
    pub fn result_codec(&self) -> Codec {
        match is_bytes(&self.output) {
            true => Codec::Compact,
            false => Codec::Json,
        }
    }

    /// Whether an execution of it may wait.
    pub fn may_wait(&self) -> bool {
        self.is_async || self.fans_out()
    }
}

/// Whether a type is written `Bytes`, `skylark::Bytes`, ….
fn is_bytes(ty: &str) -> bool {
    ty.rsplit("::").next().is_some_and(|n| n.trim() == "Bytes")
}

/// An argument of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Source text of its type.
    #[serde(rename = "type")]
    pub ty: String,
}

/// Options of a function; what is `None` is the node's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Linear memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Run time of one execution.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "timeout_ms",
        with = "opt_millis"
    )]
    pub timeout: Option<Duration>,
    /// The type of node it must run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<NodeType>,
    /// How often it is executed again after a trap, or when it ran out of time
    /// or memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Pause before the first of these; twice as long before each further one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "backoff_ms",
        with = "opt_millis"
    )]
    pub backoff: Option<Duration>,
    /// What it promises of being executed twice; `cargo skylark` holds it to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
    /// `false`: it has its instance to itself, and is fused with no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse: Option<bool>,
}

/// What a function promises of being executed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Its value depends on its arguments alone, and it does nothing else.
    Pure,
    /// Twice leaves what once leaves.
    Idempotent,
}

impl Demand {
    /// As the option is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "idempotent",
        }
    }
}

/// The type of a node, spelled as the published node objects spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeType {
    /// A data centre.
    Cloud,
    /// A site on the ground.
    Edge,
    /// A satellite.
    Sat,
}

impl NodeType {
    /// As written in options and routes: `cloud`, `edge`, `sat`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Edge => "edge",
            Self::Sat => "sat",
        }
    }

    /// All types.
    pub const ALL: [Self; 3] = [Self::Cloud, Self::Edge, Self::Sat];

    /// Undoes [`NodeType::as_str`], whatever the case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|t| t.as_str().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for NodeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A state variable of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its name in the store: the Rust name unless `rename = "…"`.
    pub name: String,
    /// Its Rust name; of a field, with its type: `Hotel::rooms`.
    pub ident: String,
    /// To whom it belongs.
    #[serde(default)]
    pub scope: Scope,
    /// Source text of the type that is stored (`T` of `Mutex<T>`).
    #[serde(rename = "type")]
    pub ty: String,
    /// Source text of what holds it: `Mutex`, `AtomicU64`, `RefCell`, …; `struct` for
    /// a field; `Map`, `List` or `Counter` for what is not read whole, wherever it is.
    pub cell: String,
    /// What chooses the bundle, for [`Scope::Key`]: source text of an argument, or of
    /// an expression over arguments; see [`crate::keys::read_key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its earlier names in the store, in the order in which they are looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// What makes of what one build wrote what the next writes, as paths, the
    /// oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrate: Vec<String>,
    /// How long after it was last written it is as if it never had been; of a `Map`,
    /// each entry for itself. `None`: it lasts.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "ttl_ms",
        with = "opt_millis"
    )]
    pub ttl: Option<Duration>,
}

/// A `ttl` as one writes it, in the largest unit that it is a whole number of.
pub fn ttl_text(ttl: Duration) -> String {
    const UNITS: [(u128, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let ms = ttl.as_millis();
    let unit = UNITS
        .iter()
        .find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

/// Most migrations of one variable: their number is in every value's header.
pub const MAX_MIGRATIONS: usize = 250;

impl State {
    /// Its name in the store, and its earlier ones.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.was)
            .map(String::as_str)
    }

    /// What it is, if it is not read whole.
    pub fn collection(&self) -> Option<Kind> {
        match self.cell.as_str() {
            "Map" => Some(Kind::Map),
            "List" => Some(Kind::List),
            "Counter" => Some(Kind::Counter),
            _ => None,
        }
    }

    /// Whether its value is read and written as one; a counter's is read so.
    pub fn is_whole(&self) -> bool {
        !matches!(self.collection(), Some(Kind::Map | Kind::List))
    }

    /// Fingerprint of the stored type.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.ty)
    }
}

/// A variable that is not read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Entries by their keys.
    Map,
    /// Entries by their positions.
    List,
    /// A number that is added to.
    Counter,
}

impl Kind {
    /// Whether it has this part.
    pub fn has(self, part: Part) -> bool {
        match part {
            Part::Entry | Part::Range | Part::Len => self != Self::Counter,
            Part::End => self == Self::List,
            Part::Sum => self == Self::Counter,
        }
    }
}

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

mod opt_millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        d.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
            .serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_millis))
    }
}
