//! The schema that a module carries: its functions, states and chain edges.
//!
//! The custom section [`crate::names::SECTION`] is a sequence of frames, each
//! `[u32 length, little endian][JSON of a Record]`, one for every annotated
//! item; the linker concatenates them in any order. [`Schema::from_sections`]
//! puts them together and refuses what does not fit, all faults at once.

mod read;

pub use read::{FunctionEntry, Schema, SchemaError, StateEntry, frame, nearest};

use crate::{
    call::Scope,
    keys::Part,
    value::{Codec, fingerprint},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One frame of the section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`crate::names::ABI_VERSION`] of the macros that wrote it.
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
