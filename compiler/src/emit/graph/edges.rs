//! Who leads to whom in a crate, and who does what with which state.

use super::{Edge, EdgeKind};
use crate::{
    analyse::{
        Access, Effects, Fact, Index, ItemId, Mode, Res, What, collections::is_blind,
        explain::Analysis,
    },
    check::app::Successors,
    read::krate::Model,
};
use skylark_abi::schema::Function;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Expr, ExprMethodCall};

/// How a function's edges to its successors are meant.
fn of_next(function: &Function) -> EdgeKind {
    match (function.each, function.choice) {
        (true, _) => EdgeKind::Each,
        (_, true) => EdgeKind::Choice,
        _ => EdgeKind::Next,
    }
}

/// The edges of a crate, in order. Successors that do not resolve are left out; the
/// checks report them.
pub(super) fn of(model: &Model) -> Vec<Edge> {
    let names = |f: usize| model.functions[f].schema.name.clone();
    let mut edges = BTreeSet::new();
    let resolved = Successors::resolve(model);
    for (from, successors) in resolved.edges.iter().enumerate() {
        let (join, handler) = (resolved.joins[from], resolved.handlers[from]);
        // What joins is the last of the successors.
        let plain = &successors[..successors.len() - usize::from(join.is_some())];
        let next = of_next(&model.functions[from].schema);
        let next = plain.iter().map(|to| (*to, next));
        let join = join.map(|to| (to, EdgeKind::Join));
        let error = handler.map(|to| (to, EdgeKind::OnError));
        for (to, kind) in next.chain(join).chain(error) {
            edges.insert(Edge {
                from: names(from),
                to: names(to),
                kind,
            });
        }
    }
    let analysis = Analysis::new(model);
    let bodies = Bodies::new(model, analysis.index());
    for effects in analysis.effects() {
        edges.extend(bodies.edges(effects));
        edges.extend(of_states(model, effects));
    }
    edges.into_iter().collect()
}

/// What a function does with the states that it touches: it reads, it writes, or, where
/// the analysis does not see which, it uses them.
fn of_states(model: &Model, effects: &Effects<'_>) -> BTreeSet<Edge> {
    let mut kinds: BTreeMap<usize, BTreeSet<EdgeKind>> = BTreeMap::new();
    let touches = effects.sure_touches();
    for (touch, sure) in touches.filter(|(touch, _)| !touch.is_idle()) {
        let kinds = kinds.entry(touch.state).or_default();
        match touch.access {
            // `push`, `add`: nothing comes of what was there.
            Access::Write if is_blind(&model.states[touch.state].schema, &touch.by) => {
                kinds.insert(if sure {
                    EdgeKind::Writes
                } else {
                    EdgeKind::Uses
                });
            }
            _ if !sure || !touch.is_seen() => drop(kinds.insert(EdgeKind::Uses)),
            // Its name stands there; what else is done with it is a touch of its own.
            Access::Named => {}
            Access::Read => drop(kinds.insert(EdgeKind::Reads)),
            Access::Overwrite => drop(kinds.insert(EdgeKind::Writes)),
            Access::Write => kinds.extend([EdgeKind::Reads, EdgeKind::Writes]),
        }
    }
    let mut edges = BTreeSet::new();
    for (state, mut kinds) in kinds {
        // It is looked at, and that is all.
        if kinds.is_empty() {
            kinds.insert(EdgeKind::Reads);
        }
        // Whoever is known to do both may do no more.
        if kinds.contains(&EdgeKind::Reads) && kinds.contains(&EdgeKind::Writes) {
            kinds.remove(&EdgeKind::Uses);
        }
        edges.extend(kinds.into_iter().map(|kind| Edge {
            from: effects.handler.function.schema.name.clone(),
            to: model.states[state].schema.name.clone(),
            kind,
        }));
    }
    edges
}

/// What functions do while they run.
struct Bodies<'a, 'm> {
    model: &'m Model,
    index: &'a Index<'m>,
    /// Names of functions by their item.
    functions: BTreeMap<ItemId, &'m str>,
}

impl<'a, 'm> Bodies<'a, 'm> {
    fn new(model: &'m Model, index: &'a Index<'m>) -> Self {
        let functions = index.handlers().into_iter().map(|handler| {
            let item = index.bodies[handler.body].item;
            (item, handler.function.schema.name.as_str())
        });
        Self {
            model,
            index,
            functions: functions.collect(),
        }
    }

    /// Whom a function calls, and whom it asks.
    fn edges(&self, effects: &Effects<'_>) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for body in effects.reach.bodies() {
            let facts = &self.index.bodies[body].facts;
            for (to, kind) in facts.iter().flat_map(|fact| self.of_fact(fact, facts)) {
                edges.insert(Edge {
                    from: effects.handler.function.schema.name.clone(),
                    to: to.to_owned(),
                    kind,
                });
            }
        }
        edges
    }

    /// What one fact among those of a body leads to.
    fn of_fact(&self, fact: &Fact<'_>, all: &[Fact<'_>]) -> Vec<(&'m str, EdgeKind)> {
        let called = |targets: &[ItemId]| {
            let kind = self.way(fact, all);
            let names = targets
                .iter()
                .filter_map(|target| self.functions.get(target));
            names.map(|name| (*name, kind)).collect()
        };
        match &fact.what {
            What::Call {
                target: Res::Item(item),
                mode: Mode::Remote,
                ..
            } => called(&[*item]),
            What::Method {
                targets,
                mode: Mode::Remote,
                ..
            } => called(targets),
            // A declaration without a body is no item.
            What::Call {
                target: Res::Unknown(path) | Res::Foreign(path),
                mode: Mode::Here,
                ..
            } => {
                let last = path.rsplit("::").next().unwrap_or(path).trim();
                let mut asked = self.model.externals.iter();
                let asked = asked.find(|external| external.name == last);
                asked
                    .map(|e| (e.name.as_str(), EdgeKind::Asks))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// How a call is made: what is done with it on the same line, `.after(…)`, `.send()`.
    fn way(&self, call: &Fact<'_>, all: &[Fact<'_>]) -> EdgeKind {
        let at = call.site.span.byte_range().start;
        let done = |wanted: &str| {
            all.iter().any(|fact| match &fact.what {
                What::Method { name, call, .. } => name == wanted && is_on(call, at),
                _ => false,
            })
        };
        match (done("after"), done("send")) {
            (false, false) => EdgeKind::Call,
            (true, false) => EdgeKind::CallLater,
            (false, true) => EdgeKind::OneWay,
            (true, true) => EdgeKind::OneWayLater,
        }
    }
}

/// Whether a method is called on what is called at byte `at`.
fn is_on(method: &ExprMethodCall, at: usize) -> bool {
    use syn::spanned::Spanned as _;
    let mut receiver = &*method.receiver;
    loop {
        match receiver {
            Expr::MethodCall(inner) if inner.method.span().byte_range().start == at => return true,
            Expr::MethodCall(inner) => receiver = &inner.receiver,
            // `Client::f(x)`, `call!(f(x))`
            Expr::Call(call) => return call.func.span().byte_range().contains(&at),
            Expr::Macro(mac) => return mac.span().byte_range().contains(&at),
            _ => return false,
        }
    }
}
