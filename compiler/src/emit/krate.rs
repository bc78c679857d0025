//! A file or a crate with every annotation expanded, as readable source. The
//! tokens are the macro's.

use crate::{
    Ctx,
    read::krate::{
        Model, SourceFile,
        collect::{Imports, take_from},
    },
};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Item, Stmt, visit_mut::VisitMut};

/// Expands a file.
///
/// # Errors
/// It is no Rust, or an annotation in it is wrong: all errors at once.
pub fn expand_file(file: &SourceFile, ctx: &Ctx) -> syn::Result<String> {
    let mut parsed = file.parse()?;
    let mut expander = Expander::new(&parsed, ctx);
    expander.visit_file_mut(&mut parsed);
    expander.errors.finish().map(|()| pretty(parsed))
}

/// Expands every file of a crate: path and expanded source, in the order given.
///
/// # Errors
/// As [`expand_file`], for all files at once.
pub fn expand_crate(model: &Model, ctx: &Ctx) -> syn::Result<Vec<(String, String)>> {
    let mut errors = crate::Errors::new();
    let mut out = Vec::new();
    for file in &model.files {
        if let Some(text) = errors.take(expand_file(file, ctx)) {
            out.push((file.path.clone(), text));
        }
    }
    errors.finish().map(|()| out)
}

/// The tokens that annotated items of a file expand to, in order.
///
/// # Errors
/// As [`expand_file`].
pub fn expansions(file: &SourceFile, ctx: &Ctx) -> syn::Result<Vec<TokenStream>> {
    let mut parsed = file.parse()?;
    let mut expander = Expander::new(&parsed, ctx);
    expander.visit_file_mut(&mut parsed);
    expander.errors.finish().map(|()| expander.expansions)
}

/// An expansion as readable source.
///
/// # Errors
/// It is no Rust.
pub fn format_expansion(tokens: TokenStream) -> syn::Result<String> {
    syn::parse2(tokens).map(pretty)
}

/// Formats a file, and in it the calls into the runtime: their arguments have
/// the form of a struct's fields, so that is what the formatter is shown.
fn pretty(mut file: syn::File) -> String {
    struct AsStruct;
    impl VisitMut for AsStruct {
        fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
            if let Stmt::Item(Item::Macro(syn::ItemMacro { mac, .. }))
            | Stmt::Macro(syn::StmtMacro { mac, .. }) = stmt
                && is_private(&mac.path)
            {
                let (path, fields) = (&mac.path, &mac.tokens);
                if let Ok(call) = syn::parse2(quote!(#path { #fields })) {
                    *stmt = Stmt::Expr(Expr::Struct(call), None);
                }
            }
            syn::visit_mut::visit_stmt_mut(self, stmt);
        }
    }
    fn is_private(path: &syn::Path) -> bool {
        let mut last = path.segments.iter().rev();
        last.next()
            .is_some_and(|s| CALLS.iter().any(|call| s.ident == call))
            && last.next().is_some_and(|s| s.ident == "__private")
    }
    const CALLS: [&str; 2] = ["function", "state"];
    AsStruct.visit_file_mut(&mut file);
    let mut out = prettyplease::unparse(&file);
    for call in CALLS {
        out = out.replace(
            &format!("__private::{call} {{"),
            &format!("__private::{call}! {{"),
        );
    }
    out
}

struct Expander<'a> {
    ctx: &'a Ctx,
    bare: Imports,
    errors: crate::Errors,
    expansions: Vec<TokenStream>,
}

impl<'a> Expander<'a> {
    fn new(file: &syn::File, ctx: &'a Ctx) -> Self {
        Self {
            ctx,
            bare: Imports::of(file, ctx),
            errors: crate::Errors::new(),
            expansions: Vec::new(),
        }
    }

    /// What stands in place of `item`; `None` if it stays.
    fn expand(&mut self, item: &Item) -> Option<Vec<Item>> {
        let (annotated, bare_item) = take_from(item, &self.bare, self.ctx)?;
        let (_, plan) = crate::plan(
            annotated.annotation,
            annotated.span,
            annotated.attr,
            bare_item,
            self.ctx,
        );
        let tokens = crate::emit::tokens(&self.errors.take(plan)?, self.ctx);
        let file = self.errors.take(syn::parse2::<syn::File>(tokens.clone()))?;
        self.expansions.push(tokens);
        Some(file.items)
    }

    fn items(&mut self, items: &mut Vec<Item>) {
        let old = std::mem::take(items);
        for mut item in old {
            match self.expand(&item) {
                Some(expanded) => items.extend(expanded),
                None => {
                    self.visit_item_mut(&mut item);
                    items.push(item);
                }
            }
        }
    }
}

impl VisitMut for Expander<'_> {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        self.items(&mut file.items);
    }

    fn visit_item_mod_mut(&mut self, item: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut item.content {
            self.items(items);
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        let old = std::mem::take(&mut block.stmts);
        for mut stmt in old {
            let expanded = match &stmt {
                Stmt::Item(item) => self.expand(item),
                _ => None,
            };
            match expanded {
                Some(items) => block.stmts.extend(items.into_iter().map(Stmt::Item)),
                None => {
                    self.visit_stmt_mut(&mut stmt);
                    block.stmts.push(stmt);
                }
            }
        }
    }
}
