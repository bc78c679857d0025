//! Types that are stored or passed, and serde's traits for them.

use super::{
    krate::{Function, Krate, type_arguments},
    out::Out,
    report::Kind,
    rules::{self, Role},
};
use crate::read::plain;
use std::collections::BTreeSet;
use syn::{Attribute, Type, punctuated::Punctuated, spanned::Spanned as _};

/// What is done with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is written and read.
    Stored,
    /// A function takes it.
    Taken,
    /// A function yields it.
    Yielded,
}

impl Use {
    /// The trait that it needs.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Stored => &["Deserialize", "Serialize"],
            Self::Taken => &["Deserialize"],
            Self::Yielded => &["Serialize"],
        }
    }
}

/// Notes the types of this crate that a type is made of.
pub(super) fn note(out: &mut Out<'_, '_>, module: &str, ty: &Type, used: Use) {
    let mut found = BTreeSet::new();
    collect(out.krate, module, ty, true, &mut found);
    add(out, found, used);
}

/// Notes a type of this crate.
pub(super) fn note_path(out: &mut Out<'_, '_>, path: &str, used: Use) {
    let mut found = BTreeSet::new();
    fields(out.krate, path, &mut found);
    add(out, found, used);
}

/// Notes what a function takes and yields that another one calls: it goes both ways.
pub(super) fn note_call(out: &mut Out<'_, '_>, callee: &Function<'_>) {
    let module = &callee.place.module;
    let lent = out.plan.lent(out.krate, callee).places;
    for (index, (_, ty, _)) in callee.arguments().enumerate() {
        if !lent.contains(&index) {
            note(out, module, ty, Use::Stored);
        }
    }
    if let Some(output) = callee.output() {
        note(out, module, output, Use::Stored);
    }
}

fn add(out: &mut Out<'_, '_>, found: BTreeSet<String>, used: Use) {
    for path in found {
        if used == Use::Stored {
            out.stored.insert(path.clone());
        }
        out.values.entry(path).or_default().extend(used.needs());
    }
}

fn collect(
    krate: &Krate<'_>,
    module: &str,
    ty: &Type,
    outermost: bool,
    found: &mut BTreeSet<String>,
) {
    match ty {
        Type::Tuple(tuple) => tuple
            .elems
            .iter()
            .for_each(|ty| collect(krate, module, ty, false, found)),
        Type::Array(array) => collect(krate, module, &array.elem, false, found),
        _ => {
            let path = krate.type_path(module, ty).unwrap_or_default();
            // What a function refuses with is shown, not passed.
            let is_result = outermost && path.rsplit("::").next() == Some("Result");
            let arguments = type_arguments(ty);
            let take = if is_result { 1 } else { arguments.len() };
            for ty in arguments.into_iter().take(take) {
                collect(krate, module, ty, false, found);
            }
            fields(krate, &path, found);
        }
    }
}

fn fields(krate: &Krate<'_>, path: &str, found: &mut BTreeSet<String>) {
    if let Some(item) = krate.types.get(path)
        && found.insert(path.to_owned())
    {
        for ty in item.fields() {
            collect(krate, &item.place.module, ty, false, found);
        }
    }
}

/// Gives every noted type the traits that it lacks, and asks about what they would lose.
pub(super) fn derive(out: &mut Out<'_, '_>) {
    for path in std::mem::take(&mut out.stored) {
        super::skipped::ask(out, &path);
    }
    for (path, needs) in std::mem::take(&mut out.values) {
        let Some(item) = out.krate.types.get(&path) else {
            continue;
        };
        let place = item.place.clone();
        let has: BTreeSet<String> = item.attrs.iter().flat_map(derives).collect();
        let implemented = |name: &str| {
            out.krate.impls.iter().any(|(place, item)| {
                let of = item
                    .trait_
                    .as_ref()
                    .and_then(|(path, _)| path.segments.last());
                of.is_some_and(|last| last.ident == name)
                    && out.krate.type_path(&place.module, &item.self_ty).as_ref() == Some(&path)
            })
        };
        let missing: Vec<&str> = needs
            .into_iter()
            .filter(|name| !has.contains(*name) && !implemented(name))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let imports = out.imports.entry(place.file).or_default();
        for name in &missing {
            imports.insert(format!("serde::{name}"));
        }
        let name = path.rsplit("::").next().unwrap_or(&path).to_owned();
        let last = item
            .attrs
            .iter()
            .rfind(|attr| attr.path().is_ident("derive"));
        match last.and_then(|attr| attr.meta.require_list().ok()) {
            Some(list) => {
                let close = out.range(place.file, list.delimiter.span().close()).start;
                let comma = if list.tokens.is_empty() { "" } else { ", " };
                out.edits
                    .insert(place.file, close, format!("{comma}{}", missing.join(", ")));
            }
            None => {
                let start = match item.item {
                    syn::Item::Struct(item) => {
                        start(out, place.file, &item.vis, item.struct_token.span())
                    }
                    syn::Item::Enum(item) => {
                        start(out, place.file, &item.vis, item.enum_token.span())
                    }
                    _ => continue,
                };
                out.annotate(
                    place.file,
                    start,
                    &format!("#[derive({})]", missing.join(", ")),
                );
            }
        }
        let span = item.item.span();
        out.decide(
            Kind::Derive,
            (&place, span),
            name,
            missing.join(", "),
            "it is stored, or passed between functions",
        );
    }
}

fn start(out: &Out<'_, '_>, file: usize, vis: &syn::Visibility, token: proc_macro2::Span) -> usize {
    match vis {
        syn::Visibility::Inherited => out.krate.range(file, token).start,
        vis => out.range(file, vis).start,
    }
}

/// The names in `#[derive(…)]`.
pub(super) fn derives(attr: &Attribute) -> Vec<String> {
    if !attr.path().is_ident("derive") {
        return Vec::new();
    }
    let paths = attr.parse_args_with(Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
    let last = |path: &syn::Path| path.segments.last().map(|s| plain(&s.ident));
    paths.iter().flatten().filter_map(last).collect()
}

/// Whether a role is one that types of values are wrapped in.
pub(super) fn is_wrapper(path: &str) -> bool {
    rules::role(path) == Some(Role::Argument)
}
