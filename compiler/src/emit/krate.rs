//! A crate with every annotation expanded, as source that people read. What the
//! user wrote stays, byte for byte and with its comments; what the annotations
//! make of it stands apart. The tokens are the macro's.

mod lexed;
mod piece;
mod pretty;

use crate::{
    Ctx,
    read::{
        Annotation,
        krate::{
            Model, SourceFile,
            collect::{Imports, take_from},
        },
    },
};
use lexed::Lexed;
use piece::Source;
pub use pretty::format_expansion;
use proc_macro2::TokenStream;
use std::ops::Range;
use syn::{Item, spanned::Spanned, visit::Visit};

/// Source that stands for an annotated item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The bytes of the file that it stands for.
    pub range: Range<usize>,
    /// What it says.
    pub text: String,
}

/// What the annotated items of a file become, in order. Annotations inside of them
/// are still there.
///
/// # Errors
/// It is no Rust, or an annotation in it is wrong: all errors at once.
pub fn expand_items(file: &SourceFile, ctx: &Ctx) -> syn::Result<Vec<Expansion>> {
    let found = find(file, ctx)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let lexed = Lexed::of(file)?;
    found
        .into_iter()
        .map(|found| Source::new(&lexed, found.range.clone()).expand(&found))
        .collect()
}

/// A file with everything in it expanded.
///
/// # Errors
/// As [`expand_items`].
pub fn expand_file(file: &SourceFile, ctx: &Ctx) -> syn::Result<String> {
    let mut file = file.clone();
    // What was inside of an annotated item comes to light with the next round.
    loop {
        let expansions = expand_items(&file, ctx)?;
        if expansions.is_empty() {
            return without_accepted(&file, ctx);
        }
        file.text = splice(&file.text, &expansions);
    }
}

/// Expands every file of a crate: path and expanded source, in the order given.
///
/// # Errors
/// As [`expand_items`], for all files at once.
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
/// As [`expand_items`].
pub fn expansions(file: &SourceFile, ctx: &Ctx) -> syn::Result<Vec<TokenStream>> {
    let found = find(file, ctx)?;
    Ok(found.into_iter().map(|found| found.tokens).collect())
}

/// The annotations that are left in a file after it was expanded: they are inside of
/// macros, where only rustc sees them.
pub fn annotations_in_macros(file: &SourceFile, ctx: &Ctx) -> Vec<crate::SourceSpan> {
    let Ok(lexed) = Lexed::of(file) else {
        return Vec::new();
    };
    let all = Annotation::ALL.iter().map(|a| a.path());
    let names: Vec<&str> = all.filter_map(|path| path.rsplit(':').next()).collect();
    let found = attributes(&lexed, ctx, &names).into_iter();
    found
        .map(|range| file.span(range.start + lexed.prefix..range.end + lexed.prefix))
        .collect()
}

/// A file without the attributes that only checks look at: they are macros, too, which
/// leave their item as it is.
fn without_accepted(file: &SourceFile, ctx: &Ctx) -> syn::Result<String> {
    let lexed = Lexed::of(file)?;
    let mut gone = Vec::new();
    for range in attributes(&lexed, ctx, &["accept"]) {
        let rest = &lexed.text[range.end..];
        let white = rest.len() - rest.trim_start().len();
        gone.push(Expansion {
            range: range.start + lexed.prefix..range.end + white + lexed.prefix,
            text: String::new(),
        });
    }
    Ok(splice(&file.text, &gone))
}

/// Where attributes of the runtime with these names are, inside of macros, too.
fn attributes(lexed: &Lexed<'_>, ctx: &Ctx, names: &[&str]) -> Vec<Range<usize>> {
    let runtime = ctx.runtime.segments.last().map(|s| s.ident.to_string());
    let tokens = &lexed.tokens;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        // `#[skylark::state`, `#[::skylark::state`
        let home = if text(at + 2) == ":" { at + 4 } else { at + 2 };
        let ours = text(home) == "skylark" || runtime.as_deref() == Some(text(home));
        let opens =
            [text(at), text(at + 1), text(home + 1), text(home + 2)] == ["#", "[", ":", ":"];
        if !ours || !opens || !names.contains(&text(home + 3)) {
            continue;
        }
        let mut depth = 0_usize;
        let end = (at + 1..tokens.len()).find(|at| {
            match text(*at) {
                "[" | "(" | "{" => depth += 1,
                "]" | ")" | "}" => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        found.extend(end.map(|end| tokens[at].range.start..tokens[end].range.end));
    }
    found
}

/// `text` with the expansions in it.
fn splice(text: &str, expansions: &[Expansion]) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for Expansion { range, text: new } in expansions {
        out.push_str(&text[at..range.start]);
        out.push_str(new);
        at = range.end;
    }
    out + &text[at..]
}

/// An annotated item.
struct Found {
    annotation: Annotation,
    /// Where the annotation is, among the file's tokens.
    attribute: Range<usize>,
    /// Where the item is, among the file's tokens.
    range: Range<usize>,
    /// What it expands to.
    tokens: TokenStream,
}

fn find(file: &SourceFile, ctx: &Ctx) -> syn::Result<Vec<Found>> {
    let parsed = file.parse()?;
    let mut finder = Finder {
        ctx,
        bare: Imports::of(&parsed, ctx),
        errors: crate::Errors::new(),
        found: Vec::new(),
    };
    finder.visit_file(&parsed);
    finder.errors.finish().map(|()| finder.found)
}

struct Finder<'a> {
    ctx: &'a Ctx,
    bare: Imports,
    errors: crate::Errors,
    found: Vec<Found>,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let Some((annotated, bare_item)) = take_from(item, &self.bare, self.ctx) else {
            return syn::visit::visit_item(self, item);
        };
        let annotation = annotated.annotation;
        let attribute = annotated.span.byte_range();
        let (_, plan) = crate::plan(
            annotation,
            annotated.span,
            annotated.attr,
            bare_item,
            self.ctx,
        );
        if let Some(plan) = self.errors.take(plan) {
            self.found.push(Found {
                annotation,
                attribute,
                range: item.span().byte_range(),
                tokens: crate::emit::tokens(&plan, self.ctx),
            });
        }
    }
}
