//! Findings that an annotation accepts: `#[skylark::accept(hash_iteration)]`.

use super::code::{Code, Diagnostic, settable};
use crate::read::{
    accepted,
    krate::{Model, SourceFile},
};
use std::{collections::BTreeMap, ops::Range};
use syn::{Attribute, Meta, spanned::Spanned, visit::Visit};

/// Drops what is accepted, and reports annotations that accept nothing.
pub(super) fn apply(model: &Model, found: &mut Vec<Diagnostic>) {
    let mut accepted: BTreeMap<&str, Vec<(Code, Range<usize>)>> = BTreeMap::new();
    for (file, syntax) in model.files.iter().zip(&model.syntax) {
        // Most files accept nothing, and need no look.
        let Some(syntax) = syntax.as_ref().filter(|_| file.text.contains("accept(")) else {
            continue;
        };
        let mut regions = Regions {
            file,
            runtime: model.ctx.name(),
            regions: Vec::new(),
            faults: Vec::new(),
        };
        regions.visit_file(&syntax.file);
        found.extend(regions.faults);
        accepted.insert(&file.path, regions.regions);
    }
    found.retain(|d| {
        let regions = accepted.get(d.file.as_str());
        !regions.is_some_and(|regions| {
            let around = |r: &Range<usize>| r.start <= d.span.start && d.span.end <= r.end;
            regions.iter().any(|(code, r)| *code == d.code && around(r))
        })
    });
}

/// What the items of a file accept, and where.
struct Regions<'a> {
    file: &'a SourceFile,
    /// The crate's name for the runtime.
    runtime: String,
    regions: Vec<(Code, Range<usize>)>,
    faults: Vec<Diagnostic>,
}

impl Regions<'_> {
    fn item(&mut self, item: &impl Spanned, attrs: &[Attribute]) {
        for attr in attrs {
            let path = attr.path();
            let mut names = path.segments.iter().map(|s| s.ident.to_string());
            let (first, last) = (names.next(), names.next());
            let home = first.is_some_and(|name| name == "skylark" || name == self.runtime);
            if !home || last.as_deref() != Some("accept") || names.next().is_some() {
                continue;
            }
            let Meta::List(list) = &attr.meta else {
                continue;
            };
            // rustc reports what cannot be read.
            for name in accepted(list.tokens.clone()).unwrap_or_default() {
                match settable(&name.to_string()) {
                    Ok(code) => {
                        let prefix = self.file.prefix();
                        let range = item.span().byte_range();
                        let range = range.start + prefix..range.end + prefix;
                        self.regions.push((code, range));
                    }
                    Err(why) => {
                        let span = self.file.locate(name.span());
                        let fault = self.file.diagnostic(Code::Annotation, span, why);
                        self.faults.push(fault);
                    }
                }
            }
        }
    }
}

/// Looks at the attributes of each kind of item, then into it.
macro_rules! items {
    ($($visit:ident $ty:ident),* $(,)?) => {
        impl<'ast> Visit<'ast> for Regions<'_> {
            $(fn $visit(&mut self, item: &'ast syn::$ty) {
                self.item(item, &item.attrs);
                syn::visit::$visit(self, item);
            })*
        }
    };
}
items! {
    visit_item_enum ItemEnum,
    visit_item_fn ItemFn,
    visit_item_impl ItemImpl,
    visit_item_macro ItemMacro,
    visit_item_mod ItemMod,
    visit_item_static ItemStatic,
    visit_item_struct ItemStruct,
    visit_item_trait ItemTrait,
    visit_impl_item_fn ImplItemFn,
    visit_trait_item_fn TraitItemFn,
}
