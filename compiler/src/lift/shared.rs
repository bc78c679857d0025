//! The struct that all handlers share: each of its fields becomes a static.

use super::{
    cells::{self, Held},
    inside,
    krate::{Function, Krate, Place, type_arguments},
    plan::Asked,
    rules::{self, Role},
    thrift::{self, Service},
    values,
};
use crate::read::plain;
use proc_macro2::Span;
use quote::ToTokens as _;
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Expr, ExprStruct, Item, ItemStruct, Member, Stmt, Type, spanned::Spanned as _, visit::Visit,
};

/// A struct that handlers share.
pub(super) struct Shared<'a> {
    pub(super) place: Place,
    pub(super) item: &'a ItemStruct,
    pub(super) fields: BTreeMap<String, Static>,
    /// The functions that make it.
    pub(super) makers: BTreeSet<String>,
    /// Whether functions are left in its impls.
    pub(super) methods: bool,
}

/// What a field or a global becomes.
#[derive(Debug, Clone)]
pub(super) struct Static {
    /// Its Rust name.
    pub(super) name: String,
    /// The module that it is in.
    pub(super) module: String,
    /// Whether it is kept in the store, or built in each instance.
    pub(super) held: Held,
    /// Its line, without attributes.
    pub(super) line: String,
    /// Paths that the line needs: `std::sync::LazyLock`.
    pub(super) imports: BTreeSet<String>,
    /// Whether it was behind an `Arc`.
    pub(super) arc: bool,
    pub(super) span: Span,
}

impl Shared<'_> {
    /// Whether it has clients of other services.
    pub(super) fn calls(&self) -> bool {
        self.fields.values().any(|field| field.held == Held::Client)
    }
}

/// The types that `State<…>` extracts, and those that handle services.
pub(super) fn find<'a>(
    krate: &Krate<'a>,
    services: &BTreeMap<String, Service<'a>>,
    asked: &mut Vec<Asked>,
) -> BTreeMap<String, Shared<'a>> {
    let mut found = BTreeMap::new();
    for path in services.keys() {
        if let Some((ty, Item::Struct(item))) = krate.types.get(path).map(|ty| (ty, ty.item)) {
            let mut shared = read(krate, path, ty.place.clone(), item, asked);
            shared.methods = true;
            found.insert(path.clone(), shared);
        }
    }
    for function in krate.functions.values() {
        for (_, ty, span) in function.arguments() {
            let module = &function.place.module;
            let is_state = krate
                .type_path(module, ty)
                .is_some_and(|path| rules::role(&path) == Some(Role::State));
            let Some(inner) = type_arguments(ty).first().copied().filter(|_| is_state) else {
                continue;
            };
            let path = krate.type_path(module, without_arc(krate, module, inner));
            let Some(path) = path else { continue };
            if found.contains_key(&path) {
                continue;
            }
            match krate.types.get(&path).map(|ty| (ty, ty.item)) {
                Some((ty, Item::Struct(item))) => {
                    let shared = read(krate, &path, ty.place.clone(), item, asked);
                    found.insert(path, shared);
                }
                _ => asked.push(Asked::about(
                    function,
                    span,
                    format!(
                        "`{path}` is no struct of this crate; which statics shall be in its place?"
                    ),
                )),
            }
        }
    }
    found
}

/// `T` of `Arc<T>`.
pub(super) fn without_arc<'t>(krate: &Krate<'_>, module: &str, ty: &'t Type) -> &'t Type {
    let is_arc = krate.type_path(module, ty).as_deref() == Some("std::sync::Arc");
    match type_arguments(ty).first() {
        Some(inner) if is_arc => without_arc(krate, module, inner),
        _ => ty,
    }
}

fn read<'a>(
    krate: &Krate<'a>,
    path: &str,
    place: Place,
    item: &'a ItemStruct,
    asked: &mut Vec<Asked>,
) -> Shared<'a> {
    let own: Vec<(&String, &Function<'a>)> = krate
        .functions
        .iter()
        .filter(|(_, function)| function.owner.as_deref() == Some(path))
        .collect();
    let makes = |function: &Function<'_>| {
        function.output().is_some_and(|ty| {
            ty.to_token_stream().to_string() == "Self"
                || krate.type_path(&function.place.module, ty).as_deref() == Some(path)
        })
    };
    let makers: BTreeSet<String> = own
        .iter()
        .filter(|(_, function)| makes(function))
        .map(|(path, _)| (*path).clone())
        .collect();
    // Made by a method of its own, or else where the router is.
    let mut literals: Vec<Literal<'_>> = own
        .iter()
        .filter_map(|(_, function)| literal(krate, path, function))
        .collect();
    if literals.is_empty() {
        let near = |function: &&Function<'a>| function.place.module == place.module;
        let others = krate.functions.values().filter(near);
        literals = others
            .filter_map(|function| literal(krate, path, function))
            .collect();
    }
    let has_default = item
        .attrs
        .iter()
        .flat_map(values::derives)
        .any(|name| name == "Default");
    // One that needs nothing says best what the state begins with.
    let first = literals.iter().min_by_key(|l| l.locals.len());
    let mut fields = BTreeMap::new();
    for (index, field) in item.fields.iter().enumerate() {
        let field_name = field
            .ident
            .as_ref()
            .map_or_else(|| index.to_string(), plain);
        let vis = field.vis.to_token_stream();
        let vis = if vis.is_empty() {
            String::new()
        } else {
            format!("{} ", krate.text(place.file, field.vis.span()))
        };
        if let Some((generated, service)) = thrift::client_of(krate, &place.module, &field.ty) {
            let (name, line, imports) = thrift::client(&field_name, &vis, &generated, &service);
            let client = Static {
                name,
                module: place.module.clone(),
                held: Held::Client,
                line,
                imports: imports.into_iter().collect(),
                arc: false,
                span: field.span(),
            };
            fields.insert(field_name, client);
            continue;
        }
        let value = first.and_then(|l| l.fields.get(&field_name).map(|expr| (*expr, l)));
        if let Some((expr, literal)) = value
            && let Some(local) = uses(expr, &literal.locals)
        {
            asked.push(Asked::at(
                &place,
                field.span(),
                format!("`{field_name}` is made of `{local}`, which a static cannot know; what shall it be?"),
            ));
        }
        let ty = without_arc(krate, &place.module, &field.ty);
        let name = static_name(krate, &place.module, item, &field_name);
        let value = value.map(|(expr, _)| cells::without_arc_new(krate, &place.module, expr));
        let made = cells::make(krate, &place, &format!("{vis}static {name}"), ty, value);
        if value.is_none() && made.held == Ok(Held::Init) && !has_default {
            asked.push(Asked::at(
                &place,
                field.span(),
                format!("nothing here says what `{field_name}` is: what shall it be?"),
            ));
        }
        if super::requests::is_client(krate, &place.module, ty) {
            let question = super::requests::client_question(&name);
            asked.push(Asked::at(&place, field.span(), question));
        }
        if made.held == Ok(Held::Init)
            && let Some(cell) = inside::changes(krate, &place.module, ty)
        {
            let question = inside::question(&name, &cell);
            asked.push(Asked::at(&place, field.span(), question));
        }
        if let Err(why) = &made.held {
            asked.push(Asked::at(
                &place,
                field.span(),
                format!("`{field_name}`: {why}"),
            ));
        }
        fields.insert(
            field_name,
            Static {
                name,
                module: place.module.clone(),
                held: made.held.unwrap_or(Held::Init),
                line: made.line,
                imports: made.imports,
                arc: !std::ptr::eq(ty, &field.ty),
                span: field.span(),
            },
        );
    }
    let methods = own
        .iter()
        .any(|(path, function)| !makers.contains(*path) && function.of_trait.is_none());
    Shared {
        place,
        item,
        fields,
        makers,
        methods,
    }
}

/// The name of a field's static: that of the field, unless something else has it.
fn static_name(krate: &Krate<'_>, module: &str, item: &ItemStruct, field: &str) -> String {
    let name = field.to_uppercase();
    // A static's name in the store is the crate's, any other is the module's.
    let free = |name: &str| {
        !krate.names.has(module, name)
            && !krate.statics.iter().any(|(_, other)| other.ident == name)
    };
    if free(&name) && !field.starts_with(|c: char| c.is_ascii_digit()) {
        return name;
    }
    let long = format!("{}_{name}", screaming(&plain(&item.ident)));
    let mut found = long.clone();
    let mut next = 2;
    while !free(&found) {
        found = format!("{long}_{next}");
        next += 1;
    }
    found
}

fn screaming(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

/// A struct literal in a function, and what the function calls by name.
struct Literal<'a> {
    fields: BTreeMap<String, &'a Expr>,
    locals: BTreeSet<String>,
}

fn literal<'a>(krate: &Krate<'_>, path: &str, function: &Function<'a>) -> Option<Literal<'a>> {
    struct Find<'a, 'f> {
        is: &'f dyn Fn(&syn::Path) -> bool,
        found: Option<&'a ExprStruct>,
    }
    impl<'a> Visit<'a> for Find<'a, '_> {
        fn visit_expr_struct(&mut self, expr: &'a ExprStruct) {
            if self.found.is_none() && (self.is)(&expr.path) {
                self.found = Some(expr);
            }
            syn::visit::visit_expr_struct(self, expr);
        }
    }
    let is = |made: &syn::Path| super::waits::resolve(krate, function, made) == path;
    let mut find = Find {
        is: &is,
        found: None,
    };
    find.visit_block(function.block);
    let expr = find.found?;
    let fields = expr.fields.iter().map(|field| {
        let name = match &field.member {
            Member::Named(ident) => plain(ident),
            Member::Unnamed(index) => index.index.to_string(),
        };
        (name, &field.expr)
    });
    let mut locals = BTreeSet::new();
    for (pattern, _, _) in function.arguments() {
        bound(pattern, &mut locals);
    }
    for statement in &function.block.stmts {
        if let Stmt::Local(local) = statement {
            bound(&local.pat, &mut locals);
        }
    }
    Some(Literal {
        fields: fields.collect(),
        locals,
    })
}

/// The names that a pattern binds.
pub(super) fn bound(pattern: &syn::Pat, into: &mut BTreeSet<String>) {
    struct Bound<'a>(&'a mut BTreeSet<String>);
    impl<'ast> Visit<'ast> for Bound<'_> {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.0.insert(plain(&pattern.ident));
            syn::visit::visit_pat_ident(self, pattern);
        }
    }
    Bound(into).visit_pat(pattern);
}

/// The first of `names` that an expression uses.
fn uses(expr: &Expr, names: &BTreeSet<String>) -> Option<String> {
    struct Uses<'a>(&'a BTreeSet<String>, Option<String>);
    impl<'ast> Visit<'ast> for Uses<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            if let Some(ident) = path.get_ident()
                && self.0.contains(&plain(ident))
            {
                self.1.get_or_insert(plain(ident));
            }
            syn::visit::visit_path(self, path);
        }
    }
    let mut found = Uses(names, None);
    found.visit_expr(expr);
    found.1
}
