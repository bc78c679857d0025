//! What executing a function twice would do.

use super::effects::{Access, EffectKind, Effects};
use serde::Serialize;
use skylark_abi::schema::Function;
use std::collections::BTreeMap;

/// What executing a function twice would do, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Its value depends on its arguments alone, and it does nothing else.
    Pure,
    /// Twice leaves what once leaves: it reads, or it overwrites.
    Idempotent,
    /// Twice would show; that it takes effect once is the commit's doing.
    Guarded,
    /// It waits or reaches outside: what it saw is recorded, so that it can be executed
    /// again up to there.
    Recorded,
}

impl Class {
    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "naturally idempotent",
            Self::Guarded => "guarded by commit",
            Self::Recorded => "must record",
        }
    }
}

/// A class and why it is no lesser one.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) class: Class,
    /// What keeps it from being of the class before; nothing of a pure function.
    pub(crate) because: Option<Reason>,
    /// What keeps it from being pure, if anything does.
    pub(crate) impure: Option<Reason>,
    /// What keeps it from being idempotent, if anything does.
    pub(crate) not_idempotent: Option<Reason>,
}

/// Why a function is not of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The number of the effect; nothing if it is the annotation's doing.
    pub(crate) effect: Option<usize>,
    /// `it changes \`COUNT\``
    pub(crate) text: String,
}

/// Judges a function by what it may do.
pub(crate) fn judge(effects: &Effects<'_>, state_name: impl Fn(usize) -> String) -> Judged {
    let function = &effects.handler.function.schema;
    let mut class = Class::Pure;
    let mut firsts: BTreeMap<Class, Reason> = BTreeMap::new();
    let mut note = |of: Class, effect: Option<usize>, text: String| {
        class = class.max(of);
        firsts.entry(of).or_insert(Reason { effect, text });
    };
    let told = effects
        .all
        .iter()
        .any(|effect| matches!(effect.kind, EffectKind::Clock(_) | EffectKind::Random(_)));
    for (number, effect) in effects.all.iter().enumerate() {
        let at = Some(number);
        match &effect.kind {
            EffectKind::Touch(touch) => {
                let name = state_name(touch.state);
                match touch.access {
                    Access::Named | Access::Read => {
                        note(Class::Idempotent, at, format!("it reads `{name}`"));
                    }
                    Access::Overwrite if !told && overwrites(effects, touch.state) => {
                        note(Class::Idempotent, at, format!("it overwrites `{name}`"));
                    }
                    Access::Overwrite | Access::Write => {
                        note(Class::Guarded, at, format!("it changes `{name}`"));
                    }
                }
            }
            EffectKind::Clock(path) => {
                note(
                    Class::Idempotent,
                    at,
                    format!("it looks at the clock (`{path}`)"),
                );
            }
            EffectKind::Random(path) => {
                note(
                    Class::Idempotent,
                    at,
                    format!("it draws a random number (`{path}`)"),
                );
            }
            EffectKind::Recorded(what) => {
                note(Class::Recorded, at, format!("`{what}` is recorded"));
            }
            EffectKind::Call(name) => note(Class::Recorded, at, format!("it calls `{name}`")),
            EffectKind::Sent(name) => note(Class::Guarded, at, format!("it starts `{name}`")),
            EffectKind::Request(name) => {
                note(
                    Class::Recorded,
                    at,
                    format!("`{name}` asks a server outside"),
                );
            }
            EffectKind::Pause(what) => note(Class::Recorded, at, format!("it waits (`{what}`)")),
            EffectKind::Wait => note(Class::Recorded, at, "it waits".to_owned()),
            EffectKind::Unseen(why) => {
                note(Class::Guarded, at, format!("it cannot be seen {why}"));
            }
        }
    }
    if let Some(reason) = starts(function) {
        note(Class::Guarded, None, reason);
    }
    let above = |class: Class| {
        firsts
            .range(class..)
            .next()
            .map(|(_, reason)| reason.clone())
    };
    Judged {
        class,
        because: firsts.get(&class).cloned(),
        impure: above(Class::Idempotent),
        not_idempotent: above(Class::Guarded),
    }
}

/// Whether all that is done to a variable is that it is overwritten.
fn overwrites(effects: &Effects<'_>, state: usize) -> bool {
    let of = effects.touches().filter(|touch| touch.state == state);
    let (mut named, mut written) = (0_usize, 0_usize);
    for touch in of {
        match touch.access {
            Access::Named => named += 1,
            Access::Overwrite => written += 1,
            Access::Read | Access::Write => return false,
        }
    }
    // As often as it is named: nothing else is done with it.
    named == written
}

/// What it starts by its annotation.
fn starts(function: &Function) -> Option<String> {
    let next = function.next.first()?;
    Some(format!("its result starts `{next}`"))
}
