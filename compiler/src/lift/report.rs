//! What lift decided, and what it asks.

use super::krate::{Krate, Place};
use proc_macro2::Span;
use serde::Serialize;

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A global or a shared field that is kept in the store.
    State,
    /// One that is built in each instance.
    Init,
    /// A handler that is called by its name.
    Function,
    /// A call that waits.
    Call,
    /// What a function refuses.
    Error,
    /// A type that was given serde's traits.
    Derive,
    /// What has no place in a function.
    Removed,
    /// What looks as if it might matter, and does not.
    Fine,
}

impl Kind {
    /// All of them, in the order in which they are shown, with their headings.
    pub const ALL: &[(Self, &str)] = &[
        (Self::State, "State"),
        (Self::Init, "Built once per instance"),
        (Self::Function, "Functions"),
        (Self::Call, "Awaited calls"),
        (Self::Error, "Refusals"),
        (Self::Derive, "Values that are stored or passed"),
        (Self::Removed, "Removed"),
        (Self::Fine, "Looked at and left"),
    ];
}

/// Something that lift changed, or left on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Decision {
    /// What it is about.
    pub kind: Kind,
    /// The file in which it was found.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// What was found.
    pub what: String,
    /// What it became.
    pub became: String,
    /// Why.
    pub why: String,
}

/// Something that only the author knows. It also stands in the source, as a comment
/// that begins with `// skylark:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Question {
    /// The file in which it was found.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// The question.
    pub question: String,
}

/// Everything that there is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was decided, in the order of [`Kind`], files and lines.
    pub decisions: Vec<Decision>,
    /// What was not, in the order of files and lines.
    pub questions: Vec<Question>,
}

impl Report {
    pub(super) fn decide(
        &mut self,
        kind: Kind,
        (krate, place, span): (&Krate<'_>, &Place, Span),
        what: impl Into<String>,
        became: impl Into<String>,
        why: impl Into<String>,
    ) {
        let at = krate.locate(place.file, span);
        self.decisions.push(Decision {
            kind,
            file: krate.files[place.file].source.path.clone(),
            line: at.line,
            what: what.into(),
            became: became.into(),
            why: why.into(),
        });
    }

    /// Puts everything into its order.
    pub(super) fn sorted(mut self) -> Self {
        self.decisions.sort();
        self.decisions.dedup();
        self.questions.sort();
        self.questions.dedup();
        self
    }
}
