//! A crate as lift reads it: its parsed files, and every item by its full path.

use super::names::Names;
use crate::read::{
    krate::{Model, SourceFile, SourceSpan, Syntax, is_test},
    plain,
};
use proc_macro2::Span;
use std::{collections::BTreeMap, ops::Range};
use syn::{
    Attribute, Block, FnArg, ImplItem, Item, ItemImpl, ItemMacro, ItemMod, ItemStatic, ItemType,
    Pat, Path, ReturnType, Signature, Type, Visibility, spanned::Spanned as _,
};

/// The parsed files of a crate.
#[derive(Clone, Copy)]
pub(super) struct Parsed<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) syntax: &'a Syntax,
}

/// The items of a crate.
pub(super) struct Krate<'a> {
    pub(super) files: Vec<Parsed<'a>>,
    pub(super) names: Names<'a>,
    /// Functions, and methods as `app::state::AppState::take`.
    pub(super) functions: BTreeMap<String, Function<'a>>,
    /// Structs and enums.
    pub(super) types: BTreeMap<String, TypeItem<'a>>,
    pub(super) statics: Vec<(Place, &'a ItemStatic)>,
    pub(super) impls: Vec<(Place, &'a ItemImpl)>,
    pub(super) macros: Vec<(Place, &'a ItemMacro)>,
    /// `#[cfg(test)]` modules.
    pub(super) tests: Vec<(Place, &'a ItemMod)>,
    /// `type A = B;`
    pub(super) aliases: BTreeMap<String, (Place, &'a ItemType)>,
}

/// Where an item is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) module: String,
}

/// A function or method with a body.
#[derive(Clone)]
pub(super) struct Function<'a> {
    pub(super) place: Place,
    pub(super) attrs: &'a [Attribute],
    pub(super) vis: Option<&'a Visibility>,
    pub(super) sig: &'a Signature,
    pub(super) block: &'a Block,
    /// Everything from its first attribute to its last brace.
    pub(super) span: Span,
    /// The type that it is a method of.
    pub(super) owner: Option<String>,
    /// The trait that it is a method of.
    pub(super) of_trait: Option<String>,
}

/// A struct or an enum.
pub(super) struct TypeItem<'a> {
    pub(super) place: Place,
    pub(super) attrs: &'a [Attribute],
    pub(super) item: &'a Item,
}

impl Function<'_> {
    /// Its arguments without `self`: pattern and type.
    pub(super) fn arguments(&self) -> impl Iterator<Item = (&Pat, &Type, Span)> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some((&*typed.pat, &*typed.ty, typed.span())),
            FnArg::Receiver(_) => None,
        })
    }

    /// Its full path.
    pub(super) fn path(&self) -> String {
        let home = self.owner.as_ref().unwrap_or(&self.place.module);
        format!("{home}::{}", plain(&self.sig.ident))
    }

    /// What it returns, if it says so.
    pub(super) fn output(&self) -> Option<&Type> {
        match &self.sig.output {
            ReturnType::Type(_, ty) => Some(ty),
            ReturnType::Default => None,
        }
    }
}

impl TypeItem<'_> {
    /// The types of its fields, of all variants.
    pub(super) fn fields(&self) -> Vec<&Type> {
        match self.item {
            Item::Struct(item) => item.fields.iter().map(|field| &field.ty).collect(),
            Item::Enum(item) => {
                let variants = item.variants.iter();
                variants
                    .flat_map(|v| v.fields.iter().map(|field| &field.ty))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Krate<'a> {
    /// The items of a crate, all of whose files are Rust.
    pub(super) fn new(model: &'a Model) -> Self {
        let files = model.files.iter().zip(&model.syntax);
        let files = files.filter_map(|(source, syntax)| {
            let syntax = syntax.as_deref()?;
            Some(Parsed { source, syntax })
        });
        let mut krate = Self {
            files: files.collect(),
            names: Names::new(model),
            functions: BTreeMap::new(),
            types: BTreeMap::new(),
            statics: Vec::new(),
            impls: Vec::new(),
            macros: Vec::new(),
            tests: Vec::new(),
            aliases: BTreeMap::new(),
        };
        for index in 0..krate.files.len() {
            let Parsed { source, syntax } = krate.files[index];
            // What is generated is nobody's to change.
            if !is_generated(&source.text) {
                krate.items(index, &source.module, &syntax.file.items);
            }
        }
        krate
    }

    fn items(&mut self, file: usize, module: &str, items: &'a [Item]) {
        for item in items {
            let place = Place {
                file,
                module: module.to_owned(),
            };
            let path = |ident| format!("{module}::{}", plain(ident));
            match item {
                Item::Fn(item) => {
                    let function = Function {
                        place,
                        attrs: &item.attrs,
                        vis: Some(&item.vis),
                        sig: &item.sig,
                        block: &item.block,
                        span: item.span(),
                        owner: None,
                        of_trait: None,
                    };
                    self.functions.insert(path(&item.sig.ident), function);
                }
                Item::Struct(syn::ItemStruct { ident, attrs, .. })
                | Item::Enum(syn::ItemEnum { ident, attrs, .. }) => {
                    let found = TypeItem { place, attrs, item };
                    self.types.insert(path(ident), found);
                }
                Item::Static(item) => self.statics.push((place, item)),
                Item::Macro(item) => self.macros.push((place, item)),
                Item::Type(item) => {
                    self.aliases.insert(path(&item.ident), (place, item));
                }
                Item::Impl(item) => self.methods(place, item),
                Item::Mod(item) if is_test(&item.attrs) => self.tests.push((place, item)),
                Item::Mod(item) => {
                    if let Some((_, inner)) = &item.content {
                        self.items(file, &path(&item.ident), inner);
                    }
                }
                _ => {}
            }
        }
    }

    fn methods(&mut self, place: Place, item: &'a ItemImpl) {
        let owner = path_of(&item.self_ty).map(|path| self.names.resolve(&place.module, path));
        let trait_path = item.trait_.as_ref().map(|(path, _)| path);
        let of_trait = trait_path.map(|path| self.names.resolve(&place.module, path));
        if let Some(owner) = &owner {
            for inner in &item.items {
                let ImplItem::Fn(method) = inner else {
                    continue;
                };
                let function = Function {
                    place: place.clone(),
                    attrs: &method.attrs,
                    vis: Some(&method.vis),
                    sig: &method.sig,
                    block: &method.block,
                    span: method.span(),
                    owner: Some(owner.clone()),
                    of_trait: of_trait.clone(),
                };
                let path = format!("{owner}::{}", plain(&method.sig.ident));
                self.functions.insert(path, function);
            }
        }
        self.impls.push((place, item));
    }

    /// The bytes of a span.
    pub(super) fn range(&self, file: usize, span: Span) -> Range<usize> {
        let at = self.locate(file, span);
        at.start..at.end
    }

    /// Where a span is.
    pub(super) fn locate(&self, file: usize, span: Span) -> SourceSpan {
        self.files[file].source.locate(span)
    }

    /// The text of a span.
    pub(super) fn text(&self, file: usize, span: Span) -> &'a str {
        let range = self.range(file, span);
        self.source(file).get(range).unwrap_or_default()
    }

    /// A file.
    pub(super) fn source(&self, file: usize) -> &'a str {
        &self.files[file].source.text
    }

    /// The full path of a type, if it has one.
    pub(super) fn type_path(&self, module: &str, ty: &Type) -> Option<String> {
        path_of(ty).map(|path| self.names.resolve(module, path))
    }
}

/// Whether a tool has made a file, by what such tools write first.
fn is_generated(text: &str) -> bool {
    let mut first = text.lines().take(3);
    first.any(|line| line.starts_with("// Autogenerated by") || line.contains("@generated"))
}

/// The path that a type is.
pub(super) fn path_of(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(ty) if ty.qself.is_none() => Some(&ty.path),
        Type::Group(ty) => path_of(&ty.elem),
        Type::Paren(ty) => path_of(&ty.elem),
        _ => None,
    }
}

/// The type arguments of a path's last segment.
pub(super) fn type_arguments(ty: &Type) -> Vec<&Type> {
    let last = path_of(ty).and_then(|path| path.segments.last());
    match last.map(|segment| &segment.arguments) {
        Some(syn::PathArguments::AngleBracketed(arguments)) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                syn::GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
