//! Diagnostics of the whole crate: their codes, and the form in which the
//! command renders them or prints them as JSON.

mod page;
mod setting;

pub(crate) use setting::settable;
pub use setting::{Setting, Settings};

use crate::read::krate::SourceSpan;
use serde::{Serialize, Serializer};

/// Declares the codes once: number, name, what is said of it unless a crate decides
/// otherwise, title. What else there is to say is in `SKY….md` beside this file.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:ident $setting:ident $title:literal;)*) => {
        /// What a diagnostic is about. A code keeps its number and its name for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// `SKY0001`
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $number,)* }
            }

            /// `unknown_successor`
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name),)* }
            }

            /// What becomes of its findings unless the crate decides otherwise.
            pub const fn setting(self) -> Setting {
                match self { $(Self::$variant => Setting::$setting,)* }
            }

            /// What it is about, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Markdown: what it is, why it matters and how to mend it, with an
            /// example that is found and one that is not.
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!($number, ".md")),)* }
            }
        }
    };
}

codes! {
    /// `next` names no annotated function.
    UnknownSuccessor = "SKY0001" unknown_successor Error "unknown successor";
    /// `next` may name several functions.
    AmbiguousSuccessor = "SKY0002" ambiguous_successor Error "ambiguous successor";
    /// A chain leads back into itself.
    Cycle = "SKY0003" cycle Error "cycle of functions";
    /// Two functions have one name.
    DuplicateFunction = "SKY0004" duplicate_function Error "duplicate function name";
    /// Two state variables have one name.
    DuplicateState = "SKY0005" duplicate_state Error "duplicate state name";
    /// Nothing starts the function.
    Unreached = "SKY0006" unreached Warn "function that nobody reaches";
    /// Nothing mentions the state.
    UnusedState = "SKY0007" unused_state Warn "state that nobody uses";
    /// An annotation is wrong.
    Annotation = "SKY0008" annotation Error "annotation that does not hold";
    /// A source file cannot be read.
    Source = "SKY0009" source Error "source that cannot be read";
    /// A function is not as idempotent as it promises.
    NotIdempotent = "SKY0010" not_idempotent Error "function that is not idempotent";
    /// A function is not as pure as it promises.
    NotPure = "SKY0011" not_pure Error "function that is not pure";
    /// A look at the clock, which is recorded.
    Clock = "SKY0012" clock Allow "look at the clock";
    /// Time measured with a clock that does not run.
    Elapsed = "SKY0013" elapsed Warn "time that does not pass";
    /// Chance, which is recorded.
    Randomness = "SKY0014" randomness Allow "random number or uuid";
    /// A first value that is another in every call.
    UnstableDefault = "SKY0015" unstable_default Warn "first value that is never the same";
    /// The order of a hash map is seen.
    HashIteration = "SKY0016" hash_iteration Note "order of a hash map or set";
    /// A hash map is kept in state.
    HashState = "SKY0017" hash_state Warn "hash map or set in state";
    /// Environment variables and their like.
    Environment = "SKY0018" environment Warn "environment in a guest";
    /// Files.
    Files = "SKY0019" files Warn "file in a guest";
    /// Sockets.
    Sockets = "SKY0020" sockets Warn "socket in a guest";
    /// Threads.
    Threads = "SKY0021" threads Warn "thread in a guest";
    /// A sleep that keeps the instance.
    BlockingSleep = "SKY0022" blocking_sleep Warn "sleep that keeps the instance";
    /// The process.
    Process = "SKY0023" process Warn "process in a guest";
    /// Addresses of memory.
    Address = "SKY0024" address Warn "address of memory";
    /// A static that is lost.
    UnannotatedStatic = "SKY0025" unannotated_static Warn "static that is lost after a call";
    /// A function that nobody can call.
    UnannotatedFunction = "SKY0026" unannotated_function Warn "function that is not annotated";
    /// Values that do not keep.
    InteriorState = "SKY0027" interior_state Warn "interior mutability in state";
    /// A guard that is held across a wait.
    GuardAcrossAwait = "SKY0028" guard_across_await Deny "guard of state across a wait";
    /// Functions that call each other in a circle.
    CallCycle = "SKY0029" call_cycle Warn "functions that wait for each other in a circle";
    /// As many calls as a caller likes.
    UnboundedFanOut = "SKY0030" unbounded_fan_out Note "as many calls as a caller likes";
    /// A successor that does not take what comes.
    SuccessorType = "SKY0031" successor_type Error "successor that does not take what comes";
    /// State that only grows.
    GrowingState = "SKY0032" growing_state Note "state that only grows";
    /// State that is too large to be written.
    LargeState = "SKY0033" large_state Deny "state that is too large to write";
    /// Passwords and keys.
    Secret = "SKY0034" secret Warn "secret in state or in the source";
    /// A map that only gets new keys.
    GrowingMap = "SKY0035" growing_map Allow "map or set that only grows";
    /// A function that has not what the key of its state is made of.
    KeyArgument = "SKY0036" key_argument Deny "state whose key cannot be made";
}

impl Code {
    /// The code of this number or name, in any case; `-` may stand for `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.replace('-', "_").to_ascii_lowercase();
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.as_str().eq_ignore_ascii_case(text) || code.name() == name)
    }

    /// How bad its findings are at most, unless the crate decides otherwise.
    pub const fn level(self) -> Level {
        match self.setting() {
            Setting::Error | Setting::Deny => Level::Error,
            Setting::Warn => Level::Warning,
            Setting::Note | Setting::Allow => Level::Note,
        }
    }

    /// Whether it can be silenced: what keeps an app from running cannot.
    pub const fn can_be_set(self) -> bool {
        !matches!(self.setting(), Setting::Error)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The app will not build, or a node will refuse it.
    Error,
    /// It is probably not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// How bad it is here; at most as bad as [`Code::level`].
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// The file, as it was given.
    pub file: String,
    /// Where in it.
    pub span: SourceSpan,
    /// What to write under the place; may be empty.
    pub label: String,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Vec<String>,
    /// An edit that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<Suggestion>,
}

/// Another place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The file.
    pub file: String,
    /// Where in it.
    pub span: SourceSpan,
    /// What to write there.
    pub text: String,
}

/// An edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The file.
    pub file: String,
    /// What to replace.
    pub span: SourceSpan,
    /// What to put there.
    pub replacement: String,
    /// Whether it is known to mend the finding and to compile: `cargo skylark fix`
    /// writes such ones only. Else it is what was probably meant.
    pub certain: bool,
}
