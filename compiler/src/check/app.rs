//! What only the whole crate can answer.

use super::{
    accept,
    code::{Code, Diagnostic, Label, Level, Settings, Suggestion},
    demand, keyed,
    lints::{self, Handlers},
};
use crate::analyse::explain::Analysis;
use crate::read::krate::{FunctionItem, Model, Place};
use skylark_abi::{
    Schema,
    schema::{FunctionEntry, nearest},
};
use std::collections::{BTreeMap, BTreeSet};

/// Checks a crate. The result holds what was wrong with single items, too, and
/// is ordered by file and place.
pub fn check(model: &Model) -> Vec<Diagnostic> {
    check_with(model, &Settings::default(), Handlers::Annotated)
}

/// As [`check`], with the levels that the crate decided on.
pub fn check_with(model: &Model, settings: &Settings, handlers: Handlers) -> Vec<Diagnostic> {
    check_analysed(&Analysis::new(model), settings, handlers)
}

/// The same of a crate that was looked through.
fn check_analysed(
    analysis: &Analysis<'_>,
    settings: &Settings,
    handlers: Handlers,
) -> Vec<Diagnostic> {
    let index = analysis.index();
    let model = index.model;
    let graph = Successors::resolve(model);
    let mut found = model.diagnostics.clone();
    found.extend(graph.faults.iter().cloned());
    duplicates(model, &mut found);
    let cycles = graph.cycles();
    for cycle in &cycles {
        found.push(cycle_diagnostic(model, &graph, cycle));
    }
    unreached(model, &graph, &cycles, &mut found);
    unused_state(model, &mut found);
    lints::check(index, handlers, &mut found);
    demand::check(analysis, &mut found);
    keyed::check(analysis, &mut found);
    decided(model, settings, found)
}

/// Where functions are not as idempotent as they promise: what stops a build, since rustc
/// does not see it.
pub fn broken_promises(analysis: &Analysis<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    demand::check(analysis, &mut found);
    decided(analysis.index().model, &Settings::default(), found)
}

/// What the crate did not accept, in the order of the source.
fn decided(model: &Model, settings: &Settings, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    settings.apply(&mut found);
    accept::apply(model, &mut found);
    found.sort_by(|a, b| {
        (&a.file, a.span, a.code, &a.message).cmp(&(&b.file, b.span, b.code, &b.message))
    });
    found.dedup();
    found
}

/// Which function starts which, as far as that is known.
pub(crate) struct Successors {
    /// By index in [`Model::functions`]: the indices of its successors, and of
    /// what joins them.
    pub(crate) edges: Vec<Vec<usize>>,
    /// The index of what joins its branches.
    pub(crate) joins: Vec<Option<usize>>,
    /// The index of the handler of its failures.
    pub(crate) handlers: Vec<Option<usize>>,
    faults: Vec<Diagnostic>,
}

impl Successors {
    pub(crate) fn resolve(model: &Model) -> Self {
        // By index, not by name: duplicates are reported, and the rest still holds.
        let schema = Schema {
            functions: model
                .functions
                .iter()
                .enumerate()
                .map(|(index, f)| {
                    let mut function = f.schema.clone();
                    function.name = index.to_string();
                    let entry = FunctionEntry {
                        module: f.place.module.clone(),
                        function,
                        successors: Vec::new(),
                        join_to: None,
                        handler: None,
                    };
                    (index.to_string(), entry)
                })
                .collect(),
            ..Schema::default()
        };
        let mut faults = Vec::new();
        let (mut edges, mut joins, mut handlers) = (Vec::new(), Vec::new(), Vec::new());
        for function in &model.functions {
            let mut resolve = |path: &String, span: &crate::SourceSpan| -> Option<usize> {
                match schema.resolve(&function.place.module, path) {
                    Ok(index) => index.parse().ok(),
                    Err(candidates) if let Some(index) = twins(model, &candidates) => Some(index),
                    Err(candidates) => {
                        faults.push(unresolved(model, function, path, *span, &candidates));
                        None
                    }
                }
            };
            let FunctionItem {
                schema: written, ..
            } = function;
            let next = written.next.iter().zip(&function.next);
            let mut successors: Vec<usize> = next.filter_map(|(p, s)| resolve(p, s)).collect();
            let join = written.join.as_ref().zip(function.join.as_ref());
            let join = join.and_then(|(p, s)| resolve(p, s));
            successors.extend(join);
            edges.push(successors);
            joins.push(join);
            let handler = written.on_error.as_ref().zip(function.on_error.as_ref());
            handlers.push(handler.and_then(|(p, s)| resolve(p, s)));
        }
        Self {
            edges,
            joins,
            handlers,
            faults,
        }
    }

    /// Every cycle once, beginning with its first function in the source.
    fn cycles(&self) -> Vec<Vec<usize>> {
        let mut cycles = BTreeSet::new();
        let mut done = vec![false; self.edges.len()];
        for start in 0..self.edges.len() {
            self.walk(start, &mut Vec::new(), &mut done, &mut cycles);
        }
        cycles.into_iter().collect()
    }

    fn walk(
        &self,
        at: usize,
        path: &mut Vec<usize>,
        done: &mut [bool],
        cycles: &mut BTreeSet<Vec<usize>>,
    ) {
        if let Some(start) = path.iter().position(|p| *p == at) {
            let mut cycle = path[start..].to_vec();
            let first = cycle.iter().enumerate().min_by_key(|(_, f)| **f);
            let first = first.map_or(0, |(position, _)| position);
            cycle.rotate_left(first);
            cycles.insert(cycle);
            return;
        }
        if done[at] {
            return;
        }
        path.push(at);
        for next in &self.edges[at] {
            self.walk(*next, path, done, cycles);
        }
        path.pop();
        done[at] = true;
    }

    /// Everything that `from` leads to, with `from` itself.
    fn reachable(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut queue: Vec<usize> = from.into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(at) = queue.pop() {
            if reached.insert(at) {
                queue.extend(&self.edges[at]);
                queue.extend(self.handlers[at]);
            }
        }
        reached
    }
}

pub(super) fn diagnostic(model: &Model, code: Code, place: &Place, message: String) -> Diagnostic {
    Diagnostic {
        code,
        level: code.level(),
        message,
        file: model.path(place.file).to_owned(),
        span: place.ident,
        label: String::new(),
        labels: Vec::new(),
        help: Vec::new(),
        suggestion: None,
    }
}

pub(super) fn label(model: &Model, place: &Place, text: impl Into<String>) -> Label {
    Label {
        file: model.path(place.file).to_owned(),
        span: place.ident,
        text: text.into(),
    }
}

fn unresolved(
    model: &Model,
    function: &FunctionItem,
    path: &str,
    span: crate::SourceSpan,
    candidates: &[String],
) -> Diagnostic {
    let place = Place {
        ident: span,
        ..function.place.clone()
    };
    let name = &function.schema.name;
    if !candidates.is_empty() {
        let mut d = diagnostic(
            model,
            Code::AmbiguousSuccessor,
            &place,
            format!("`{name}` names the successor `{path}`, which may be any of several functions"),
        );
        d.label = "write more of the path".into();
        d.help = vec![format!("it may be {}", candidates.join(" or "))];
        return d;
    }
    let mut d = diagnostic(
        model,
        Code::UnknownSuccessor,
        &place,
        format!(
            "`{name}` names the successor `{path}`, which is no annotated function of this crate"
        ),
    );
    d.label = "no function of this app".into();
    let last = path.rsplit("::").next().unwrap_or(path);
    let idents = || model.functions.iter().map(|f| f.schema.ident.as_str());
    if let Some(own) = model
        .aliases
        .get(last)
        .filter(|own| idents().any(|i| i == *own))
    {
        d.help.push(format!(
            "`{last}` is `{own}` imported under another name; write `{own}`, its own"
        ));
    } else if let Some(body) = model
        .bodies
        .iter()
        .find(|b| b.name == last && b.owner.is_none())
    {
        d.help.push(format!(
            "`{}` is a function of this crate; annotate it with `#[skylark::function]`",
            body.name
        ));
    } else if let Some(near) = nearest(last, idents()) {
        d.help.push(format!("did you mean `{near}`?"));
        d.suggestion = Some(Suggestion {
            file: d.file.clone(),
            span,
            replacement: near.to_owned(),
            certain: false,
        });
    }
    d
}

/// The first of several functions that are one on different conditions, by their paths.
fn twins(model: &Model, candidates: &[String]) -> Option<usize> {
    let [path, others @ ..] = candidates else {
        return None;
    };
    let mut of_path = model.functions.iter().enumerate().filter(|(_, f)| {
        let own = format!("{}::{}", f.place.module, f.schema.ident);
        own == *path && !f.cfg.is_empty()
    });
    let (first, _) = of_path.next()?;
    let all = of_path.count() == others.len() && others.iter().all(|other| other == path);
    all.then_some(first)
}

fn duplicates(model: &Model, found: &mut Vec<Diagnostic>) {
    let functions = model
        .functions
        .iter()
        .map(|f| (&f.schema.name, &f.place, &f.cfg));
    repeated(
        model,
        Code::DuplicateFunction,
        "functions",
        "name",
        functions,
        found,
    );
    let states = model
        .states
        .iter()
        .map(|s| (&s.schema.name, &s.place, &s.cfg));
    repeated(
        model,
        Code::DuplicateState,
        "state variables",
        "rename",
        states,
        found,
    );
}

fn repeated<'a>(
    model: &Model,
    code: Code,
    what: &str,
    option: &str,
    items: impl Iterator<Item = (&'a String, &'a Place, &'a String)>,
    found: &mut Vec<Diagnostic>,
) {
    let mut first: BTreeMap<&String, (&Place, &String)> = BTreeMap::new();
    for (name, place, cfg) in items {
        let Some((earlier, other)) = first.get(name).copied() else {
            first.insert(name, (place, cfg));
            continue;
        };
        // Compiled on different conditions, they may never meet; rustc sees to it if they do.
        if !cfg.is_empty() && !other.is_empty() && cfg != other {
            continue;
        }
        let mut d = diagnostic(
            model,
            code,
            place,
            format!(
                "two {what} are named `{name}`: one in `{}`, one in `{}`",
                earlier.module, place.module
            ),
        );
        d.label = "named again here".into();
        d.labels = vec![label(model, earlier, "first named here")];
        d.help = vec![format!(
            "give one of them another name with `{option} = \"…\"`"
        )];
        found.push(d);
    }
}

fn cycle_diagnostic(model: &Model, graph: &Successors, cycle: &[usize]) -> Diagnostic {
    let functions: Vec<&FunctionItem> = cycle.iter().map(|i| &model.functions[*i]).collect();
    let names: Vec<&str> = functions
        .iter()
        .chain(functions.first())
        .map(|f| f.schema.name.as_str())
        .collect();
    // The edge that leads back is what to cut.
    let (last, first) = (functions[functions.len() - 1], functions[0]);
    let edge = graph.edges[cycle[cycle.len() - 1]]
        .iter()
        .position(|to| *to == cycle[0])
        .and_then(|index| last.next.iter().chain(&last.join).nth(index));
    let place = Place {
        ident: edge.copied().unwrap_or(last.place.ident),
        ..last.place.clone()
    };
    let mut d = diagnostic(
        model,
        Code::Cycle,
        &place,
        format!("a chain that never ends: {}", names.join(" → ")),
    );
    d.label = format!("leads back to `{}`", first.schema.name);
    d.labels = vec![label(model, &first.place, "the cycle begins here")];
    d.help = vec![format!(
        "make `{}` the last link with `#[skylark::function]`, or loop inside one function",
        last.schema.name
    )];
    d
}

/// Functions to which nothing leads.
///
/// Any function may be called by its name, so being named by no `next` is no
/// fault. Warned of are functions that a chain was plainly meant to reach:
/// those to which only a cycle leads, and those that take, as their only argument,
/// the very type of this crate with which another function ends a run (a note of public ones in
/// an app without chains). A private function that is no link of any chain, in an app that has
/// chains, gets a note.
fn unreached(
    model: &Model,
    graph: &Successors,
    cycles: &[Vec<usize>],
    found: &mut Vec<Diagnostic>,
) {
    let called = mentioned(model);
    let named: BTreeSet<usize> = graph
        .edges
        .iter()
        .flatten()
        .chain(graph.handlers.iter().flatten())
        .copied()
        .collect();
    let entries = (0..model.functions.len()).filter(|i| !named.contains(i));
    let reached = graph.reachable(entries);
    let in_cycle: BTreeSet<usize> = cycles.iter().flatten().copied().collect();
    let chains = model.functions.iter().any(|f| !f.schema.next.is_empty());
    for (index, function) in model.functions.iter().enumerate() {
        let name = &function.schema.name;
        let unreached = |message| diagnostic(model, Code::Unreached, &function.place, message);
        if !reached.contains(&index) {
            // The cycle itself is an error of its own.
            if !in_cycle.contains(&index) {
                let mut d = unreached(format!("nobody reaches `{name}`: only a cycle leads to it"));
                d.help = vec!["end the cycle, and have a function outside name this one".into()];
                found.push(d);
            }
            continue;
        }
        let is_link = named.contains(&index) || !function.schema.next.is_empty();
        if named.contains(&index) || called.contains(last(&function.schema.ident)) {
            continue;
        }
        if let Some(giver) = giver(model, index, &called) {
            let ty = &giver.schema.output;
            let mut d = unreached(format!("nobody reaches `{name}`: no `next` names it"));
            d.label = format!(
                "takes the `{ty}` with which `{}` ends the run",
                giver.schema.name
            );
            d.labels = vec![label(model, &giver.place, format!("yields a `{ty}`"))];
            d.help = vec![format!(
                "if `{name}` comes next, annotate `{}` with `#[skylark::chain(next = {})]`",
                giver.schema.ident, function.schema.ident
            )];
            // Where nothing is a chain, what is public may be a service's door.
            if function.public && !chains {
                d.level = Level::Note;
            }
            found.push(d);
        } else if chains && !is_link && !function.public {
            let mut d = unreached(format!(
                "`{name}` is no link of any chain: it runs only when it is called by its name"
            ));
            d.level = Level::Note;
            d.help = vec!["make it `pub` if that is what it is for".into()];
            found.push(d);
        }
    }
}

/// The names of functions that a body mentions which is not of that name itself: it may
/// call them.
fn mentioned(model: &Model) -> BTreeSet<&str> {
    let functions = model.functions.iter();
    let names: BTreeSet<&str> = functions.map(|f| last(&f.schema.ident)).collect();
    // Each mention is looked up once: a crate has many more bodies than functions.
    let bodies = model.bodies.iter().flat_map(|body| {
        let mentions = body.mentions.iter().map(String::as_str);
        mentions.filter(|mention| *mention != body.name)
    });
    bodies.filter(|mention| names.contains(mention)).collect()
}

/// The function that ends a run with just what function `index` takes. One that is
/// `called` answers its callers.
fn giver<'m>(model: &'m Model, index: usize, called: &BTreeSet<&str>) -> Option<&'m FunctionItem> {
    let [arg] = model.functions[index].schema.args.as_slice() else {
        return None;
    };
    // Of several types of one name it cannot be told which is meant.
    if model.types.get(last(&arg.ty)) != Some(&1) {
        return None;
    }
    let mut others = model.functions.iter().enumerate();
    let found = others.find(|(other, f)| {
        *other != index
            && f.schema.next.is_empty()
            && f.schema.output == arg.ty
            && !called.contains(last(&f.schema.ident))
    });
    found.map(|(_, function)| function)
}

/// The name itself of what may be a method or a field.
fn last(ident: &str) -> &str {
    ident.rsplit("::").next().unwrap_or(ident)
}

fn unused_state(model: &Model, found: &mut Vec<Diagnostic>) {
    for state in &model.states {
        let own = last(&state.schema.ident);
        // A field without a name is not mentioned by it.
        let unnamed = own.bytes().all(|b| b.is_ascii_digit());
        if unnamed || model.mentions.contains(own) {
            continue;
        }
        let mut d = diagnostic(
            model,
            Code::UnusedState,
            &state.place,
            format!("nobody uses the state `{}`", state.schema.ident),
        );
        d.label = "never mentioned in this crate".into();
        d.help = vec!["remove it, or read or write it in a function".into()];
        found.push(d);
    }
}
