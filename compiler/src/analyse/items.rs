//! What a crate is made of: its modules, its items, its impls.

use super::{Index, Site, names::Name, types::Ty};
use crate::read::{
    Annotation,
    krate::{
        Syntax,
        collect::{Imports, find_annotation},
        is_test,
    },
    plain,
};
use proc_macro2::{Ident, Span};
use std::collections::BTreeMap;
use syn::{
    Attribute, Block, Expr, ImplItem, Item as Syn, ItemEnum, ItemImpl, ItemStruct, ItemTrait,
    ItemType, Signature, StaticMutability, Stmt, TraitItem, Type, Visibility, visit::Visit,
};

/// The number of a module in [`Index::modules`].
pub(crate) type ModuleId = usize;
/// The number of an item in [`Index::items`].
pub(crate) type ItemId = usize;
/// The number of an impl in [`Index::impls`].
pub(crate) type ImplId = usize;

/// A module, or a block that declares items.
#[derive(Debug)]
pub(crate) struct Module {
    /// `app::billing`; of a block, the path of what is around it.
    pub(crate) path: String,
    /// The module around it.
    pub(crate) parent: Option<ModuleId>,
    /// Whether it is a block: what it does not declare is looked for around it.
    pub(crate) block: bool,
    /// What it declares and imports, by name.
    pub(crate) names: BTreeMap<String, Vec<Name>>,
    /// What it imports all of.
    pub(crate) globs: Vec<Vec<String>>,
}

/// An item of the crate, or a function of an impl or a trait.
#[derive(Debug)]
pub(crate) struct Item<'m> {
    /// `app::billing::settle`, `app::Hotel::reserve`.
    pub(crate) path: String,
    /// `settle`
    pub(crate) name: String,
    /// The module that it is in.
    pub(crate) module: ModuleId,
    /// Its name's place.
    pub(crate) site: Site,
    pub(crate) attrs: &'m [Attribute],
    /// Whether it is `pub` in any way.
    pub(crate) public: bool,
    /// Skylark's annotation, and its place among the attributes. Of a method, that of
    /// its own; see [`Impl::annotation`].
    pub(crate) annotation: Option<(Annotation, usize)>,
    pub(crate) kind: Kind<'m>,
}

/// What an item is.
#[derive(Debug)]
pub(crate) enum Kind<'m> {
    /// A function, a method, or one of a trait.
    Fn(Function<'m>),
    /// A static, or one of a `thread_local!`.
    Static {
        ty: &'m Type,
        init: &'m Expr,
        mutable: bool,
        thread_local: bool,
    },
    /// A constant.
    Const {
        ty: &'m Type,
        init: &'m Expr,
    },
    Struct(&'m ItemStruct),
    Enum(&'m ItemEnum),
    Trait(&'m ItemTrait),
    Alias(&'m ItemType),
    /// `macro_rules!`
    Macro,
    /// The client of a service.
    Client(ImplId),
    /// A union, or anything else that has a name.
    Other,
}

/// A function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function<'m> {
    pub(crate) sig: &'m Signature,
    /// Nothing of a trait's function without a default.
    pub(crate) block: Option<&'m Block>,
    pub(crate) owner: Option<Owner>,
}

/// What a function belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Impl(ImplId),
    Trait(ItemId),
}

/// An impl.
#[derive(Debug)]
pub(crate) struct Impl<'m> {
    pub(crate) item: &'m ItemImpl,
    pub(crate) file: usize,
    pub(crate) module: ModuleId,
    /// Skylark's annotation.
    pub(crate) annotation: Option<Annotation>,
    /// Its type; known when all items are.
    pub(crate) ty: Ty,
    /// Its trait, if it is one's; known when all items are.
    pub(crate) of_trait: Option<super::Res>,
    pub(crate) functions: Vec<ItemId>,
}

/// Adds what is in file number `file`.
pub(super) fn collect<'m>(
    index: &mut Index<'m>,
    file: usize,
    syntax: &'m Syntax,
    module: ModuleId,
) {
    let bare = Imports::of(&syntax.file, &index.model.ctx);
    let mut collect = Collect {
        index,
        file,
        syntax,
        bare,
        module,
    };
    for item in &syntax.file.items {
        collect.item(item);
    }
}

pub(super) struct Collect<'a, 'm> {
    pub(super) index: &'a mut Index<'m>,
    file: usize,
    syntax: &'m Syntax,
    bare: Imports,
    pub(super) module: ModuleId,
}

impl<'m> Collect<'_, 'm> {
    fn item(&mut self, item: &'m Syn) {
        let kind = match item {
            Syn::Fn(item) => {
                if is_test(&item.attrs) || item.attrs.iter().any(|a| a.path().is_ident("test")) {
                    return;
                }
                let function = Function {
                    sig: &item.sig,
                    block: Some(&item.block),
                    owner: None,
                };
                self.add(&item.sig.ident, &item.attrs, &item.vis, Kind::Fn(function));
                return self.blocks(&|blocks| blocks.visit_block(&item.block));
            }
            Syn::Static(item) => {
                let kind = Kind::Static {
                    ty: &item.ty,
                    init: &item.expr,
                    mutable: matches!(item.mutability, StaticMutability::Mut(_)),
                    thread_local: false,
                };
                self.add(&item.ident, &item.attrs, &item.vis, kind);
                return self.blocks(&|blocks| blocks.visit_expr(&item.expr));
            }
            Syn::Const(item) => {
                let (ty, init) = (&*item.ty, &*item.expr);
                self.add(
                    &item.ident,
                    &item.attrs,
                    &item.vis,
                    Kind::Const { ty, init },
                );
                return self.blocks(&|blocks| blocks.visit_expr(init));
            }
            Syn::Struct(item) => (&item.ident, &item.attrs, &item.vis, Kind::Struct(item)),
            Syn::Enum(item) => (&item.ident, &item.attrs, &item.vis, Kind::Enum(item)),
            Syn::Union(item) => (&item.ident, &item.attrs, &item.vis, Kind::Other),
            Syn::Type(item) => (&item.ident, &item.attrs, &item.vis, Kind::Alias(item)),
            Syn::Trait(item) => return self.of_trait(item),
            Syn::Impl(item) => return self.of_impl(item),
            Syn::Use(item) => return self.import(item),
            Syn::ExternCrate(item) => {
                let (own, name) = (plain(&item.ident), item.rename.as_ref());
                let name = name.map_or_else(|| own.clone(), |(_, rename)| plain(rename));
                let path = vec![String::new(), own];
                return self.name(name, Name::Use(path));
            }
            Syn::Mod(item) => return self.of_mod(item),
            Syn::Macro(item) => {
                match &item.ident {
                    Some(ident) => {
                        self.add(ident, &item.attrs, &Visibility::Inherited, Kind::Macro);
                    }
                    None => self.maker(&item.mac),
                }
                return self.locals(&item.mac, &item.attrs);
            }
            _ => return,
        };
        let (ident, attrs, vis, kind) = kind;
        if !is_test(attrs) {
            self.add(ident, attrs, vis, kind);
        }
    }

    fn maker(&mut self, mac: &syn::Macro) {
        let name = mac.path.segments.last().map(|last| plain(&last.ident));
        self.index.makers.extend(name);
    }

    /// The statics of a `thread_local!`.
    fn locals(&mut self, mac: &'m syn::Macro, attrs: &'m [Attribute]) {
        for local in self.syntax.locals(mac) {
            let kind = Kind::Static {
                ty: &local.ty,
                init: &local.init,
                mutable: false,
                thread_local: true,
            };
            self.add(&local.ident, attrs, &local.vis, kind);
            self.blocks(&|blocks| blocks.visit_expr(&local.init));
        }
    }

    pub(super) fn name(&mut self, name: String, what: Name) {
        let names = &mut self.index.modules[self.module].names;
        names.entry(name).or_default().push(what);
    }

    /// Adds an item under its name in the module.
    fn add(
        &mut self,
        ident: &Ident,
        attrs: &'m [Attribute],
        vis: &Visibility,
        kind: Kind<'m>,
    ) -> ItemId {
        let path = format!("{}::{}", self.index.modules[self.module].path, plain(ident));
        let id = self.add_under(path, ident, attrs, vis, kind);
        self.name(plain(ident), Name::Item(id));
        id
    }

    fn add_under(
        &mut self,
        path: String,
        ident: &Ident,
        attrs: &'m [Attribute],
        vis: &Visibility,
        kind: Kind<'m>,
    ) -> ItemId {
        let annotation = find_annotation(attrs, &self.bare, &self.index.model.ctx);
        self.index.items.push(Item {
            path,
            name: plain(ident),
            module: self.module,
            site: self.site(ident.span()),
            attrs,
            public: !matches!(vis, Visibility::Inherited),
            annotation: annotation.map(|(place, annotation)| (annotation, place)),
            kind,
        });
        self.index.items.len() - 1
    }

    fn site(&self, span: Span) -> Site {
        Site {
            file: self.file,
            span,
        }
    }

    fn of_trait(&mut self, item: &'m ItemTrait) {
        let id = self.add(&item.ident, &item.attrs, &item.vis, Kind::Trait(item));
        let path = self.index.items[id].path.clone();
        for member in &item.items {
            let TraitItem::Fn(member) = member else {
                continue;
            };
            let function = Function {
                sig: &member.sig,
                block: member.default.as_ref(),
                owner: Some(Owner::Trait(id)),
            };
            let ident = &member.sig.ident;
            let path = format!("{path}::{}", plain(ident));
            let member_id =
                self.add_under(path, ident, &member.attrs, &item.vis, Kind::Fn(function));
            self.index.traits.entry(id).or_default().push(member_id);
            if let Some(block) = &member.default {
                self.blocks(&|blocks| blocks.visit_block(block));
            }
        }
    }

    fn of_impl(&mut self, item: &'m ItemImpl) {
        if is_test(&item.attrs) {
            return;
        }
        let id = self.index.impls.len();
        let annotation = find_annotation(&item.attrs, &self.bare, &self.index.model.ctx);
        self.index.impls.push(Impl {
            item,
            file: self.file,
            module: self.module,
            annotation: annotation.map(|(_, annotation)| annotation),
            ty: Ty::Unknown,
            of_trait: None,
            functions: Vec::new(),
        });
        self.client(item, id);
        let ty = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|s| plain(&s.ident)),
            _ => None,
        };
        let prefix = format!(
            "{}::{}",
            self.index.modules[self.module].path,
            ty.unwrap_or_else(|| crate::read::text(&item.self_ty))
        );
        for member in &item.items {
            match member {
                ImplItem::Fn(member) if !is_test(&member.attrs) => {
                    let function = Function {
                        sig: &member.sig,
                        block: Some(&member.block),
                        owner: Some(Owner::Impl(id)),
                    };
                    let ident = &member.sig.ident;
                    let path = format!("{prefix}::{}", plain(ident));
                    let (attrs, kind) = (&member.attrs, Kind::Fn(function));
                    let added = self.add_under(path, ident, attrs, &member.vis, kind);
                    self.index.impls[id].functions.push(added);
                    self.blocks(&|blocks| blocks.visit_block(&member.block));
                }
                ImplItem::Const(member) => {
                    let kind = Kind::Const {
                        ty: &member.ty,
                        init: &member.expr,
                    };
                    let path = format!("{prefix}::{}", plain(&member.ident));
                    let added =
                        self.add_under(path, &member.ident, &member.attrs, &member.vis, kind);
                    self.index.impls[id].functions.push(added);
                }
                ImplItem::Macro(member) => self.maker(&member.mac),
                _ => {}
            }
        }
    }

    /// The client that a service has in its module.
    fn client(&mut self, item: &'m ItemImpl, id: ImplId) {
        let Type::Path(path) = &*item.self_ty else {
            return;
        };
        let Some(first) = path.path.segments.first() else {
            return;
        };
        let start = first.ident.span().byte_range().start;
        let mut services = self.index.model.services.iter();
        let found = services.find(|s| s.file == self.file && s.start == start);
        let Some(service) = found else { return };
        let ident = Ident::new(&service.client, first.ident.span());
        let vis: Visibility = syn::parse_quote!(pub);
        self.add(&ident, &item.attrs, &vis, Kind::Client(id));
    }

    fn of_mod(&mut self, item: &'m syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        let name = plain(&item.ident);
        let path = format!("{}::{name}", self.index.modules[self.module].path);
        // The module's file may have been read before.
        let id = self.index.module(&path);
        self.name(name, Name::Module(id));
        if let Some((_, items)) = &item.content {
            let outer = std::mem::replace(&mut self.module, id);
            items.iter().for_each(|item| self.item(item));
            self.module = outer;
        }
    }

    /// Visits blocks for items that they declare.
    fn blocks(&mut self, visit: &dyn Fn(&mut Blocks<'m>)) {
        let mut blocks = Blocks {
            syntax: self.syntax,
            found: Vec::new(),
        };
        visit(&mut blocks);
        for block in blocks.found {
            let module = self.index.block(self.file, block, self.module);
            let outer = std::mem::replace(&mut self.module, module);
            for stmt in &block.stmts {
                match stmt {
                    Stmt::Item(item) => self.item(item),
                    Stmt::Macro(item) => self.locals(&item.mac, &item.attrs),
                    _ => {}
                }
            }
            // Blocks inside one that declares items see them.
            self.blocks(&|inner| syn::visit::visit_block(inner, block));
            self.module = outer;
        }
    }
}

/// The outermost blocks that declare items.
struct Blocks<'m> {
    syntax: &'m Syntax,
    found: Vec<&'m Block>,
}

impl<'m> Visit<'m> for Blocks<'m> {
    fn visit_block(&mut self, block: &'m Block) {
        let declares = |stmt: &Stmt| match stmt {
            Stmt::Item(_) => true,
            Stmt::Macro(item) => !self.syntax.locals(&item.mac).is_empty(),
            _ => false,
        };
        if block.stmts.iter().any(declares) {
            self.found.push(block);
        } else {
            syn::visit::visit_block(self, block);
        }
    }

    /// Items have blocks of their own.
    fn visit_item(&mut self, _: &'m Syn) {}

    fn visit_macro(&mut self, mac: &'m syn::Macro) {
        let exprs = self.syntax.exprs(mac);
        exprs.into_iter().flatten().for_each(|e| self.visit_expr(e));
    }
}
