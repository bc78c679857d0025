//! Looks through a body: what happens in it, and what its values are.

use super::{
    Index, Site,
    facts::{Body, Context, Fact, Place, Root, Step, Val, What},
    items::{ItemId, Kind, ModuleId},
    names::{Res, Space},
    stored::Stored,
    types::{Scope, Ty},
};
use crate::read::{Annotation, krate::Syntax, plain};
use proc_macro2::Span;
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Block, Expr, ExprClosure, ExprPath, FnArg, Pat, Path, Stmt, spanned::Spanned, visit::Visit,
};

/// Looks through every body.
pub(super) fn bodies(index: &mut Index<'_>) {
    let mut found = Vec::new();
    let stored = Stored::new(index);
    for (id, item) in index.items.iter().enumerate() {
        let Some(Some(syntax)) = index.model.syntax.get(item.site.file) else {
            continue;
        };
        let mut walker = Walker::new(index, &stored, syntax, id);
        let block = match &item.kind {
            Kind::Fn(function) => {
                walker.types_in(|finder| finder.visit_signature(function.sig));
                let Some(block) = function.block else {
                    continue;
                };
                walker.arguments(function);
                let value = walker.block(block);
                walker.escape(&value, block.brace_token.span.close());
                Some(block)
            }
            Kind::Static { init, ty, .. } | Kind::Const { init, ty } => {
                walker.types_in(|finder| finder.visit_type(ty));
                walker.expr(init);
                None
            }
            Kind::Struct(_) if !stored.of(id).is_empty() => None,
            _ => continue,
        };
        walker.annotations(stored.of(id));
        if let Some(object) = stored.object(index, id) {
            walker.own(object, item.site.span);
        }
        found.push(Body {
            item: id,
            module: item.module,
            block,
            facts: walker.facts,
            types: walker.types,
        });
    }
    index.body_of = found
        .iter()
        .enumerate()
        .map(|(id, body)| (body.item, id))
        .collect();
    index.bodies = found;
}

pub(super) struct Walker<'a, 'm> {
    pub(super) index: &'a Index<'m>,
    pub(super) stored: &'a Stored<'m>,
    pub(super) syntax: &'m Syntax,
    file: usize,
    pub(super) scope: Scope,
    /// Locals, the innermost block last.
    pub(super) frames: Vec<BTreeMap<String, Val>>,
    pub(super) context: Context,
    facts: Vec<Fact<'m>>,
    pub(super) types: BTreeSet<ItemId>,
}

impl<'a, 'm> Walker<'a, 'm> {
    fn new(index: &'a Index<'m>, stored: &'a Stored<'m>, syntax: &'m Syntax, item: ItemId) -> Self {
        Self {
            index,
            stored,
            syntax,
            file: index.items[item].site.file,
            scope: index.scope_of(item),
            frames: vec![BTreeMap::new()],
            context: Context::default(),
            facts: Vec::new(),
            types: BTreeSet::new(),
        }
    }

    pub(super) fn fact(&mut self, span: Span, expr: Option<&'m Expr>, what: What<'m>) {
        self.facts.push(Fact {
            site: Site {
                file: self.file,
                span,
            },
            expr,
            context: self.context,
            what,
        });
    }

    /// Runs `walk` with one more of what is counted around it.
    pub(super) fn inside<T>(
        &mut self,
        count: fn(&mut Context) -> &mut u16,
        walk: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.context;
        let counted = count(&mut self.context);
        *counted = counted.saturating_add(1);
        self.frames.push(BTreeMap::new());
        let out = walk(self);
        self.frames.pop();
        self.context = before;
        out
    }

    pub(super) fn branch<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.inside(|context| &mut context.branches, walk)
    }

    pub(super) fn module(&self) -> ModuleId {
        self.scope.module
    }

    fn arguments(&mut self, function: &super::Function<'m>) {
        for (at, input) in function.sig.inputs.iter().enumerate() {
            let ty = self.index.parameter(function, at, &self.scope);
            match input {
                FnArg::Receiver(_) => {
                    let from = self.object(&ty).unwrap_or(Root::Param("self".to_owned()));
                    self.bind_name("self".to_owned(), rooted(from, ty));
                }
                FnArg::Typed(argument) => {
                    let name = match &*argument.pat {
                        Pat::Ident(pat) => plain(&pat.ident),
                        pat => crate::read::text(pat),
                    };
                    let from = self.object(&ty).unwrap_or(Root::Param(name.clone()));
                    match &*argument.pat {
                        Pat::Ident(_) => self.bind_name(name, rooted(from, ty)),
                        pat => self.bind(pat, rooted(from, ty)),
                    }
                }
            }
        }
    }

    /// The struct whose fields are state that a type is.
    pub(super) fn object(&self, ty: &Ty) -> Option<Root> {
        let item = ty.item()?;
        let annotation = self.index.items[item].annotation;
        matches!(annotation, Some((Annotation::State, _))).then_some(Root::Object(item))
    }

    pub(super) fn block(&mut self, block: &'m Block) -> Val {
        let outer = self.scope.module;
        if let Some(own) = self.index.blocks.get(&Index::block_key(self.file, block)) {
            self.scope.module = *own;
        }
        self.frames.push(BTreeMap::new());
        let mut last = Val::of(Ty::Tuple(Vec::new()));
        for stmt in &block.stmts {
            last = match stmt {
                Stmt::Local(local) => {
                    let mut val = Val::default();
                    if let Some(init) = &local.init {
                        val = self.expr(&init.expr);
                        if let Some((_, diverge)) = &init.diverge {
                            self.branch(|this| this.expr(diverge));
                        }
                    }
                    self.bind(&local.pat, val);
                    Val::default()
                }
                Stmt::Item(_) => continue,
                Stmt::Expr(expr, semi) => {
                    let val = self.expr(expr);
                    if semi.is_some() { Val::default() } else { val }
                }
                Stmt::Macro(mac) => self.mac(&mac.mac, None),
            };
        }
        self.frames.pop();
        self.scope.module = outer;
        last
    }

    /// A value that goes where it is not followed.
    pub(super) fn given(&mut self, expr: &'m Expr) -> Val {
        let val = self.expr(expr);
        // The span of an expression is dear: only where it is needed.
        if val.from.is_some() {
            self.escape(&val, expr.span());
        }
        val
    }

    pub(super) fn escape(&mut self, val: &Val, span: Span) {
        let root = val.from.as_ref().map(|place| &place.root);
        if matches!(root, Some(Root::Static(_) | Root::Object(_))) {
            self.fact(span, None, What::Escape { of: val.clone() });
        }
    }

    pub(super) fn closure(&mut self, closure: &'m ExprClosure, lent: Option<Val>) -> Val {
        let yields = self.inside(
            |context| &mut context.closures,
            |this| {
                for (at, input) in closure.inputs.iter().enumerate() {
                    let val = match (&lent, closure.inputs.len()) {
                        (Some(val), 1) => val.clone(),
                        (Some(val), _) => {
                            val.step(Step::Part, this.index.field(&val.ty, &at.to_string()))
                        }
                        (None, _) => Val::default(),
                    };
                    this.bind(input, val);
                    this.lent(input);
                }
                let val = this.expr(&closure.body);
                this.escape(&val, closure.inputs_end.span);
                val
            },
        );
        Val::of(Ty::Fn(Box::new(yields.ty)))
    }

    /// `|hotel: &Hotel| …`
    fn lent(&mut self, input: &Pat) {
        if let Pat::Type(input) = input
            && let ty = self.index.ty(&input.ty, &self.scope)
            && let Some(Root::Object(object)) = self.object(&ty)
        {
            self.fact(input.ty.span(), None, What::Lent { object });
        }
    }

    /// A path, `Self` understood.
    pub(super) fn resolved(&self, path: &Path, space: Space) -> Res {
        let mut segments = path.segments.iter();
        if let (Some(first), Ty::Named(own, _)) = (segments.next(), &self.scope.own)
            && first.ident == "Self"
        {
            let rest: Vec<String> = segments.map(|s| plain(&s.ident)).collect();
            return match (own, rest.as_slice()) {
                (own, []) => own.clone(),
                (Res::Item(item), [name]) => self.index.member(*item, name),
                (own, rest) => {
                    Res::Unknown(format!("{}::{}", self.index.path_of(own), rest.join("::")))
                }
            };
        }
        self.index.resolve(self.module(), path, space)
    }

    pub(super) fn path(&mut self, path: &'m ExprPath, expr: &'m Expr) -> Val {
        if let Some(ident) = path.path.get_ident()
            && let Some(val) = self.local(&plain(ident))
        {
            return val.clone();
        }
        let target = self.resolved(&path.path, Space::Value);
        let val = match &target {
            Res::Item(item) => match &self.index.items[*item].kind {
                Kind::Static { ty, .. } => {
                    let scope = self.index.scope_of(*item);
                    rooted(Root::Static(*item), self.index.ty(ty, &scope))
                }
                Kind::Const { ty, .. } => Val::of(self.index.ty(ty, &self.index.scope_of(*item))),
                Kind::Fn(_) => Val::of(Ty::Fn(Box::new(self.index.yields(*item)))),
                _ => Val::of(Ty::Named(target.clone(), Vec::new())),
            },
            Res::Member(item, _) => Val::of(Ty::Named(Res::Item(*item), Vec::new())),
            _ => Val::default(),
        };
        self.types_in(|finder| finder.visit_path(&path.path));
        self.made(&target, path, expr);
        let last = path.path.segments.last();
        let span = last.map_or_else(Span::call_site, |last| last.ident.span());
        self.fact(span, Some(expr), What::Path { target });
        val
    }

    /// Remembers the types of the crate that are named.
    pub(super) fn types_in(&mut self, visit: impl FnOnce(&mut Types<'_, 'm>)) {
        let mut finder = Types {
            index: self.index,
            scope: &self.scope,
            found: &mut self.types,
        };
        visit(&mut finder);
    }
}

/// Finds the types of the crate that are named.
pub(super) struct Types<'a, 'm> {
    index: &'a Index<'m>,
    scope: &'a Scope,
    found: &'a mut BTreeSet<ItemId>,
}

impl<'ast> Visit<'ast> for Types<'_, '_> {
    fn visit_path(&mut self, path: &'ast Path) {
        let module = self.scope.module;
        match self.index.resolve(module, path, Space::Type) {
            Res::Item(item) | Res::Member(item, _) => drop(self.found.insert(item)),
            _ => {}
        }
        // `Type::f`
        if path.segments.len() > 1 {
            let mut segments: Vec<String> = path.segments.iter().map(|s| plain(&s.ident)).collect();
            segments.pop();
            let of = self.index.resolve_segments(module, &segments, Space::Type);
            self.found.extend(of.item());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_expr(&mut self, _: &'ast Expr) {}
}

/// What comes from a place itself.
pub(super) fn rooted(root: Root, ty: Ty) -> Val {
    let from = Some(Place {
        root,
        steps: Vec::new(),
    });
    Val { ty, from }
}
