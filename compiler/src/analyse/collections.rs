//! What a use of a `Map`, a `List` or a `Counter` asks the store for.

use super::{
    Effect, EffectKind, Effects, Index,
    effects::{Access, Touch},
};
use skylark_abi::{
    call::Scope,
    schema::{Kind, State},
};

/// A use of a collection.
pub(super) struct Use<'a> {
    pub(super) schema: &'a State,
    pub(super) touch: &'a Touch,
    /// Nothing if it is not seen what is done.
    pub(super) need: Option<Need>,
    /// Whether it is known before the call.
    pub(super) ahead: bool,
}

/// What is read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is written without a look at what was there.
    Nothing,
    /// One entry.
    Entry,
    /// Several at once.
    Entries,
    /// The number of entries, or a counter's sum.
    Size,
    /// Entries one after the other, page by page.
    Pages,
    /// The last entry of a list, after its length.
    Last,
}

impl<'a> Use<'a> {
    /// The use of a collection that an effect is, if it is one.
    pub(super) fn of(index: &Index<'a>, effects: &Effects<'_>, effect: &'a Effect) -> Option<Self> {
        let EffectKind::Touch(touch) = &effect.kind else {
            return None;
        };
        let schema = &index.model.states[touch.state].schema;
        let need = need(schema.collection()?, &touch.by);
        let told = match need {
            Some(Need::Entry) => touch.key.is_some() && touch.told,
            Some(Need::Size) => true,
            _ => false,
        };
        let ahead = told && schema.scope != Scope::Chain && effects.happens(effect);
        Some(Self {
            schema,
            touch,
            need,
            ahead,
        })
    }

    /// Whether it goes where it is not followed.
    fn is_given(&self) -> bool {
        self.touch.by == Touch::GIVEN
    }

    /// Whether something of it is fetched.
    pub(super) fn reads(&self) -> bool {
        match self.need {
            None => self.is_given(),
            need => need != Some(Need::Nothing),
        }
    }

    /// How often the store is asked in the middle of the call, at least.
    pub(super) fn late(&self) -> usize {
        match self.need {
            _ if self.ahead || self.schema.scope == Scope::Chain => 0,
            None => usize::from(self.is_given()),
            Some(Need::Nothing) => 0,
            Some(Need::Last) => 2,
            Some(Need::Entry | Need::Entries | Need::Size | Need::Pages) => 1,
        }
    }

    /// What it costs, in words; nothing of a use that only names it.
    pub(super) fn cost(&self) -> Option<String> {
        let name = &self.schema.name;
        let what = match (self.need, &self.touch.key) {
            (None, _) if !self.is_given() => return None,
            (None, _) => return Some(format!("what is read of `{name}` is not seen")),
            (Some(Need::Nothing), _) => {
                return Some(format!("`{name}` is written by the commit, and not read"));
            }
            (Some(Need::Entry), Some(key)) => format!("`{name}[{key}]`"),
            (Some(Need::Entry), None) => format!("an entry of `{name}`"),
            (Some(Need::Entries), _) => format!("entries of `{name}`"),
            (Some(Need::Size), _) if self.schema.is_whole() => format!("`{name}`"),
            (Some(Need::Size), _) => format!("the length of `{name}`"),
            (Some(Need::Pages), _) => format!("a page of `{name}`"),
            (Some(Need::Last), _) => format!("the end of `{name}`"),
        };
        let read = match (self.schema.scope, self.need) {
            (Scope::Chain, _) => format!("{what}: part of the run, nothing to fetch"),
            (_, Some(Need::Pages)) => format!("{what}: fetched by each round trip"),
            (_, Some(Need::Last)) => {
                format!("{what}: fetched after the length, by two round trips")
            }
            _ if self.ahead => format!("{what}: fetched with the rest in the first round trip"),
            _ => format!("{what}: fetched when it is asked for, by a round trip of its own"),
        };
        Some(match self.touch.access {
            Access::Named | Access::Read => read,
            Access::Overwrite | Access::Write => {
                format!("{read}; written by the commit if it has changed")
            }
        })
    }
}

/// Whether a method of a collection writes, and does not look at what was there.
pub(crate) fn is_blind(schema: &State, method: &str) -> bool {
    let need = schema.collection().and_then(|kind| need(kind, method));
    need == Some(Need::Nothing)
}

/// What a method of a collection needs.
fn need(kind: Kind, method: &str) -> Option<Need> {
    Some(match (kind, method) {
        (Kind::Map, "set" | "delete") | (Kind::List, "push") | (Kind::Counter, "add" | "sub") => {
            Need::Nothing
        }
        (Kind::Map, "contains_key" | "get" | "insert" | "remove" | "update")
        | (Kind::List, "get" | "set") => Need::Entry,
        (Kind::Map | Kind::List, "is_empty" | "len") | (Kind::Counter, "get") => Need::Size,
        (Kind::Map, "get_many") => Need::Entries,
        (Kind::Map, "first" | "iter" | "keys" | "last" | "range")
        | (Kind::List, "iter" | "range") => Need::Pages,
        (Kind::List, "last" | "pop") => Need::Last,
        _ => return None,
    })
}
