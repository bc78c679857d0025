//! As many calls as a caller likes.

use super::Lints;
use crate::{
    analyse::{BodyId, Fact, Kind, Res, Root, Site, Step, What},
    check::code::{Code, Diagnostic},
    read::plain,
};
use syn::{Block, Expr, FnArg, Pat, Stmt};

/// What bounds a list, or looks at how long it is.
const BOUNDS: &[&str] = &["len", "nth", "split_at", "split_off", "take", "truncate"];

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for body in &lints.handlers {
        for fact in &lints.index.bodies[*body].facts {
            if let What::Call {
                target: Res::Foreign(path),
                args,
                ..
            } = &fact.what
                && path == "skylark::join_all"
                && let Some(place) = args.first().and_then(|argument| argument.from.as_ref())
                && let Root::Param(name) = &place.root
                && !place.steps.iter().any(bounds)
                && !is_bounded(lints, *body, name)
            {
                found.push(report(lints, *body, fact.site, name, "calls"));
            }
        }
    }
    each(lints, found);
}

fn bounds(step: &Step) -> bool {
    matches!(step, Step::Call(name) if BOUNDS.contains(&name.as_str()))
}

/// Whether the body looks at how long a parameter is.
fn is_bounded(lints: &Lints<'_, '_>, body: BodyId, name: &str) -> bool {
    let looks = |fact: &Fact<'_>| match &fact.what {
        What::Method {
            name: method, on, ..
        } => {
            BOUNDS.contains(&method.as_str())
                && on
                    .from
                    .as_ref()
                    .is_some_and(|place| matches!(&place.root, Root::Param(param) if param == name))
        }
        _ => false,
    };
    lints.index.bodies[body].facts.iter().any(looks)
}

/// `next = each(f)` of a function that hands on a list that it was given.
fn each(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for handler in lints.index.handlers() {
        let function = handler.function;
        let (true, Some(next)) = (function.schema.each, function.next.first()) else {
            continue;
        };
        let (Kind::Fn(of), Some(block)) = (
            &lints.item(handler.body).kind,
            lints.index.bodies[handler.body].block,
        ) else {
            continue;
        };
        let Some(name) = handed_on(block) else {
            continue;
        };
        let is_param = of.sig.inputs.iter().any(|input| match input {
            FnArg::Typed(argument) => {
                matches!(&*argument.pat, Pat::Ident(param) if plain(&param.ident) == name)
            }
            FnArg::Receiver(_) => false,
        });
        if is_param && !is_bounded(lints, handler.body, &name) {
            let site = lints.item(handler.body).site;
            let mut d = report(lints, handler.body, site, &name, "branches");
            d.span = *next;
            found.push(d);
        }
    }
}

/// The variable that a body yields as it is, perhaps in an `Ok`.
fn handed_on(block: &Block) -> Option<String> {
    let Some(Stmt::Expr(expr, None)) = block.stmts.last() else {
        return None;
    };
    match expr {
        Expr::Path(path) => path.path.get_ident().map(plain),
        Expr::Call(call) if call.args.len() == 1 => match (&*call.func, &call.args[0]) {
            (Expr::Path(ok), Expr::Path(path)) if ok.path.is_ident("Ok") => {
                path.path.get_ident().map(plain)
            }
            _ => None,
        },
        _ => None,
    }
}

fn report(lints: &Lints<'_, '_>, body: BodyId, site: Site, name: &str, what: &str) -> Diagnostic {
    let handler = lints.handler_of(body);
    let message = format!("`{handler}` starts as many {what} as there are elements in `{name}`");
    let mut d = lints.finding(Code::UnboundedFanOut, site, message);
    d.label = "whoever calls it chooses how many".into();
    d.labels
        .push(lints.label(lints.item(body).site, "in this function"));
    d.help = vec![format!(
        "refuse what is too long (`{name}.len()`); a node stops at `--max-effects`, 1000 by default"
    )];
    d
}
