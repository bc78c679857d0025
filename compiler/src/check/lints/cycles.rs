//! Functions that call each other in a circle.

use super::{Lints, look::uses};
use crate::{
    analyse::{BodyId, Fact, ItemId, Mode, Res, Site, What},
    check::code::{Code, Diagnostic},
};
use std::collections::{BTreeMap, BTreeSet};

/// A call by a message, for which somebody waits.
struct Call {
    to: usize,
    body: BodyId,
    site: Site,
}

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    let number: BTreeMap<ItemId, usize> = (lints.handlers.iter().enumerate())
        .map(|(number, body)| (lints.index.bodies[*body].item, number))
        .collect();
    let remote = Remote::of(lints);
    if remote.0.is_empty() {
        return;
    }
    let edges: Vec<Vec<Call>> = (lints.handlers.iter())
        .map(|handler| calls(lints, *handler, &number, &remote))
        .collect();
    let mut seen = BTreeSet::new();
    for start in 0..edges.len() {
        if let Some(cycle) = shortest(&edges, start) {
            let mut members: Vec<usize> = cycle.iter().map(|call| call.to).collect();
            members.sort_unstable();
            if seen.insert(members) {
                found.push(report(lints, start, &cycle));
            }
        }
    }
}

/// The remote calls of each body.
struct Remote(BTreeMap<BodyId, Vec<(ItemId, Site)>>);

impl Remote {
    fn of(lints: &Lints<'_, '_>) -> Self {
        let mut found = BTreeMap::new();
        for body in lints.reached() {
            let of = &lints.index.bodies[body];
            let targets: Vec<(ItemId, Site)> = of.facts.iter().flat_map(targets).collect();
            let Some(block) = of.block.filter(|_| !targets.is_empty()) else {
                continue;
            };
            // Nobody waits for what is sent.
            let file = lints.item(body).site.file;
            let sent: Vec<usize> = uses(lints.index, file, block)
                .into_iter()
                .filter(|(_, used)| used.methods.iter().any(|call| call.method == "send"))
                .map(|(at, _)| at)
                .collect();
            let waits = |site: &Site| {
                let at = site.span.byte_range().start;
                // `call!(f(x)).send()`: the macro's `!` is just before the name.
                let before = sent.iter().rev().find(|sent| **sent <= at);
                before.is_none_or(|sent| {
                    let text = lints.index.model.files[file].text.get(*sent..at);
                    text.is_none_or(|text| text.contains(';') || text.contains('\n'))
                })
            };
            found.insert(
                body,
                targets
                    .into_iter()
                    .filter(|(_, site)| waits(site))
                    .collect(),
            );
        }
        Self(found)
    }
}

fn targets(fact: &Fact<'_>) -> Vec<(ItemId, Site)> {
    match &fact.what {
        What::Call {
            target: Res::Item(item),
            mode: Mode::Remote,
            ..
        } => vec![(*item, fact.site)],
        What::Method {
            targets,
            certain: true,
            mode: Mode::Remote,
            ..
        } => targets.iter().map(|item| (*item, fact.site)).collect(),
        _ => Vec::new(),
    }
}

/// What a handler calls by messages, itself or through what it runs.
fn calls(
    lints: &Lints<'_, '_>,
    handler: BodyId,
    number: &BTreeMap<ItemId, usize>,
    remote: &Remote,
) -> Vec<Call> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([handler]);
    let mut queue = vec![handler];
    while let Some(body) = queue.pop() {
        for (item, site) in remote.0.get(&body).into_iter().flatten() {
            if let Some(to) = number.get(item) {
                found.push(Call {
                    to: *to,
                    body,
                    site: *site,
                });
            }
        }
        for (next, _) in &lints.runs[body] {
            if seen.insert(*next) {
                queue.push(*next);
            }
        }
    }
    found
}

/// The shortest way from a handler back to itself.
fn shortest(edges: &[Vec<Call>], start: usize) -> Option<Vec<&Call>> {
    let mut before: BTreeMap<usize, (usize, &Call)> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for call in &edges[at] {
            if call.to == start {
                let mut cycle = vec![call];
                let mut at = at;
                while at != start {
                    let (from, call) = before[&at];
                    cycle.push(call);
                    at = from;
                }
                cycle.reverse();
                return Some(cycle);
            }
            before.entry(call.to).or_insert_with(|| {
                queue.push_back(call.to);
                (at, call)
            });
        }
    }
    None
}

fn report(lints: &Lints<'_, '_>, start: usize, cycle: &[&Call]) -> Diagnostic {
    let name = |handler: usize| lints.name(lints.index.bodies[lints.handlers[handler]].item);
    let names: Vec<String> = std::iter::once(name(start))
        .chain(cycle.iter().map(|call| name(call.to)))
        .collect();
    let last = cycle[cycle.len() - 1];
    let message = format!(
        "functions wait for each other in a circle: {}",
        names.join(" → ")
    );
    let mut d = lints.finding(Code::CallCycle, last.site, message);
    d.label = format!("calls `{}` again", name(start));
    for (at, call) in cycle.iter().enumerate() {
        if at + 1 < cycle.len() {
            let text = format!("`{}` calls `{}`", names[at], names[at + 1]);
            d.labels.push(lints.label(call.site, text));
        }
    }
    let item = lints.item(last.body);
    d.labels.push(lints.label(item.site, "in this function"));
    d.help = vec![
        "loop in one function, or hand on what is left with `.send()`, for which nobody waits"
            .into(),
    ];
    d
}
