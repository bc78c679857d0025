//! Whether functions are as idempotent as they promise.

use super::{
    app::{diagnostic, label},
    code::{Code, Diagnostic, Label},
};
use crate::{analyse::explain::Analysis, read::krate::Place};
use skylark_abi::schema::Demand;

/// Reports each function that does not keep its promise, where it breaks it.
pub(super) fn check(analysis: &Analysis<'_>, found: &mut Vec<Diagnostic>) {
    let index = analysis.index();
    let model = index.model;
    let demands = |f: &crate::read::krate::FunctionItem| f.schema.options.demand.is_some();
    if !model.functions.iter().any(demands) {
        return;
    }
    for effects in analysis.effects() {
        let function = effects.handler.function;
        let Some(demand) = function.schema.options.demand else {
            continue;
        };
        let judged = analysis.judge(effects);
        let (code, reason) = match demand {
            Demand::Idempotent => (Code::NotIdempotent, judged.not_idempotent),
            Demand::Pure => (Code::NotPure, judged.impure),
        };
        let Some(reason) = reason else { continue };
        let effect = reason.effect.map(|number| &effects.all[number]);
        let place = match effect {
            Some(effect) => Place {
                file: effect.site.file,
                module: function.place.module.clone(),
                ident: index.locate(effect.site),
            },
            None => Place {
                ident: function
                    .next
                    .first()
                    .copied()
                    .unwrap_or(function.place.ident),
                ..function.place.clone()
            },
        };
        let name = &function.schema.name;
        let demand = demand.as_str();
        let message = format!("`{name}` promises to be {demand}, but {}", reason.text);
        let mut d = diagnostic(model, code, &place, message);
        let way = effect.map(|effect| effects.reach.way(index, effect.body));
        d.label = match way.as_deref() {
            Some([_, _, ..]) => format!("reached by {}", shown(&way.unwrap_or_default())),
            _ => "here".to_owned(),
        };
        let promise: Label = label(model, &function.place, format!("promises to be {demand}"));
        d.labels = vec![promise];
        d.help = vec![format!(
            "leave `{demand}` out: the commit makes it take effect once in any case"
        )];
        found.push(d);
    }
}

fn shown(way: &[String]) -> String {
    let names: Vec<String> = way.iter().map(|name| format!("`{name}`")).collect();
    names.join(" → ")
}
