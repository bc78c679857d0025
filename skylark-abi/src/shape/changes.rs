//! One build's state beside another's, variable by variable.

use super::{
    Finding, Shapes, StateShape,
    compare::{Verdict, compare, squeezed},
};
use crate::schema::{Kind, Schema, StateEntry, ttl_text};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One of two builds.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What it says of itself.
    pub schema: &'a Schema,
    /// The shapes of its state, if `cargo skylark build` made it.
    pub shapes: Option<&'a Shapes>,
}

/// What becomes of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name in the store, as the older build has it; a new one's own.
    pub variable: String,
    /// How it treats what is stored.
    pub verdict: Verdict,
    /// What wrote it; absent for a new variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What reads it; absent for a variable that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Change {
    /// The findings that the verdict is due to, for people.
    pub fn why(&self) -> String {
        let due = self.findings.iter().filter(|f| f.verdict == self.verdict);
        let texts: Vec<String> = due
            .map(|f| match f.at.as_str() {
                "" => f.why.clone(),
                at => format!("at `{at}`: {}", f.why),
            })
            .collect();
        texts.join("; ")
    }
}

/// What becomes of each variable that either build has, by name.
pub fn changes(old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (own, entry) in &old.schema.states {
        // What was not written since it was renamed is still under an earlier name.
        for stored in entry.state.names() {
            let change = change(stored, own, entry, old, new);
            if stored == own || change.verdict != Verdict::Compatible {
                changes.push(change);
            }
        }
    }
    for (name, entry) in &new.schema.states {
        if !entry
            .state
            .names()
            .any(|name| old.schema.states.contains_key(name))
        {
            changes.push(Change {
                variable: name.clone(),
                verdict: Verdict::Compatible,
                from: None,
                to: Some(shown(name, entry, new)),
                findings: vec![finding(Verdict::Compatible, "new")],
            });
        }
    }
    changes.sort_by(|a, b| a.variable.cmp(&b.variable));
    changes
}

fn finding(verdict: Verdict, why: impl Into<String>) -> Finding {
    Finding {
        verdict,
        at: String::new(),
        why: why.into(),
    }
}

fn shape<'a>(name: &str, side: Side<'a>) -> Option<(&'a Shapes, &'a StateShape)> {
    let shapes = side.shapes?;
    Some((shapes, shapes.states.get(name)?))
}

/// How a variable is kept.
fn kept_as(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "one value",
        Some(Kind::Map) => "the entries of a `Map`",
        Some(Kind::List) => "the entries of a `List`",
        Some(Kind::Counter) => "the sum of a `Counter`",
    }
}

/// The variable's shape, or its type's text.
fn shown(name: &str, entry: &StateEntry, side: Side<'_>) -> String {
    match shape(name, side) {
        Some((shapes, state)) => shapes.describe(&state.shape),
        None => entry.state.ty.clone(),
    }
}

/// Of the variable `own`, whose value may be stored under `stored`.
fn change(stored: &str, own: &str, before: &StateEntry, old: Side<'_>, new: Side<'_>) -> Change {
    let from = Some(shown(own, before, old));
    let Some(now) = new.schema.state(stored) else {
        return Change {
            variable: stored.to_owned(),
            verdict: Verdict::WouldLoseData,
            from,
            to: None,
            findings: vec![finding(
                Verdict::WouldLoseData,
                "no variable has this name any more; if it was renamed, write `was` on the new one",
            )],
        };
    };
    let mut findings = Vec::new();
    if before.state.scope != now.state.scope {
        findings.push(finding(
            Verdict::WouldLoseData,
            format!(
                "it was in scope `{}` and is now in `{}`, which does not see what is stored",
                before.state.scope.as_str(),
                now.state.scope.as_str()
            ),
        ));
    }
    let now_name = &now.state.name;
    if now_name != stored {
        findings.push(finding(
            Verdict::Compatible,
            format!("read for `{now_name}`, which it was renamed to"),
        ));
    }
    if before.state.ttl != now.state.ttl {
        let text = |ttl: Option<Duration>| match ttl {
            Some(ttl) => format!("`ttl = \"{}\"`", ttl_text(ttl)),
            None => "no `ttl`".into(),
        };
        let (was, is) = (text(before.state.ttl), text(now.state.ttl));
        let why = format!("it had {was} and has {is}, which goes for what is written from now on");
        findings.push(finding(Verdict::Compatible, why));
    }
    let generations = (before.state.migrate.len(), now.state.migrate.len());
    let shapes = (shape(own, old), shape(now_name, new));
    let kinds = (before.state.collection(), now.state.collection());
    match (generations, shapes) {
        _ if kinds.0 != kinds.1 => findings.push(finding(
            Verdict::NeedsMigration,
            format!(
                "it was stored as {} and is {} now; store it under another name with `rename`, and move \
                 what is there",
                kept_as(kinds.0),
                kept_as(kinds.1)
            ),
        )),
        ((was, is), _) if was > is => findings.push(finding(
            Verdict::NeedsMigration,
            format!("it went through {was} migrations, and this build knows {is}; keep them all"),
        )),
        // What it was is what its next migration takes, if that can be seen.
        ((was, is), shapes) if was < is => {
            let path = &now.state.migrate[was];
            let why = format!("migrated by `{path}`");
            findings.push(finding(Verdict::Compatible, why));
            if let (Some((old, before)), Some((new, now))) = shapes
                && let Some(Some(taken)) = now.migrates.get(was)
            {
                findings.extend(compare((old, &before.shape), (new, taken)));
            }
        }
        (_, (Some((old, before)), Some((new, now)))) => {
            findings.extend(compare((old, &before.shape), (new, &now.shape)));
        }
        _ => findings.extend(by_text(&before.state.ty, &now.state.ty)),
    }
    Change {
        variable: stored.to_owned(),
        verdict: findings.iter().map(|f| f.verdict).max().unwrap_or_default(),
        from,
        to: Some(shown(now_name, now, new)),
        findings,
    }
}

/// All that can be said where a build does not show its shapes.
fn by_text(before: &str, now: &str) -> Option<Finding> {
    const UNSEEN: &str = "a build's shapes are not known; build both with `cargo skylark build`";
    (squeezed(before) != squeezed(now)).then(|| {
        finding(
            Verdict::NeedsMigration,
            format!("`{before}` became `{now}`, and {UNSEEN}"),
        )
    })
}
