//! The order of a `HashMap` or `HashSet`, where it can be seen from outside.

use super::{
    Lints,
    look::{Recorded, Use, uses},
};
use crate::{
    analyse::{BodyId, Fact, Kind, Mode, Site, Ty, What},
    check::code::{Code, Diagnostic, Level},
};
use std::{collections::BTreeSet, ops::Range};
use syn::{
    Expr, ExprMethodCall, GenericArgument, Macro, Pat, ReturnType, Type, spanned::Spanned,
    visit::Visit,
};

/// Methods of the two that show their order.
const SHOWS: &[&str] = &[
    "iter",
    "iter_mut",
    "into_iter",
    "keys",
    "into_keys",
    "values",
    "values_mut",
    "into_values",
    "drain",
];

/// What an iterator is asked that depends on its order.
const ORDERED: &[&str] = &[
    "enumerate",
    "find",
    "find_map",
    "fold",
    "join",
    "last",
    "next",
    "nth",
    "position",
    "reduce",
    "skip",
    "skip_while",
    "step_by",
    "take",
    "take_while",
    "try_fold",
    "zip",
];

/// What is built in the order in which it comes.
const LISTS: &[&str] = &["Vec", "VecDeque", "String", "LinkedList"];

/// What puts something at the end.
const APPENDS: &[&str] = &[
    "append",
    "extend",
    "push",
    "push_back",
    "push_front",
    "push_str",
    "write_all",
    "write_str",
];

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for body in lints.reached() {
        let of = &lints.index.bodies[body];
        let Some(block) = of.block else { continue };
        let hashed: Vec<&Fact<'_>> = of.facts.iter().filter(|fact| shows_order(fact)).collect();
        if hashed.is_empty() {
            continue;
        }
        let recorded = Recorded::of(lints.index, body);
        let file = lints.item(body).site.file;
        let uses = uses(lints.index, file, block);
        let sorted = Sorted::of(block);
        let mut seen = BTreeSet::new();
        for fact in hashed {
            let at = fact.site.span.byte_range().start;
            let order = match &fact.what {
                What::For { .. } => match fact.expr {
                    Some(Expr::ForLoop(looped)) => in_loop(lints, body, looped, &sorted),
                    _ => None,
                },
                _ => uses
                    .get(&at)
                    .and_then(|used| of_use(lints, body, used, &sorted)),
            };
            let hidden =
                |order: &Order| recorded.around(fact.site) || (!order.calls && sorted.last > at);
            let Some(order) = order.filter(|order| !hidden(order)) else {
                continue;
            };
            if seen.insert(at) {
                found.push(report(lints, body, fact.site, &order));
            }
        }
    }
}

fn shows_order(fact: &Fact<'_>) -> bool {
    match &fact.what {
        What::For { over } => is_hashed(&over.ty),
        What::Method { name, on, .. } => SHOWS.contains(&name.as_str()) && is_hashed(&on.ty),
        _ => false,
    }
}

fn is_hashed(ty: &Ty) -> bool {
    matches!(
        ty.bare().path(),
        Some("std::collections::HashMap" | "std::collections::HashSet")
    )
}

/// Where the order goes.
struct Order {
    what: &'static str,
    /// Calls are made in it.
    calls: bool,
}

fn of_use(lints: &Lints<'_, '_>, body: BodyId, used: &Use<'_>, sorted: &Sorted) -> Option<Order> {
    let seen = |what| Some(Order { what, calls: false });
    for call in &used.methods {
        let name = call.method.to_string();
        match name.as_str() {
            "for_each" | "try_for_each" => {
                let range = call.args.span().byte_range();
                return ordered_in(lints, body, &range, call.args.first()?, sorted);
            }
            "collect" => {
                let yielded = || yields(lints, body).filter(|_| used.yielded);
                let into = collected(call).or(used.ty).or_else(yielded);
                let list = into.is_some_and(is_list);
                let sorted = used.bound.as_ref().is_some_and(|name| sorted.has(name));
                return match list && !sorted {
                    true => seen("decides the order of a list"),
                    false => None,
                };
            }
            _ if name.starts_with("sorted") => return None,
            _ if ORDERED.contains(&name.as_str()) => {
                return seen("decides which element comes first");
            }
            _ => {}
        }
    }
    let looped = used.looped?;
    in_loop(lints, body, looped, sorted)
}

/// What the function of a body yields.
fn yields<'m>(lints: &Lints<'_, 'm>, body: BodyId) -> Option<&'m Type> {
    match &lints.item(body).kind {
        Kind::Fn(function) => match &function.sig.output {
            ReturnType::Type(_, ty) => Some(ty),
            ReturnType::Default => None,
        },
        _ => None,
    }
}

/// What `collect::<…>()` is told to make.
fn collected(call: &ExprMethodCall) -> Option<&Type> {
    let arguments = call.turbofish.as_ref()?.args.iter();
    let mut types = arguments.filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next()
}

fn is_list(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last()
        .is_some_and(|last| LISTS.iter().any(|list| last.ident == list)))
}

fn in_loop(
    lints: &Lints<'_, '_>,
    body: BodyId,
    looped: &syn::ExprForLoop,
    sorted: &Sorted,
) -> Option<Order> {
    let range = looped.body.span().byte_range();
    let mut ordered = Ordered::new(sorted);
    ordered.visit_block(&looped.body);
    conclude(lints, body, &range, ordered)
}

fn ordered_in(
    lints: &Lints<'_, '_>,
    body: BodyId,
    range: &Range<usize>,
    expr: &Expr,
    sorted: &Sorted,
) -> Option<Order> {
    let mut ordered = Ordered::new(sorted);
    ordered.visit_expr(expr);
    conclude(lints, body, range, ordered)
}

fn conclude(
    lints: &Lints<'_, '_>,
    body: BodyId,
    range: &Range<usize>,
    ordered: Ordered<'_>,
) -> Option<Order> {
    let inside = |fact: &&Fact<'_>| range.contains(&fact.site.span.byte_range().start);
    let mut facts = lints.index.bodies[body].facts.iter().filter(inside);
    let calls = facts.any(|fact| match &fact.what {
        What::Call { mode, .. } | What::Method { mode, .. } => *mode == Mode::Remote,
        What::Await { .. } => true,
        _ => false,
    });
    if calls {
        return Some(Order {
            what: "decides the order of calls",
            calls,
        });
    }
    ordered.what.map(|what| Order { what, calls })
}

/// Looks for what makes the order of turns seen.
struct Ordered<'a> {
    sorted: &'a Sorted,
    closures: usize,
    what: Option<&'static str>,
}

impl<'a> Ordered<'a> {
    fn new(sorted: &'a Sorted) -> Self {
        Self {
            sorted,
            closures: 0,
            what: None,
        }
    }
}

impl Visit<'_> for Ordered<'_> {
    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        let appends = APPENDS.iter().any(|name| call.method == name);
        if appends {
            match &*call.receiver {
                // What is appended to a part of something is mostly found by its key.
                Expr::Path(path) => {
                    let name = path.path.get_ident().map(ToString::to_string);
                    if name.is_some_and(|name| !self.sorted.has(&name)) {
                        self.what = Some("decides the order of a list");
                    }
                }
                Expr::Field(_) => self.what = Some("decides the order of a list"),
                _ => {}
            }
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_return(&mut self, item: &syn::ExprReturn) {
        // Which of several faults an `Err` names is nobody's concern.
        let err = matches!(item.expr.as_deref(), Some(Expr::Call(call))
            if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Err")));
        if item.expr.is_some() && !err && self.closures == 0 {
            self.what = Some("decides what is returned");
        }
        syn::visit::visit_expr_return(self, item);
    }

    fn visit_expr_closure(&mut self, closure: &syn::ExprClosure) {
        self.closures += 1;
        syn::visit::visit_expr_closure(self, closure);
        self.closures -= 1;
    }

    fn visit_macro(&mut self, mac: &Macro) {
        const WRITES: [&str; 4] = ["print", "println", "write", "writeln"];
        let name = mac.path.segments.last();
        if name.is_some_and(|name| WRITES.iter().any(|writes| name.ident == writes)) {
            self.what = Some("decides the order of a text");
        }
    }
}

/// What a body sorts, and its variables that have no order of their own.
struct Sorted {
    unordered: BTreeSet<String>,
    /// Where it sorts something last: what came before may be what is sorted.
    last: usize,
}

impl Sorted {
    fn of(block: &syn::Block) -> Self {
        struct Find(BTreeSet<String>, usize);
        impl Visit<'_> for Find {
            fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
                if call.method.to_string().starts_with("sort") {
                    self.1 = self.1.max(call.method.span().byte_range().start);
                }
                syn::visit::visit_expr_method_call(self, call);
            }

            fn visit_local(&mut self, local: &syn::Local) {
                // A `BTreeSet` or a heap that is extended sorts by itself.
                let (pat, ty) = match &local.pat {
                    Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
                    pat => (pat, None),
                };
                let made = match local.init.as_ref().map(|init| &*init.expr) {
                    Some(Expr::Call(call)) => match &*call.func {
                        Expr::Path(path) => path.path.segments.iter().rev().nth(1),
                        _ => None,
                    },
                    _ => None,
                };
                let written = match ty {
                    Some(Type::Path(path)) => path.path.segments.last(),
                    _ => None,
                };
                const UNORDERED: [&str; 5] =
                    ["BTreeSet", "BTreeMap", "BinaryHeap", "HashMap", "HashSet"];
                let unordered = made
                    .or(written)
                    .is_some_and(|segment| UNORDERED.iter().any(|name| segment.ident == name));
                if let Pat::Ident(ident) = pat
                    && unordered
                {
                    self.0.insert(ident.ident.to_string());
                }
                syn::visit::visit_local(self, local);
            }
        }
        let mut find = Find(BTreeSet::new(), 0);
        find.visit_block(block);
        Self {
            unordered: find.0,
            last: find.1,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.unordered.contains(name)
    }
}

fn report(lints: &Lints<'_, '_>, body: BodyId, site: Site, order: &Order) -> Diagnostic {
    let handler = lints.handler_of(body);
    let message = format!(
        "in `{handler}`, the order of a hash map or set {}",
        order.what
    );
    let mut d = lints.on_the_way(Code::HashIteration, body, site, message);
    if order.calls {
        d.level = Level::Warning;
        d.label = "under `cargo test`, another order when it is executed again".into();
    } else {
        d.label = "another order in every invocation".into();
    }
    d.help = vec!["use a `BTreeMap` or `BTreeSet`, or sort".into()];
    d
}
