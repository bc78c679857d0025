//! The whole crate, annotated or not: what a path means, who calls whom, what a
//! handler reaches.
//!
//! [`Index::new`] looks at every body once. What it found of one is a list of
//! [`Fact`]s in the order of the source, each with its place and with what it means:
//!
//! ```text
//! let index = Index::new(&model);
//! for (id, body) in index.bodies.iter().enumerate() {     // functions, methods, initializers
//!     for fact in &body.facts {
//!         match &fact.what {
//!             What::Call { target, .. } if target.foreign() == Some("std::time::Instant::now") => …
//!             What::Method { name, on, .. } if on.ty.path() == Some("std::collections::HashMap") => …
//!             _ => {}
//!         }
//!         let span = index.locate(fact.site);              // for a diagnostic
//!     }
//! }
//! for handler in index.handlers() {                       // annotated functions
//!     let reach = index.reach(handler.body);              // bodies that it may run, here
//!     for body in reach.bodies() { let way = reach.way(&index, body); … }  // ["reserve", "helper"]
//! }
//! ```
//!
//! - A path of another crate is [`Res::Foreign`] with the path at which it is known,
//!   however it was imported: `std::collections::HashMap`. [`Index::resolve`] answers for
//!   any path in any module; [`Body::module`] of a body's own.
//! - [`Val::ty`] is what is known of a value's type ([`Ty::Unknown`] where nothing is);
//!   [`Val::from`] is where it comes from: a static, a parameter, `self`, and the fields
//!   and calls on the way.
//! - A closure belongs to the body that it is written in. A function inside another is a
//!   body of its own. A static's initializer is a body, reached by whoever uses the static.
//! - `skylark::call!(f(x))` and a client's `HotelClient.f(x)` are calls with
//!   [`Mode::Remote`]: no body is run here, and [`Index::reach`] does not follow them.
//! - What cannot be seen is a [`What::Unseen`] with a reason, and counts as a use of every
//!   item whose name stands there. A method on a value of unknown type may be every method of
//!   that name in the crate ([`What::Method`] has `certain: false` then).

mod calls;
pub(crate) mod class;
pub(crate) mod collections;
mod effects;
pub(crate) mod explain;
mod exprs;
mod facts;
mod imports;
mod items;
mod known;
mod macros;
mod members;
mod names;
mod patterns;
mod reach;
mod states;
mod stored;
#[cfg(test)]
mod tests;
mod types;
mod walk;
mod yields;

pub(crate) use effects::{Access, Effect, EffectKind, Effects, Touch};
pub(crate) use facts::{Body, BodyId, Context, Fact, Mode, Place, Root, Step, Unseen, Val, What};
pub(crate) use items::{Function, Impl, ImplId, Item, ItemId, Kind, Module, ModuleId, Owner};
pub(crate) use names::{Res, Space};
pub(crate) use reach::{Handler, Reach};
pub(crate) use states::{DETACHING, States};
pub(crate) use types::{Scope, Ty};

use crate::read::krate::{Model, SourceSpan};
use proc_macro2::Span;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
};
use syn::Block;

/// A place in the crate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    /// The file's number in [`Model::files`].
    pub(crate) file: usize,
    /// The tokens.
    pub(crate) span: Span,
}

/// A path, where it stands, and as what it is looked up.
type Asked = (ModuleId, Vec<String>, Space);

/// A crate, looked through.
pub(crate) struct Index<'m> {
    pub(crate) model: &'m Model,
    pub(crate) modules: Vec<Module>,
    pub(crate) items: Vec<Item<'m>>,
    pub(crate) impls: Vec<Impl<'m>>,
    /// What runs: functions, methods, initializers of statics and constants.
    pub(crate) bodies: Vec<Body<'m>>,
    /// The body of an item, if it has one.
    pub(crate) body_of: BTreeMap<ItemId, BodyId>,
    /// The impls of a type of the crate.
    pub(crate) impls_of: BTreeMap<ItemId, Vec<ImplId>>,
    /// The functions that a trait declares.
    pub(crate) traits: BTreeMap<ItemId, Vec<ItemId>>,
    /// Methods by name.
    by_method: BTreeMap<String, Vec<ItemId>>,
    /// `macro_rules!` by name.
    macros: BTreeMap<String, ItemId>,
    /// Macros that stand where items do, by name: what they make is not seen.
    makers: BTreeSet<String>,
    root: ModuleId,
    by_path: BTreeMap<String, ModuleId>,
    /// The scopes of blocks that declare items, by file and first byte.
    blocks: BTreeMap<(usize, usize), ModuleId>,
    resolved: RefCell<HashMap<Asked, Res>>,
    depth: Cell<usize>,
}

impl<'m> Index<'m> {
    /// Looks through a crate.
    pub(crate) fn new(model: &'m Model) -> Self {
        let mut index = Self {
            model,
            modules: Vec::new(),
            items: Vec::new(),
            impls: Vec::new(),
            bodies: Vec::new(),
            body_of: BTreeMap::new(),
            impls_of: BTreeMap::new(),
            traits: BTreeMap::new(),
            by_method: BTreeMap::new(),
            macros: BTreeMap::new(),
            makers: BTreeSet::new(),
            root: 0,
            by_path: BTreeMap::new(),
            blocks: BTreeMap::new(),
            resolved: RefCell::default(),
            depth: Cell::new(0),
        };
        let root = model.files.first().map_or("", |file| &file.module);
        index.root = index.module(root.split("::").next().unwrap_or_default());
        for (file, syntax) in model.syntax.iter().enumerate() {
            let module = index.module(&model.files[file].module);
            if let Some(syntax) = syntax {
                items::collect(&mut index, file, syntax, module);
            }
        }
        index.join();
        // Another crate's know nothing of this one.
        let Self { makers, macros, .. } = &mut index;
        makers.retain(|name| macros.contains_key(name));
        walk::bodies(&mut index);
        index
    }

    /// The line and column of a place.
    pub(crate) fn locate(&self, site: Site) -> SourceSpan {
        self.model.files[site.file].locate(site.span)
    }

    /// The path of a place's file.
    pub(crate) fn file(&self, site: Site) -> &str {
        self.model.path(site.file)
    }

    /// The module of this path, if the crate has one.
    pub(crate) fn module_at(&self, path: &str) -> Option<ModuleId> {
        self.by_path.get(path).copied()
    }

    /// The module of this path, which is added if it is new.
    fn module(&mut self, path: &str) -> ModuleId {
        if let Some(known) = self.by_path.get(path) {
            return *known;
        }
        let parent = path.rsplit_once("::").map(|(parent, _)| parent.to_owned());
        let parent = parent.map(|parent| self.module(&parent));
        self.modules.push(Module {
            path: path.to_owned(),
            parent,
            block: false,
            names: BTreeMap::new(),
            globs: Vec::new(),
        });
        let id = self.modules.len() - 1;
        self.by_path.insert(path.to_owned(), id);
        id
    }

    /// The scope of a block that declares items.
    fn block(&mut self, file: usize, block: &Block, around: ModuleId) -> ModuleId {
        self.modules.push(Module {
            path: self.modules[around].path.clone(),
            parent: Some(around),
            block: true,
            names: BTreeMap::new(),
            globs: Vec::new(),
        });
        let id = self.modules.len() - 1;
        self.blocks.insert(Self::block_key(file, block), id);
        id
    }

    fn block_key(file: usize, block: &Block) -> (usize, usize) {
        let open = block.brace_token.span.open();
        (file, open.byte_range().start)
    }

    /// Puts impls to their types, now that all types are known.
    fn join(&mut self) {
        for (id, item) in self.items.iter().enumerate() {
            match &item.kind {
                Kind::Macro => drop(self.macros.insert(item.name.clone(), id)),
                Kind::Fn(f) if f.owner.is_some() && f.sig.receiver().is_some() => {
                    self.by_method
                        .entry(item.name.clone())
                        .or_default()
                        .push(id);
                }
                _ => {}
            }
        }
        for id in 0..self.impls.len() {
            let of = &self.impls[id];
            let mut scope = Scope {
                module: of.module,
                ..Scope::default()
            };
            self.params(&of.item.generics, &mut scope);
            let ty = self.ty(&of.item.self_ty, &scope);
            let of_trait = of.item.trait_.as_ref();
            let of_trait = of_trait.map(|(path, _)| self.resolve(of.module, path, Space::Type));
            if let Ty::Named(Res::Item(item), _) = &ty {
                self.impls_of.entry(*item).or_default().push(id);
            }
            self.impls[id].ty = ty;
            self.impls[id].of_trait = of_trait;
        }
        // What was resolved before impls were known may have missed what belongs to them.
        self.resolved.borrow_mut().clear();
    }
}
