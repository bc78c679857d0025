//! One file → the model: annotated items, and who mentions what.

use super::{
    Body, ExternalItem, FunctionItem, Model, Place, ServiceItem, SourceFile, StateItem, Syntax,
    files::is_test,
};
use crate::{
    Ctx,
    check::code::{Code, Diagnostic},
    lower::{FunctionPlan, ObjectPlan, Plan, StatePlan},
    read::{Annotation, plain},
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Macro, Member, Meta, Type,
    UseTree, Visibility,
    parse::{ParseStream, Parser},
    spanned::Spanned,
    visit::Visit,
};

/// Adds what is in `file` to the model, and gives its syntax.
pub(super) fn file(
    index: usize,
    file: &SourceFile,
    ctx: &Ctx,
    model: &mut Model,
) -> Option<Syntax> {
    let parsed = match file.parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            report(file, Code::Source, &error, &mut model.diagnostics);
            return None;
        }
    };
    let mut collector = Collector {
        file,
        index,
        ctx,
        bare: Imports::of(&parsed, ctx),
        module: file.module.clone(),
        owner: None,
        bodies: Vec::new(),
        model,
    };
    collector.visit_file(&parsed);
    Some(Syntax::new(parsed))
}

/// Adds every error of a chain of them.
fn report(file: &SourceFile, code: Code, error: &syn::Error, into: &mut Vec<Diagnostic>) {
    for error in error {
        // The first line says what is wrong.
        into.push(file.diagnostic(code, file.locate(error.span()), error.to_string()));
    }
}

/// An annotation on an item, taken off it.
pub(crate) struct Annotated {
    pub(crate) annotation: Annotation,
    pub(crate) span: proc_macro2::Span,
    /// What is in its brackets.
    pub(crate) attr: TokenStream,
}

/// The first annotation among attributes, and its place there.
pub(crate) fn find_annotation(
    attrs: &[Attribute],
    bare: &Imports,
    ctx: &Ctx,
) -> Option<(usize, Annotation)> {
    attrs.iter().enumerate().find_map(|(index, attr)| {
        let path = attr.path();
        let annotation = Annotation::of(path, &ctx.runtime)?;
        let known = path.segments.len() > 1 || bare.has(annotation);
        known.then_some((index, annotation))
    })
}

/// Takes the first annotation off an item, as rustc does before it calls the
/// macro.
fn take_annotation(attrs: &mut Vec<Attribute>, bare: &Imports, ctx: &Ctx) -> Option<Annotated> {
    let (index, annotation) = find_annotation(attrs, bare, ctx)?;
    let attr = attrs.remove(index);
    Some(Annotated {
        annotation,
        span: attr.span(),
        attr: match attr.meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        },
    })
}

/// The annotation of an item and the tokens of the item without it, as rustc
/// hands both to the macro. What is there for tests only is no part of the app.
pub(crate) fn take_from(
    item: &Item,
    bare: &Imports,
    ctx: &Ctx,
) -> Option<(Annotated, TokenStream)> {
    // A function without a body is no item to syn.
    if let Item::Verbatim(tokens) = item {
        let parser = |input: ParseStream<'_>| {
            Ok((
                input.call(Attribute::parse_outer)?,
                input.parse::<TokenStream>()?,
            ))
        };
        let (mut attrs, rest) = parser.parse2(tokens.clone()).ok()?;
        if is_test(&attrs) {
            return None;
        }
        let annotated = take_annotation(&mut attrs, bare, ctx)?;
        return Some((annotated, quote!(#(#attrs)* #rest)));
    }
    let annotated = |attr: &Attribute| Annotation::of(attr.path(), &ctx.runtime).is_some();
    let present = attrs(item)?;
    if !present.iter().any(annotated) || is_test(present) {
        return None;
    }
    let mut item = item.clone();
    let annotated = take_annotation(attrs_mut(&mut item)?, bare, ctx)?;
    Some((annotated, item.to_token_stream()))
}

/// Which annotations a file may write without a path.
#[derive(Debug, Default)]
pub(crate) struct Imports(Vec<Annotation>);

impl Imports {
    pub(crate) fn of(file: &syn::File, ctx: &Ctx) -> Self {
        struct Uses<'a>(&'a Ctx, Vec<Annotation>);
        impl<'ast> Visit<'ast> for Uses<'_> {
            fn visit_item_use(&mut self, item: &'ast ItemUse) {
                let UseTree::Path(path) = &item.tree else {
                    return;
                };
                let runtime = self.0.runtime.segments.last();
                if path.ident == "skylark" || runtime.is_some_and(|r| r.ident == path.ident) {
                    tree(&path.tree, &mut self.1);
                }
            }
        }
        fn tree(use_tree: &UseTree, found: &mut Vec<Annotation>) {
            match use_tree {
                UseTree::Path(path) => tree(&path.tree, found),
                UseTree::Name(name) => found.extend(
                    Annotation::ALL
                        .into_iter()
                        .filter(|a| a.path().ends_with(&format!("::{}", name.ident))),
                ),
                UseTree::Glob(_) => found.extend(Annotation::ALL),
                UseTree::Group(group) => group.items.iter().for_each(|t| tree(t, found)),
                _ => {}
            }
        }
        let mut uses = Uses(ctx, Vec::new());
        uses.visit_file(file);
        Self(uses.1)
    }

    fn has(&self, annotation: Annotation) -> bool {
        self.0.contains(&annotation)
    }
}

/// Access to the attributes of the items that can be annotated.
macro_rules! attributes {
    ($name:ident $($mutable:tt)?) => {
        fn $name(item: &$($mutable)? Item) -> Option<&$($mutable)? Vec<Attribute>> {
            Some(match item {
                Item::Const(item) => &$($mutable)? item.attrs,
                Item::Enum(item) => &$($mutable)? item.attrs,
                Item::Fn(item) => &$($mutable)? item.attrs,
                Item::Impl(item) => &$($mutable)? item.attrs,
                Item::Macro(item) => &$($mutable)? item.attrs,
                Item::Mod(item) => &$($mutable)? item.attrs,
                Item::Static(item) => &$($mutable)? item.attrs,
                Item::Struct(item) => &$($mutable)? item.attrs,
                Item::Trait(item) => &$($mutable)? item.attrs,
                Item::Type(item) => &$($mutable)? item.attrs,
                _ => return None,
            })
        }
    };
}
attributes!(attrs);
attributes!(attrs_mut mut);

struct Collector<'a> {
    file: &'a SourceFile,
    index: usize,
    ctx: &'a Ctx,
    bare: Imports,
    module: String,
    owner: Option<String>,
    /// The functions that are being visited, the innermost last.
    bodies: Vec<Body>,
    model: &'a mut Model,
}

impl Collector<'_> {
    fn mention(&mut self, ident: &Ident) {
        let name = plain(ident);
        if let Some(body) = self.bodies.last_mut() {
            body.mentions.insert(name.clone());
        }
        self.model.mentions.insert(name);
    }

    fn mention_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.mention(&ident),
                TokenTree::Group(group) => self.mention_all(group.stream()),
                _ => {}
            }
        }
    }

    fn body(&mut self, ident: &Ident, visit: impl FnOnce(&mut Self)) {
        self.bodies.push(Body {
            name: plain(ident),
            owner: self.owner.clone(),
            mentions: Default::default(),
        });
        visit(self);
        if let Some(body) = self.bodies.pop() {
            // What a function inside mentions, the outer one may reach.
            if let Some(outer) = self.bodies.last_mut() {
                outer.mentions.extend(body.mentions.iter().cloned());
            }
            self.model.bodies.push(body);
        }
    }

    fn place(&self, ident: &Ident) -> Place {
        Place {
            file: self.index,
            module: self.module.clone(),
            ident: self.file.locate(ident.span()),
        }
    }

    fn add_function(&mut self, plan: FunctionPlan) {
        let locate = |path: &syn::Path| self.file.locate(path.span());
        let item = FunctionItem {
            place: self.place(&plan.item.sig.ident),
            next: plan.next.iter().map(|(path, _)| locate(path)).collect(),
            join: plan.join.as_ref().map(locate),
            on_error: plan.on_error.as_ref().map(locate),
            public: !matches!(plan.item.vis, Visibility::Inherited),
            cfg: condition(&plan.cfgs),
            receiver: plan.method.and_then(|method| method.receiver),
            schema: plan.schema,
        };
        self.model.functions.push(item);
    }

    /// A function of a service. Its client is called by people, if it is by anybody.
    fn add_method(&mut self, plan: FunctionPlan) {
        self.add_function(plan);
        if let Some(added) = self.model.functions.last_mut() {
            added.public = true;
        }
    }

    fn add_object(&mut self, plan: ObjectPlan) {
        for field in plan.fields {
            let ident = match &field.member {
                Member::Named(ident) => ident.clone(),
                Member::Unnamed(index) => Ident::new("field", index.span),
            };
            let item = StateItem {
                place: self.place(&ident),
                cfg: condition(&plan.cfgs) + &condition(&field.cfgs),
                key: field.key,
                migrate: field.migrate,
                schema: field.schema,
            };
            self.mention_all(field.ty.to_token_stream());
            self.model.states.push(item);
        }
        self.mention_all(plan.default.to_token_stream());
    }

    fn add_state(&mut self, plan: StatePlan) {
        let item = StateItem {
            place: self.place(&plan.ident),
            cfg: condition(&plan.cfgs),
            key: plan.key,
            migrate: plan.migrate,
            schema: plan.schema,
        };
        // Its own name is no use of it; what it is made of may use others.
        self.mention_all(plan.cell.to_token_stream());
        self.mention_all(plan.init.to_token_stream());
        self.model.states.push(item);
    }
}

/// The text of `#[cfg]`s.
fn condition(cfgs: &[Attribute]) -> String {
    quote!(#(#cfgs)*).to_string()
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let annotated = take_from(item, &self.bare, self.ctx);
        match item {
            Item::Struct(syn::ItemStruct { ident, .. })
            | Item::Enum(syn::ItemEnum { ident, .. }) => {
                *self.model.types.entry(plain(ident)).or_default() += 1;
            }
            _ => {}
        }
        let Some((annotated, bare_item)) = annotated else {
            return syn::visit::visit_item(self, item);
        };
        let (kept, plan) = crate::plan(
            annotated.annotation,
            annotated.span,
            annotated.attr,
            bare_item,
            self.ctx,
        );
        let is_service = annotated.annotation == Annotation::Service;
        match plan {
            Ok(Plan::Function(plan)) => self.add_function(*plan),
            Ok(Plan::Service(plan)) => {
                self.model.services.push(ServiceItem {
                    file: self.index,
                    start: plan.ty.span().byte_range().start,
                    client: plan.client.to_string(),
                });
                for function in plan.functions {
                    self.add_method(function);
                }
            }
            // As of a variable, the names of the fields there are no uses.
            Ok(Plan::Object(plan)) => return self.add_object(*plan),
            // The variable itself is not visited: its name there is no use of it.
            Ok(Plan::State(plans)) => {
                return plans.into_iter().for_each(|plan| self.add_state(plan));
            }
            Ok(Plan::External(plan)) => self.model.externals.push(ExternalItem {
                name: plain(&plan.item.sig.ident),
                method: plan.method,
                url: plan.url.clone(),
            }),
            Ok(Plan::Nondet(_) | Plan::Init(_)) => {}
            Err(error) => {
                report(
                    self.file,
                    Code::Annotation,
                    &error,
                    &mut self.model.diagnostics,
                );
            }
        }
        match syn::parse2::<Item>(kept) {
            // Without the annotations in it, which are its own.
            Ok(kept) if is_service => syn::visit::visit_item(self, &kept),
            _ => syn::visit::visit_item(self, item),
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_test(&item.attrs) {
            // Tests are no part of the app, but they may use its state.
            return self.mention_all(item.to_token_stream());
        }
        let outer = self.module.clone();
        self.module = format!("{outer}::{}", plain(&item.ident));
        syn::visit::visit_item_mod(self, item);
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        fn renames(tree: &UseTree, model: &mut Model) {
            match tree {
                UseTree::Path(path) => renames(&path.tree, model),
                UseTree::Group(group) => group.items.iter().for_each(|t| renames(t, model)),
                UseTree::Rename(rename) => {
                    let own = plain(&rename.ident);
                    model.aliases.insert(plain(&rename.rename), own.clone());
                    // A rename hides later uses of the name: count it as one.
                    model.mentions.insert(own);
                }
                _ => {}
            }
        }
        renames(&item.tree, self.model);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.body(&item.sig.ident, |this| {
            syn::visit::visit_item_fn(this, item);
        });
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let outer = self.owner.take();
        if let Type::Path(path) = &*item.self_ty {
            self.owner = path.path.segments.last().map(|s| plain(&s.ident));
        }
        syn::visit::visit_item_impl(self, item);
        self.owner = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let mut attrs = item.attrs.clone();
        if let Some(annotated) = take_annotation(&mut attrs, &self.bare, self.ctx) {
            let span = self.file.locate(annotated.span);
            self.model.diagnostics.push(self.file.diagnostic(
                Code::Annotation,
                span,
                format!(
                    "`{}` belongs to an `impl`; annotate that with `#[skylark::service]`, and its \
                     struct with `#[skylark::state]`",
                    item.sig.ident
                ),
            ));
        }
        self.body(&item.sig.ident, |this| {
            syn::visit::visit_impl_item_fn(this, item);
        });
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.mention_all(mac.tokens.clone());
        syn::visit::visit_macro(self, mac);
    }

    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.mention(ident);
    }
}
