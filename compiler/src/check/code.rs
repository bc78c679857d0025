//! Diagnostics of the whole crate: their codes, and the form in which the
//! command renders them or prints them as JSON.

use crate::read::krate::SourceSpan;
use serde::{Serialize, Serializer};

/// Declares the codes once: number, level, title, explanation.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $level:ident $title:literal, $explain:literal;)*) => {
        /// What a diagnostic is about. A code keeps its number for ever.
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

            /// How bad it is.
            pub const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)* }
            }

            /// What it is about, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Why it matters and how to mend it, in a paragraph.
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => $explain,)* }
            }
        }
    };
}

codes! {
    /// `next` names no annotated function.
    UnknownSuccessor = "SKY0001" Error "unknown successor",
        "`next = …` must name a function of this crate that is itself annotated with \
         `#[skylark::function]` or `#[skylark::chain]`. rustc accepts any function there; a node could \
         not find it. Annotate it, correct the name, or, where it was imported under another name \
         with `use … as …`, write the function's own name.";
    /// `next` may name several functions.
    AmbiguousSuccessor = "SKY0002" Error "ambiguous successor",
        "Several annotated functions have the Rust name that `next = …` ends in. Write more of the \
         path, such as `crate::billing::settle`, until only one fits.";
    /// A chain leads back into itself.
    Cycle = "SKY0003" Error "cycle of functions",
        "Each function of a cycle starts the next, so a run would never end; a node would stop it at \
         its bound on depth. Loop inside one function, or end the chain with `#[skylark::function]`.";
    /// Two functions have one name.
    DuplicateFunction = "SKY0004" Error "duplicate function name",
        "The name of a function is its place in URLs and its export in the module, so an app has each \
         name once, whatever the Rust modules. Give one of them another with `name = \"…\"`.";
    /// Two state variables have one name.
    DuplicateState = "SKY0005" Error "duplicate state name",
        "State variables are kept in the store under their name alone; two of one name would overwrite \
         each other. Give one of them another with `rename = \"…\"`.";
    /// Nothing starts the function.
    Unreached = "SKY0006" Warning "function that nobody reaches",
        "No `next = …` leads to the function. It is a warning where a chain plainly was meant: a \
         function of the app ends a run with the very type of this crate that this one takes as its \
         only argument, or only functions of a cycle lead to it. In an app that has chains, a private function \
         that is no link of any gets a note: it runs only when it is called by its name. Name it in \
         `next = …`, make it `pub` if callers are meant to start it, or remove it.";
    /// Nothing mentions the state.
    UnusedState = "SKY0007" Warning "state that nobody uses",
        "No function, method or initializer of this crate mentions the variable. Remove it; what the \
         store holds under its name stays there until it is deleted.";
    /// An annotation is wrong.
    Annotation = "SKY0008" Error "annotation that does not hold",
        "What the macro would report when the crate is built: the item or an option of its annotation is \
         not what Skylark can run. The message says what to write instead.";
    /// A source file cannot be read.
    Source = "SKY0009" Error "source that cannot be read",
        "The file is no Rust source, or a `mod name;` has no file. rustc says more about it.";
}

impl Code {
    /// The code of this number, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.as_str().eq_ignore_ascii_case(text))
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
}
