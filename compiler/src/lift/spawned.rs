//! What is started beside a handler: a call that nobody waits for.

use super::{body::Rewriter, report::Kind, waits::resolve};
use syn::{Expr, ExprCall, Stmt, spanned::Spanned as _};

/// The call that is spawned: `f(x)`, or `async move { f(x).await; }`.
pub(super) fn call(spawn: &ExprCall) -> Option<&ExprCall> {
    match spawn.args.first()? {
        Expr::Call(call) => Some(call),
        Expr::Async(block) => match block.block.stmts.as_slice() {
            [Stmt::Expr(Expr::Await(wait), _)] => match &*wait.base {
                Expr::Call(call) => Some(call),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Writes `tokio::spawn(f(x))` as `skylark::call!(f(x)).send()`.
pub(super) fn write(rewriter: &mut Rewriter<'_, '_, '_>, spawn: &ExprCall) {
    let known = call(spawn).and_then(|call| {
        let Expr::Path(func) = &*call.func else {
            return None;
        };
        let path = resolve(rewriter.out.krate, rewriter.function, &func.path);
        rewriter
            .out
            .plan
            .handlers
            .contains_key(&path)
            .then_some((call, path))
    });
    let Some((call, path)) = known else {
        return rewriter.ask(
            spawn.span(),
            "nothing runs beside a function: is this a call that nobody waits for (`skylark::call!(f(…)).send()`), one in a \
             while (`.after(…)`), or part of the function itself?",
        );
    };
    if let Some(callee) = rewriter.out.krate.functions.get(&path) {
        super::values::note_call(rewriter.out, callee);
    }
    let (whole, at) = (rewriter.range(spawn), rewriter.range(call));
    rewriter.delete(whole.start..at.start);
    rewriter.insert(at.start, "skylark::call!(");
    rewriter.insert(at.end, ").send().expect(\"the arguments can be encoded\")");
    rewriter.delete(at.end..whole.end);
    rewriter.own_arguments(call, &path, true);
    let shown = path
        .split_once("::")
        .map_or(path.as_str(), |(_, rest)| rest)
        .to_owned();
    rewriter.out.decide(
        Kind::Call,
        (&rewriter.function.place, spawn.span()),
        format!("{shown}, spawned"),
        format!("skylark::call!({shown}(…)).send()"),
        "nobody waits for it: it is a run of its own, begun when this function has committed",
    );
}
