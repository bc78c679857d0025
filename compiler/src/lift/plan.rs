//! What is decided before anything is written.

use super::{
    cells::Held,
    globals::{self, Global},
    krate::{Function, Krate, Place, path_of},
    routes::{self, Routes},
    rules::{self, Role},
    shared::{self, Shared, Static},
    startup, tested,
    thrift::{self, Service},
    untouched, waits,
};
use crate::read::plain;
use proc_macro2::Span;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Pat, Type, Visibility, visit::Visit};

/// A question, and the place that raises it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) file: usize,
    pub(super) span: Span,
    pub(super) question: String,
}

impl Asked {
    pub(super) fn at(place: &Place, span: Span, question: impl Into<String>) -> Self {
        Self {
            file: place.file,
            span,
            question: question.into(),
        }
    }

    pub(super) fn about(function: &Function<'_>, span: Span, question: impl Into<String>) -> Self {
        Self::at(&function.place, span, question)
    }
}

/// What is decided of a crate.
pub(super) struct Plan<'a> {
    /// Structs that handlers share, by their paths.
    pub(super) shared: BTreeMap<String, Shared<'a>>,
    /// Thrift services, by the structs that handle them.
    pub(super) services: BTreeMap<String, Service<'a>>,
    /// Other globals, by their paths.
    pub(super) globals: BTreeMap<String, Global>,
    /// Handlers, by their paths.
    pub(super) handlers: BTreeMap<String, Handler>,
    /// Functions that go.
    pub(super) removed: BTreeMap<String, &'static str>,
    /// Functions that stay as they were written.
    pub(super) untouched: BTreeSet<String>,
    /// Functions that wait for something, and stay `async`.
    pub(super) waits: BTreeSet<String>,
}

/// A function that becomes one of Skylark's.
#[derive(Debug)]
pub(super) struct Handler {
    /// What it answered; nothing if another function only starts it.
    pub(super) routes: Vec<String>,
    /// Its name for callers, where it is not its own.
    pub(super) name: Option<String>,
}

/// How a function refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fails {
    /// It does not.
    Never,
    /// With a status and a text.
    Refused,
    /// With a `String`.
    Text,
    /// With a type of its own.
    Own,
}

impl<'a> Plan<'a> {
    pub(super) fn new(krate: &Krate<'a>, asked: &mut Vec<Asked>) -> Self {
        let Routes { handlers, routers } = routes::find(krate, asked);
        let services = thrift::find(krate);
        let shared = shared::find(krate, &services, asked);
        let globals = globals::find(krate, asked);
        let mut removed = BTreeMap::new();
        for path in routers {
            removed.insert(
                path,
                "a node calls functions by their names: there is nothing to route",
            );
        }
        for path in shared.values().flat_map(|shared| &shared.makers) {
            removed.insert(
                path.clone(),
                "its fields are statics now, which begin as it made them",
            );
        }
        for (path, function) in &krate.functions {
            if function.sig.ident == "main" && function.owner.is_none() {
                removed.insert(
                    path.clone(),
                    "a node serves the functions: there is nothing to start",
                );
            }
        }
        if !services.is_empty() {
            for (path, function) in &krate.functions {
                let connects = function
                    .output()
                    .is_some_and(|ty| thrift::connects(krate, &function.place.module, ty));
                if connects {
                    removed.insert(
                        path.clone(),
                        "a client's calls go to a function, by its name",
                    );
                }
            }
        }
        let handlers = named(handlers, krate);
        let mut plan = Self {
            shared,
            services,
            globals,
            handlers,
            removed,
            untouched: BTreeSet::new(),
            waits: BTreeSet::new(),
        };
        untouched::find(krate, &mut plan, asked);
        plan.waits = waits::find(krate, &plan);
        startup::ask(krate, &plan, asked);
        tested::ask(krate, &plan, asked);
        if plan.handlers.is_empty() && plan.services.is_empty() {
            candidates(krate, &plan, asked);
        }
        plan
    }

    /// The shared struct that a type lends: `S`, `&S`, `Arc<S>`, `State<S>`.
    pub(super) fn shared_of(
        &self,
        krate: &Krate<'_>,
        module: &str,
        ty: &Type,
    ) -> Option<&Shared<'a>> {
        let ty = match ty {
            Type::Reference(reference) => &*reference.elem,
            ty => ty,
        };
        let path = krate.type_path(module, ty)?;
        let wraps = path == "std::sync::Arc" || rules::role(&path) == Some(Role::State);
        match super::krate::type_arguments(ty).first() {
            Some(inner) if wraps => self.shared_of(krate, module, inner),
            _ => self.shared.get(&path),
        }
    }

    /// The arguments of a function that lend shared state: the names that they bind.
    pub(super) fn lent(&self, krate: &Krate<'_>, function: &Function<'_>) -> Lent<'_, 'a> {
        let mut lent = Lent::default();
        if self.untouched.contains(&function.path()) {
            return lent;
        }
        let module = &function.place.module;
        for (index, (pattern, ty, _)) in function.arguments().enumerate() {
            let Some(shared) = self.shared_of(krate, module, ty) else {
                continue;
            };
            lent.places.insert(index);
            match inner(pattern) {
                Pat::Ident(pattern) => {
                    lent.names.insert(plain(&pattern.ident), shared);
                }
                Pat::Struct(pattern) => {
                    for field in &pattern.fields {
                        let syn::Member::Named(member) = &field.member else {
                            continue;
                        };
                        if let (Some(found), Pat::Ident(local)) =
                            (shared.fields.get(&plain(member)), &*field.pat)
                        {
                            lent.fields.insert(plain(&local.ident), found);
                        }
                    }
                }
                _ => {}
            }
        }
        if function.sig.receiver().is_some()
            && let Some(shared) = function.owner.as_ref().and_then(|o| self.shared.get(o))
        {
            lent.names.insert("self".to_owned(), shared);
        }
        lent
    }

    /// How a function refuses.
    pub(super) fn fails(krate: &Krate<'_>, function: &Function<'_>) -> Fails {
        let Some(output) = function.output() else {
            return Fails::Never;
        };
        let module = &function.place.module;
        let is_result = path_of(output)
            .and_then(|path| path.segments.last())
            .is_some_and(|last| last.ident == "Result");
        let arguments = super::krate::type_arguments(output);
        match arguments.as_slice() {
            [_, error] if is_result => {
                let path = krate.type_path(module, error).unwrap_or_default();
                let tuple = matches!(error, Type::Tuple(tuple) if tuple.elems.first().is_some_and(
                    |first| krate.type_path(module, first).is_some_and(|p| rules::role(&p) == Some(Role::Status))));
                if tuple || rules::role(&path) == Some(Role::Status) {
                    Fails::Refused
                } else if path == "std::string::String" {
                    Fails::Text
                } else {
                    Fails::Own
                }
            }
            _ if is_result => Fails::Own,
            _ => Fails::Never,
        }
    }
}

/// Asks about functions that others may call, in a crate without a router: those that
/// are `pub`, and use what is kept.
fn candidates(krate: &Krate<'_>, plan: &Plan<'_>, asked: &mut Vec<Asked>) {
    struct Uses<'a, 'k>(&'a Krate<'k>, &'a Plan<'k>, &'a str, bool);
    impl<'ast> Visit<'ast> for Uses<'_, '_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let found = self.1.globals.get(&self.0.names.resolve(self.2, path));
            self.3 |= found.is_some_and(|global| global.held != Held::Init);
            syn::visit::visit_path(self, path);
        }
    }
    for (path, function) in &krate.functions {
        let public = !plan.untouched.contains(path)
            && function.owner.is_none()
            && matches!(function.vis, Some(Visibility::Public(_)));
        let mut uses = Uses(krate, plan, &function.place.module, false);
        uses.visit_block(function.block);
        if public && uses.3 {
            asked.push(Asked::about(
                function,
                function.sig.ident.span(),
                "no router says who calls this: is it called from outside? Then write `#[skylark::function]`",
            ));
        }
    }
}

/// What a function is lent of shared state.
#[derive(Default)]
pub(super) struct Lent<'p, 'a> {
    /// Which arguments do, `self` not counted.
    pub(super) places: BTreeSet<usize>,
    /// Names of the struct.
    pub(super) names: BTreeMap<String, &'p Shared<'a>>,
    /// Names of its fields.
    pub(super) fields: BTreeMap<String, &'p Static>,
}

/// `p` of `State(p)`, `Json(p)` and their like.
pub(super) fn inner(pattern: &Pat) -> &Pat {
    match pattern {
        Pat::TupleStruct(tuple) if tuple.elems.len() == 1 => &tuple.elems[0],
        pattern => pattern,
    }
}

/// Gives handlers of one name different ones.
fn named(routes: BTreeMap<String, Vec<String>>, krate: &Krate<'_>) -> BTreeMap<String, Handler> {
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for path in routes.keys() {
        *count.entry(last(path)).or_default() += 1;
    }
    let root = krate.files.first().map_or("", |f| f.source.module.as_str());
    routes
        .into_iter()
        .map(|(path, routes)| {
            let several = count.get(&last(&path)).is_some_and(|n| *n > 1);
            let name = several.then(|| {
                let inside = path.strip_prefix(root).unwrap_or(&path);
                inside.trim_start_matches("::").replace("::", "-")
            });
            (path, Handler { routes, name })
        })
        .collect()
}
