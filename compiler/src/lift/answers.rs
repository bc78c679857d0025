//! Answers: status codes and bodies become results.

use super::{
    body::{Rewriter, only},
    krate::{Function, type_arguments},
    out::Out,
    rules::{self, Role},
    signature::tail,
};
use crate::read::plain;
use syn::{Expr, ExprTuple, ReturnType, Type, spanned::Spanned as _, visit::Visit};

/// The number of `StatusCode::NAME`, if that is what a path is.
fn code(rewriter: &Rewriter<'_, '_, '_>, path: &syn::Path) -> Option<Option<u16>> {
    let mut front = path.clone();
    let last = front.segments.pop()?;
    front.segments.pop_punct();
    (!front.segments.is_empty() && rewriter.role(&front) == Some(Role::Status))
        .then(|| rules::status(&plain(&last.ident)))
}

fn code_of(rewriter: &Rewriter<'_, '_, '_>, expr: &Expr) -> Option<u16> {
    match expr {
        Expr::Path(path) => code(rewriter, &path.path).flatten(),
        _ => None,
    }
}

/// `(StatusCode::CREATED, Json(x))` is `x`; `(StatusCode::CONFLICT, why)` is a refusal.
pub(super) fn tuple(rewriter: &mut Rewriter<'_, '_, '_>, tuple: &ExprTuple) -> bool {
    let (Some(first), Some(second), 2) =
        (tuple.elems.first(), tuple.elems.get(1), tuple.elems.len())
    else {
        return false;
    };
    let Some(number) = code_of(rewriter, first) else {
        return false;
    };
    let body = match second {
        Expr::Call(call) => match (&*call.func, call.args.first()) {
            (Expr::Path(func), Some(inner))
                if rewriter.role(&func.path) == Some(Role::Argument) =>
            {
                Some(inner)
            }
            _ => None,
        },
        _ => None,
    };
    if number < 300 {
        let inner = body.unwrap_or(second);
        rewriter.unwrap(tuple, inner);
        rewriter.visit_expr(inner);
        return true;
    }
    if body.is_some() {
        rewriter.ask(
            tuple.span(),
            "a function refuses with a text: which shall it be, in place of this JSON?",
        );
    }
    rewriter.refuses();
    // `new` takes whatever becomes a text, so that `why.into()` would not say what it is.
    let converted = match second {
        Expr::MethodCall(call) if call.method == "into" && call.args.is_empty() => {
            Some(&*call.receiver)
        }
        _ => None,
    };
    if let Some(inner) = converted {
        let (at, end) = (rewriter.range(inner).end, rewriter.range(second).end);
        rewriter.delete(at..end);
    }
    let second = converted.unwrap_or(second);
    let (whole, why) = (rewriter.range(tuple), rewriter.range(second));
    rewriter.delete(whole.start..why.start);
    let name = rewriter.out.refusal.name;
    rewriter.insert(why.start, format!("{name}::new({number}, "));
    rewriter.visit_expr(second);
    true
}

/// A status code by itself.
pub(super) fn status(rewriter: &mut Rewriter<'_, '_, '_>, path: &syn::Path) {
    let at = rewriter.range(path);
    let file = rewriter.file();
    match code(rewriter, path) {
        Some(Some(number)) if number < 300 => rewriter.out.edits.replace(file, at, "()"),
        Some(Some(number)) => {
            rewriter.refuses();
            rewriter.out.edits.replace(
                file,
                at,
                format!("{}::new({number}, \"\")", rewriter.out.refusal.name),
            );
        }
        Some(None) => rewriter.ask(path.span(), "which status is this, and is it a refusal?"),
        None => {}
    }
}

/// The statuses that a function answers with, beside a body; `None` if one is computed.
fn statuses(rewriter: &Rewriter<'_, '_, '_>) -> Vec<Option<u16>> {
    struct Find<'r, 'o, 'a, 'k>(&'r Rewriter<'o, 'a, 'k>, Vec<Option<u16>>);
    impl<'ast> Visit<'ast> for Find<'_, '_, '_, '_> {
        fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
            self.1.extend(code(self.0, &path.path));
        }
    }
    let mut find = Find(rewriter, Vec::new());
    find.visit_block(rewriter.function.block);
    if find.1.is_empty() {
        find.1.push(None);
    }
    find.1
}

/// Whether a status and a body are what a function answers, and not why it refuses.
fn answers(rewriter: &Rewriter<'_, '_, '_>) -> bool {
    let plan = rewriter.out.plan;
    let good = |status: &Option<u16>| status.is_some_and(|number| number < 300);
    plan.handlers.contains_key(&rewriter.function.path()) || statuses(rewriter).iter().any(good)
}

/// Types of answers.
pub(super) fn ty(rewriter: &mut Rewriter<'_, '_, '_>, ty: &Type) -> bool {
    let module = rewriter.function.place.module.clone();
    let krate = rewriter.out.krate;
    let is_status = |ty: &Type| {
        krate
            .type_path(&module, ty)
            .is_some_and(|path| rules::role(&path) == Some(Role::Status))
    };
    if let Some(inner) = only(krate, &module, ty) {
        rewriter.unwrap(ty, inner);
        rewriter.visit_type(inner);
        return true;
    }
    if let Type::Tuple(tuple) = ty
        && let (Some(first), Some(second), 2) =
            (tuple.elems.first(), tuple.elems.get(1), tuple.elems.len())
        && is_status(first)
    {
        match only(krate, &module, second) {
            Some(inner) => {
                rewriter.unwrap(ty, inner);
                rewriter.visit_type(inner);
            }
            // What helps to refuse: an error, as in a result.
            None if !answers(rewriter) => {
                rewriter.refuses();
                let (at, file) = (rewriter.range(ty), rewriter.file());
                let name = rewriter.out.refusal.name;
                rewriter.out.edits.replace(file, at, name);
            }
            None => {
                if statuses(rewriter).iter().any(|status| *status != Some(200)) {
                    let name = rewriter.out.refusal.name;
                    rewriter.ask(
                        ty.span(),
                        format!(
                            "a function yields a value or refuses, without a status: may this one go, and which answers \
                             are refusals (`Result<…, {name}>`)?"
                        ),
                    );
                }
                rewriter.unwrap(ty, second);
                rewriter.visit_type(second);
            }
        }
        return true;
    }
    let last = super::krate::path_of(ty).and_then(|path| path.segments.last());
    if last.is_some_and(|last| last.ident == "Result")
        && let [good, bad] = type_arguments(ty).as_slice()
    {
        let file = rewriter.file();
        if is_status(good) {
            let at = rewriter.range(good);
            rewriter.out.edits.replace(file, at, "()");
        } else {
            rewriter.visit_type(good);
        }
        if is_status(bad) {
            rewriter.refuses();
            let at = rewriter.range(bad);
            {
                let name = rewriter.out.refusal.name;
                rewriter.out.edits.replace(file, at, name);
            }
        } else {
            // A refusal with JSON for its reason is one all the same.
            if let Type::Tuple(tuple) = bad
                && tuple.elems.first().is_some_and(is_status)
            {
                rewriter.refuses();
                let at = rewriter.range(bad);
                {
                    let name = rewriter.out.refusal.name;
                    rewriter.out.edits.replace(file, at, name);
                }
            } else {
                rewriter.visit_type(bad);
            }
        }
        return true;
    }
    false
}

/// `-> StatusCode`: nothing, if it is always the same good one.
pub(super) fn status_only(out: &mut Out<'_, '_>, function: &Function<'_>) {
    let ReturnType::Type(arrow, ty) = &function.sig.output else {
        return;
    };
    let file = function.place.file;
    if let Some(last @ Expr::Path(_)) = tail(function) {
        let (start, end) = (out.range(file, arrow).start, out.range(file, &**ty).end);
        out.edits.delete(file, start..end);
        let at = out.range(file, last);
        out.edits.supersede(file, at, "");
    } else {
        out.ask(
            &function.place,
            ty.span(),
            "a function yields a value or refuses: which of these statuses is a refusal?",
        );
    }
}
