//! Whether functions have the arguments that the keys of their state are made of.
//!
//! A macro cannot know: it sees the variable, and not who uses it.

use super::{
    app::{diagnostic, label},
    code::{Code, Diagnostic},
};
use crate::{
    analyse::{EffectKind, explain::Analysis},
    read::krate::Place,
};
use std::collections::BTreeSet;

/// Reports the first use of each variable whose key a function cannot make. What is only
/// reached by methods of unknown types may not be reached at all, and is left out.
pub(super) fn check(analysis: &Analysis<'_>, found: &mut Vec<Diagnostic>) {
    let index = analysis.index();
    let model = index.model;
    if model.states.iter().all(|state| state.key.is_none()) {
        return;
    }
    for effects in analysis.effects() {
        let function = effects.handler.function;
        let args = &function.schema.args;
        // What is there for its key alone may be called `_key`.
        let is = |arg: &str, name: &str| arg == name || arg.strip_prefix('_') == Some(name);
        let has = |name: &str| args.iter().any(|arg| is(&arg.name, name));
        let mut seen = BTreeSet::new();
        for effect in &effects.all {
            let EffectKind::Touch(touch) = &effect.kind else {
                continue;
            };
            let state = &model.states[touch.state];
            let Some(key) = &state.key else { continue };
            let mut lacks = key.arguments();
            lacks.retain(|name| !has(name));
            let sure = effects.sure.contains(&effect.body) && !touch.is_idle();
            if lacks.is_empty() || !sure || !seen.insert(touch.state) {
                continue;
            }
            let place = Place {
                file: effect.site.file,
                module: function.place.module.clone(),
                ident: index.locate(effect.site),
            };
            let name = &function.schema.ident;
            let lacks = listed(&lacks);
            let (ident, key) = (&state.schema.ident, key.text());
            let message = format!(
                "`{name}` uses the state `{ident}`, which is one per `{key}`, and has no {lacks}"
            );
            let mut d = diagnostic(model, Code::KeyArgument, &place, message);
            let way = effects.reach.way(index, effect.body);
            d.label = match way.as_slice() {
                [_, _, ..] => format!("reached by {}", way.join(" → ")),
                _ => "which of them is not known here".to_owned(),
            };
            d.labels = vec![
                label(model, &function.place, format!("has no {lacks}")),
                label(model, &state.place, format!("`scope = key({key})`")),
            ];
            d.help = vec![format!(
                "give `{name}` the {lacks}, or make the key of one that all who use `{ident}` have"
            )];
            found.push(d);
        }
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 {
        "argument"
    } else {
        "arguments"
    };
    format!("{noun} {}", names.join(" and "))
}
