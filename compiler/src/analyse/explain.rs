//! What a function costs, line by line, and why.

use super::{
    Index,
    class::{self, Class, Judged},
    collections::{Need, Use},
    effects::{Access, Effect, EffectKind, Effects},
};
use crate::read::krate::{Model, SourceSpan};
use serde::Serialize;
use skylark_abi::{
    call::Scope,
    hints::{FunctionHints, Hints},
    shape::Shapes,
};
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

/// What a function costs, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Its name for callers.
    pub function: String,
    /// Its file.
    pub file: String,
    /// Its name there.
    pub span: SourceSpan,
    /// What executing it twice would do.
    pub class: Class,
    /// Why it is no lesser class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
    /// What costs something or cannot be seen, in the order of files and lines.
    pub lines: Vec<Line>,
    /// All of it together.
    pub totals: Totals,
    /// Whether all that it may do was seen.
    pub complete: bool,
}

/// Why a function is of its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Because {
    /// In words: ``it changes `COUNT` ``.
    pub text: String,
    /// Where; nothing if it is the annotation's doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<LinePlace>,
}

/// A line of the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LinePlace {
    /// The file.
    pub file: String,
    /// The tokens.
    pub span: SourceSpan,
}

/// A line and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it is.
    #[serde(flatten)]
    pub place: LinePlace,
    /// The source.
    pub source: String,
    /// The functions on the way to it, the explained one first.
    pub way: Vec<String>,
    /// Whether it is in a loop, and so done again and again.
    pub repeated: bool,
    /// What it does, and what that costs.
    pub costs: Vec<String>,
}

/// What one invocation costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Round trips to the store without an idempotency key, if every wait is waited for
    /// once.
    pub round_trips: usize,
    /// Whether something is fetched in the first of them.
    pub begin: bool,
    /// Those for what is asked for in the middle of the call, if each is asked for once.
    pub late: usize,
    /// Whether one ends it.
    pub commit: bool,
    /// Names of the variables that are fetched, or parts of them.
    pub fetched: BTreeSet<String>,
    /// Names of those that may be written.
    pub written: BTreeSet<String>,
    /// Entries that are known from the arguments: `ACCOUNTS[order.from]`.
    pub entries: BTreeSet<String>,
    /// Values that are recorded.
    pub recorded: usize,
    /// Functions that are called and waited for.
    pub calls: BTreeSet<String>,
    /// Functions that are started, by calls and as successors.
    pub starts: BTreeSet<String>,
    /// Requests to servers outside.
    pub requests: usize,
    /// Waits: after each, the function is executed again up to there.
    pub waits: usize,
}

/// What the analysis knows of the functions of a crate.
pub struct Analysis<'m> {
    index: Index<'m>,
    /// Looked for when somebody asks: names and types need none.
    effects: OnceCell<Vec<Effects<'m>>>,
}

impl<'m> Analysis<'m> {
    /// Looks through a crate.
    pub fn new(model: &'m Model) -> Self {
        Self {
            index: Index::new(model),
            effects: OnceCell::new(),
        }
    }

    pub(crate) fn index(&self) -> &Index<'m> {
        &self.index
    }

    pub(crate) fn effects(&self) -> &[Effects<'m>] {
        self.effects.get_or_init(|| self.index.effects())
    }

    pub(crate) fn judge(&self, effects: &Effects<'m>) -> Judged {
        class::judge(effects, |state| self.state(state))
    }

    fn state(&self, number: usize) -> String {
        self.index.model.states[number].schema.name.clone()
    }

    /// The structure of what the crate stores.
    pub fn shapes(&self) -> Shapes {
        crate::shape::shapes(&self.index)
    }

    /// What the functions are known to touch, for the node that runs them.
    pub fn hints(&self) -> Hints {
        let of = |effects: &Effects<'m>| {
            // What belongs to a run moves with it: the store has none of it.
            let kept = |states: BTreeSet<usize>| {
                let stored =
                    |state: &usize| self.index.model.states[*state].schema.scope != Scope::Chain;
                states
                    .into_iter()
                    .filter(stored)
                    .map(|s| self.state(s))
                    .collect()
            };
            let surely = |effect: &&Effect| effects.sure.contains(&effect.body);
            let touches = || {
                effects
                    .all
                    .iter()
                    .filter(surely)
                    .filter_map(|effect| match &effect.kind {
                        EffectKind::Touch(touch) => Some((touch, effects.happens(effect))),
                        _ => None,
                    })
            };
            let reads = touches().map(|(touch, _)| touch.state).collect();
            // A writer waits for other writers: only one that writes whichever way it
            // goes is told; the others are learned when they have written.
            let writes = touches()
                .filter(|(touch, happens)| touch.access > Access::Read && *happens)
                .map(|(touch, _)| touch.state)
                .collect();
            let (entries, sizes) = self.parts_read(effects);
            let hints = FunctionHints {
                reads: kept(reads),
                writes: kept(writes),
                entries,
                sizes,
                complete: effects.is_complete(),
            };
            (effects.handler.function.schema.name.clone(), hints)
        };
        Hints::new(self.effects().iter().map(of).collect())
    }

    /// What of collections is read whichever way a function goes, unless it returns before:
    /// the entries whose keys the arguments tell, and the sizes.
    fn parts_read(
        &self,
        effects: &Effects<'m>,
    ) -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
        let (mut entries, mut sizes) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeSet::new());
        for used in self.uses(effects).filter(|used| used.ahead) {
            let name = used.schema.name.clone();
            match &used.touch.key {
                Some(path) if used.need == Some(Need::Entry) => {
                    entries.entry(name).or_default().insert(path.clone());
                }
                _ => drop(sizes.insert(name)),
            }
        }
        (entries, sizes)
    }

    /// The uses of collections.
    fn uses<'a>(&'a self, effects: &'a Effects<'m>) -> impl Iterator<Item = Use<'a>> {
        let of = |effect| Use::of(&self.index, effects, effect);
        effects.all.iter().filter_map(of)
    }

    /// Explains a function, by its name for callers or its Rust name.
    pub fn explain(&self, name: &str) -> Option<Explanation> {
        let mut all = self.effects().iter();
        let effects = all.find(|effects| {
            let schema = &effects.handler.function.schema;
            schema.name == name || schema.ident == name
        })?;
        let function = effects.handler.function;
        let judged = self.judge(effects);
        let place = |effect: usize| self.place(&effects.all[effect]);
        let because = judged.because.map(|reason| Because {
            place: reason.effect.map(place),
            text: reason.text,
        });
        Some(Explanation {
            function: function.schema.name.clone(),
            file: self.index.model.path(function.place.file).to_owned(),
            span: function.place.ident,
            class: judged.class,
            because,
            lines: self.lines(effects),
            totals: self.totals(effects),
            complete: effects.is_complete(),
        })
    }

    fn place(&self, effect: &Effect) -> LinePlace {
        LinePlace {
            file: self.index.file(effect.site).to_owned(),
            span: self.index.locate(effect.site),
        }
    }

    fn lines(&self, effects: &Effects<'m>) -> Vec<Line> {
        let mut lines: BTreeMap<(usize, usize), Line> = BTreeMap::new();
        let mut touched: BTreeMap<(usize, usize), BTreeMap<usize, Access>> = BTreeMap::new();
        for effect in &effects.all {
            let place = self.place(effect);
            let at = (effect.site.file, place.span.line);
            let text = &self.index.model.files[effect.site.file].text;
            let line = lines.entry(at).or_insert_with(|| Line {
                source: text
                    .lines()
                    .nth(at.1 - 1)
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                way: effects.reach.way(&self.index, effect.body),
                repeated: false,
                costs: Vec::new(),
                place,
            });
            line.repeated |= effect.context.loops > 0;
            match &effect.kind {
                // A variable costs once, whatever a line does with it.
                EffectKind::Touch(_) if let Some(used) = Use::of(&self.index, effects, effect) => {
                    let cost = used.cost();
                    let cost = cost.filter(|cost| !line.costs.contains(cost));
                    line.costs.extend(cost);
                }
                EffectKind::Touch(touch) => {
                    let access = touched
                        .entry(at)
                        .or_default()
                        .entry(touch.state)
                        .or_insert(touch.access);
                    *access = touch.access.max(*access);
                }
                other => line.costs.extend(cost(other)),
            }
        }
        let mut fetched = BTreeSet::new();
        for (at, states) in touched {
            let Some(line) = lines.get_mut(&at) else {
                continue;
            };
            for (state, access) in states {
                line.costs
                    .push(self.touch(state, access, fetched.insert(state)));
            }
        }
        lines
            .into_values()
            .filter(|line| !line.costs.is_empty())
            .collect()
    }

    /// What a touch of a variable costs; the first fetches it.
    fn touch(&self, state: usize, access: Access, first: bool) -> String {
        let schema = &self.index.model.states[state].schema;
        let name = &schema.name;
        let read = match (schema.scope, first) {
            (Scope::Chain, _) => format!("`{name}` is part of the run: nothing to fetch"),
            (_, true) => format!("`{name}` is fetched with the rest in the first round trip"),
            (_, false) => format!("`{name}` is here already"),
        };
        match access {
            Access::Named | Access::Read => read,
            Access::Overwrite | Access::Write => {
                format!("{read}; written by the commit if it has changed")
            }
        }
    }

    fn totals(&self, effects: &Effects<'m>) -> Totals {
        let mut totals = Totals::default();
        let model = self.index.model;
        let stored = |state: &usize| model.states[*state].schema.scope != Scope::Chain;
        let names = |states: BTreeSet<usize>| {
            states
                .into_iter()
                .filter(stored)
                .map(|s| self.state(s))
                .collect()
        };
        let uses: Vec<Use<'_>> = self.uses(effects).collect();
        let mut fetched = effects.touched();
        fetched.retain(|state| {
            let mut of = uses.iter().filter(|used| used.touch.state == *state);
            model.states[*state].schema.collection().is_none() || of.any(Use::reads)
        });
        let whole =
            |state: &usize| stored(state) && model.states[*state].schema.collection().is_none();
        totals.begin = fetched.iter().any(whole) || uses.iter().any(|used| used.ahead);
        totals.late = uses.iter().map(Use::late).sum();
        totals.entries = uses
            .iter()
            .filter(|used| used.ahead && used.need == Some(Need::Entry))
            .filter_map(|used| {
                Some(format!(
                    "{}[{}]",
                    used.schema.name,
                    used.touch.key.as_ref()?
                ))
            })
            .collect();
        totals.fetched = names(fetched);
        totals.written = names(effects.written());
        for effect in &effects.all {
            match &effect.kind {
                EffectKind::Recorded(_) => totals.recorded += 1,
                EffectKind::Request(_) => totals.requests += 1,
                EffectKind::Wait => totals.waits += 1,
                EffectKind::Call(name) => drop(totals.calls.insert(name.clone())),
                EffectKind::Sent(name) => drop(totals.starts.insert(name.clone())),
                _ => {}
            }
        }
        let function = &effects.handler.function.schema;
        totals.starts.extend(function.next.iter().cloned());
        totals.starts.extend(function.join.iter().cloned());
        let commits = !totals.written.is_empty() || !totals.starts.is_empty();
        totals.commit = commits || totals.waits > 0 || totals.recorded > 0;
        // Each wait: the commit before it, and the begin of what comes after.
        let ends = usize::from(totals.begin) + usize::from(totals.commit);
        totals.round_trips = ends + totals.late + 2 * totals.waits;
        totals
    }
}

/// What everything but a touch costs.
fn cost(kind: &EffectKind) -> Option<String> {
    Some(match kind {
        EffectKind::Touch(_) => return None,
        EffectKind::Clock(_) => {
            "the clock costs nothing: its time is in the invocation, and seen again".to_owned()
        }
        EffectKind::Random(_) => {
            "randomness costs nothing: its seed is in the invocation, and seen again".to_owned()
        }
        EffectKind::Recorded(what) => format!("`{what}`: one value in the journal"),
        EffectKind::Call(name) => format!("calls `{name}`: one message with the next commit"),
        EffectKind::Sent(name) => {
            format!("starts `{name}`: one message with the commit, for which nobody waits")
        }
        EffectKind::Request(name) => {
            format!("`{name}` asks a server outside, at least once, by its idempotency key")
        }
        EffectKind::Pause(what) => format!("`{what}`: what it waits for is kept in the store"),
        EffectKind::Wait => {
            "waits: 2 round trips, and is executed again up to here when it goes on".to_owned()
        }
        EffectKind::Unseen(why) => format!("not seen: {why}"),
    })
}
