//! Which functions wait for something, once their locks do not.

use super::{
    cells::Held,
    krate::{Function, Krate},
    plan::{Lent, Plan},
    receivers::Receivers,
    rules::{self, Lock, Outside},
};
use crate::read::plain;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Expr, ExprAwait, ExprCall, ExprMethodCall, Member, visit::Visit};

/// What an `.await` waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A handler, which is called.
    Handler(String),
    /// A lock of state, which Skylark never waits for.
    Lock,
    /// Another function of the crate.
    Function(String),
    /// Something outside.
    Outside(Outside, String),
    /// Nobody knows.
    Unknown,
}

/// What `base.await` waits for.
pub(super) fn awaited(
    krate: &Krate<'_>,
    plan: &Plan<'_>,
    function: &Function<'_>,
    lent: &Lent<'_, '_>,
    base: &Expr,
) -> Awaited {
    match base {
        Expr::Paren(paren) => awaited(krate, plan, function, lent, &paren.expr),
        Expr::Call(ExprCall { func, .. }) => {
            let Expr::Path(func) = &**func else {
                return Awaited::Unknown;
            };
            let path = resolve(krate, function, &func.path);
            if plan.handlers.contains_key(&path) {
                return Awaited::Handler(path);
            }
            if krate.functions.contains_key(&path) {
                return Awaited::Function(path);
            }
            match rules::outside(&path) {
                Some(outside) => Awaited::Outside(outside, path),
                None => Awaited::Unknown,
            }
        }
        Expr::MethodCall(call) => method(krate, plan, function, lent, call),
        // What comes of a request is awaited once more.
        Expr::Await(wait) => awaited(krate, plan, function, lent, &wait.base).outside(),
        Expr::Try(tried) => awaited(krate, plan, function, lent, &tried.expr).outside(),
        _ => Awaited::Unknown,
    }
}

fn method(
    krate: &Krate<'_>,
    plan: &Plan<'_>,
    function: &Function<'_>,
    lent: &Lent<'_, '_>,
    call: &ExprMethodCall,
) -> Awaited {
    let name = plain(&call.method);
    if is_lock(call) {
        let held = held(krate, plan, function, lent, &call.receiver);
        if held
            == Some(Held::State {
                lock: Lock::Awaited,
            })
        {
            return Awaited::Lock;
        }
    }
    if let Some(shared) = local(&call.receiver).and_then(|name| lent.names.get(&name)) {
        let path = format!(
            "{}::{}::{name}",
            shared.place.module,
            plain(&shared.item.ident)
        );
        if krate.functions.contains_key(&path) {
            return Awaited::Function(path);
        }
    }
    let receivers = Receivers {
        krate,
        plan,
        function,
        lent,
    };
    let method = receivers.of(&call.receiver);
    let method = method.map(|owner| format!("{owner}::{name}"));
    if let Some(path) = method.filter(|path| krate.functions.contains_key(path)) {
        return Awaited::Function(path);
    }
    // A request is built by methods: look at where it begins.
    awaited(krate, plan, function, lent, &call.receiver).outside()
}

impl Awaited {
    fn outside(self) -> Self {
        match self {
            Self::Outside(..) => self,
            _ => Self::Unknown,
        }
    }
}

/// The static that `state.field` is.
pub(super) fn field<'p>(lent: &Lent<'p, '_>, expr: &Expr) -> Option<&'p super::shared::Static> {
    match expr {
        Expr::Field(field) => {
            let shared = *lent.names.get(&local(&field.base)?)?;
            let name = match &field.member {
                Member::Named(ident) => plain(ident),
                Member::Unnamed(index) => index.index.to_string(),
            };
            shared.fields.get(&name)
        }
        Expr::Path(_) => lent.fields.get(&local(expr)?).copied(),
        Expr::Paren(paren) => field(lent, &paren.expr),
        _ => None,
    }
}

/// How what a lock is of is held.
pub(super) fn held(
    krate: &Krate<'_>,
    plan: &Plan<'_>,
    function: &Function<'_>,
    lent: &Lent<'_, '_>,
    expr: &Expr,
) -> Option<Held> {
    match field(lent, expr) {
        Some(found) => Some(found.held),
        None => global(krate, plan, function, expr),
    }
}

/// `x.lock()`, `x.read()`, `x.write()`
pub(super) fn is_lock(call: &ExprMethodCall) -> bool {
    let locks = ["lock", "read", "write"]
        .iter()
        .any(|name| call.method == name);
    locks && call.args.is_empty()
}

fn global(
    krate: &Krate<'_>,
    plan: &Plan<'_>,
    function: &Function<'_>,
    expr: &Expr,
) -> Option<Held> {
    let Expr::Path(path) = expr else { return None };
    let path = krate.names.resolve(&function.place.module, &path.path);
    plan.globals.get(&path).map(|global| global.held)
}

/// The name that an expression is.
pub(super) fn local(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => path.path.get_ident().map(plain),
        Expr::Paren(paren) => local(&paren.expr),
        _ => None,
    }
}

/// What a path in a function means; `Self` is its type.
pub(super) fn resolve(krate: &Krate<'_>, function: &Function<'_>, path: &syn::Path) -> String {
    let first = path.segments.first().map(|s| plain(&s.ident));
    match (&function.owner, first.as_deref()) {
        (Some(owner), Some("Self")) => {
            path.segments.iter().skip(1).fold(owner.clone(), |path, s| {
                format!("{path}::{}", plain(&s.ident))
            })
        }
        _ => krate.names.resolve(&function.place.module, path),
    }
}

/// The functions that are `async` and wait.
pub(super) fn find(krate: &Krate<'_>, plan: &Plan<'_>) -> BTreeSet<String> {
    struct Awaits<'a, 'k> {
        krate: &'a Krate<'k>,
        plan: &'a Plan<'k>,
        function: &'a Function<'k>,
        lent: Lent<'a, 'k>,
        found: Vec<Awaited>,
    }
    impl<'ast> Visit<'ast> for Awaits<'_, '_> {
        fn visit_expr_await(&mut self, expr: &'ast ExprAwait) {
            self.found.push(awaited(
                self.krate,
                self.plan,
                self.function,
                &self.lent,
                &expr.base,
            ));
            syn::visit::visit_expr_await(self, expr);
        }
    }
    let mut all: BTreeMap<&String, Vec<Awaited>> = BTreeMap::new();
    for (path, function) in &krate.functions {
        if function.sig.asyncness.is_some() {
            let mut awaits = Awaits {
                krate,
                plan,
                function,
                lent: plan.lent(krate, function),
                found: Vec::new(),
            };
            awaits.visit_block(function.block);
            all.insert(path, awaits.found);
        }
    }
    let mut waits = BTreeSet::new();
    loop {
        let waiting = |found: &Awaited| match found {
            Awaited::Lock => false,
            // What is not `async` here returns a future of its own.
            Awaited::Function(path) => waits.contains(path) || !all.contains_key(path),
            _ => true,
        };
        let more: BTreeSet<String> = all
            .iter()
            .filter(|(path, found)| {
                // A method of a trait is as the trait says.
                let of_trait = krate.functions[**path].of_trait.is_some();
                of_trait || plan.untouched.contains(**path) || found.iter().any(waiting)
            })
            .map(|(path, _)| (*path).clone())
            .collect();
        if more.len() == waits.len() {
            return waits;
        }
        waits = more;
    }
}
