//! What is kept in state: types that do not keep, first values that differ, sizes.

use super::{Lints, outside, statics::is_cell};
use crate::{
    analyse::{Index, Item, ItemId, Kind, ModuleId, Res, Site, Space, What},
    check::code::{Code, Diagnostic},
    read::{Annotation, plain},
};
use std::collections::BTreeSet;
use syn::{
    Expr, ExprLit, Field, Fields, FnArg, ImplItem, Lit, Type, spanned::Spanned, visit::Visit,
};

/// A variable: an annotated static, or a field of an annotated struct.
pub(super) struct Variable<'m> {
    /// As people say it: `SEEN`, `Hotel::rooms`.
    pub(super) name: String,
    /// The static or the struct.
    pub(super) item: ItemId,
    /// The field.
    pub(super) field: Option<&'m Field>,
    pub(super) ty: &'m Type,
    pub(super) site: Site,
}

/// Every state variable of the crate.
pub(super) fn variables<'m>(lints: &Lints<'_, 'm>) -> Vec<Variable<'m>> {
    let mut found = Vec::new();
    for (id, item) in lints.index.items.iter().enumerate() {
        if !lints.is(id, Annotation::State) {
            continue;
        }
        match &item.kind {
            Kind::Static { ty, .. } => found.push(Variable {
                name: item.name.clone(),
                item: id,
                field: None,
                ty,
                site: item.site,
            }),
            Kind::Struct(of) => {
                for (at, field) in of.fields.iter().enumerate() {
                    let own = field.ident.as_ref().map_or_else(|| at.to_string(), plain);
                    let span = field.ident.as_ref().map_or(field.ty.span(), |i| i.span());
                    found.push(Variable {
                        name: format!("{}::{own}", item.name),
                        item: id,
                        field: Some(field),
                        ty: &field.ty,
                        site: Site {
                            file: item.site.file,
                            span,
                        },
                    });
                }
            }
            _ => {}
        }
    }
    found
}

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for variable in variables(lints) {
        hashed(lints, &variable, found);
        interior(lints, &variable, found);
        large(lints, &variable, found);
        unstable(lints, &variable, found);
    }
}

fn finding(
    lints: &Lints<'_, '_>,
    code: Code,
    variable: &Variable<'_>,
    at: Site,
    message: String,
) -> Diagnostic {
    let mut d = lints.finding(code, at, message);
    let same = lints.index.file(at) == lints.index.file(variable.site)
        && lints.index.locate(at) == lints.index.locate(variable.site);
    if !same {
        let label = lints.label(variable.site, format!("in the state `{}`", variable.name));
        d.labels.push(label);
    }
    d
}

fn hashed(lints: &Lints<'_, '_>, variable: &Variable<'_>, found: &mut Vec<Diagnostic>) {
    if variable.field.is_some() && !writes(lints.index, variable.item) {
        return;
    }
    let is_hashed = |path: &str, _: &[String]| {
        matches!(
            path,
            "std::collections::HashMap" | "std::collections::HashSet"
        )
    };
    let Some(at) = Parts::find(lints.index, variable, &is_hashed) else {
        return;
    };
    let name = &variable.name;
    let message = format!("who only reads `{name}` writes it, too");
    let mut d = finding(lints, Code::HashState, variable, at, message);
    d.label = "encoded in another order in every call".into();
    d.help = vec!["a `BTreeMap` or `BTreeSet` encodes equal values equally".into()];
    found.push(d);
}

/// Whether a service has a method that may write.
fn writes(index: &Index<'_>, item: ItemId) -> bool {
    let impls = index.impls_of.get(&item).into_iter().flatten();
    let mut annotated = impls
        .map(|id| &index.impls[*id])
        .filter(|of| of.annotation.is_some());
    annotated.any(|of| {
        of.item.items.iter().any(|member| match member {
            ImplItem::Fn(method) => matches!(method.sig.inputs.first(),
                Some(FnArg::Receiver(receiver)) if crate::read::text(receiver).contains("mut")),
            _ => false,
        })
    })
}

fn interior(lints: &Lints<'_, '_>, variable: &Variable<'_>, found: &mut Vec<Diagnostic>) {
    let is_shared = |path: &str| matches!(path, "std::rc::Rc" | "std::sync::Arc");
    // What holds a static's value is the static's own cell.
    let of_field = variable.field.is_some();
    let escapes = |path: &str, around: &[String]| {
        let shared = around.iter().any(|path| is_shared(path));
        is_cell(path) && (of_field || shared)
    };
    let Some(at) = Parts::find(lints.index, variable, &escapes) else {
        return;
    };
    let name = &variable.name;
    let message = if of_field {
        format!("what is changed in `{name}` through `&self` is lost")
    } else {
        format!("what shares a value in `{name}` does not share it after a call")
    };
    let mut d = finding(lints, Code::InteriorState, variable, at, message);
    d.label = if of_field {
        "`&self` never writes".into()
    } else {
        "state is kept by value".into()
    };
    d.help = vec![if of_field {
        "take `&mut self` and a plain field".into()
    } else {
        "refer to the value by a key".into()
    }];
    found.push(d);
}

/// Types that a type is made of, with those of the crate's own.
struct Parts<'a, 'm> {
    index: &'a Index<'m>,
    wanted: &'a dyn Fn(&str, &[String]) -> bool,
    module: ModuleId,
    file: usize,
    /// The foreign types around, the innermost last.
    around: Vec<String>,
    seen: BTreeSet<ItemId>,
    found: Option<Site>,
}

impl<'a, 'm> Parts<'a, 'm> {
    /// The first part for which `wanted` holds, of its path and those around it.
    fn find(
        index: &'a Index<'m>,
        variable: &Variable<'_>,
        wanted: &'a dyn Fn(&str, &[String]) -> bool,
    ) -> Option<Site> {
        let mut parts = Parts {
            index,
            wanted,
            module: index.items[variable.item].module,
            file: variable.site.file,
            around: Vec::new(),
            seen: BTreeSet::from([variable.item]),
            found: None,
        };
        parts.visit_type(variable.ty);
        parts.found
    }

    fn fields(&mut self, item: &Item<'m>) {
        let outer = (self.module, self.file);
        (self.module, self.file) = (item.module, item.site.file);
        match &item.kind {
            Kind::Struct(of) => self.visit_fields(&of.fields),
            Kind::Enum(of) => of
                .variants
                .iter()
                .for_each(|v| self.visit_fields(&v.fields)),
            Kind::Alias(of) => self.visit_type(&of.ty),
            _ => {}
        }
        (self.module, self.file) = outer;
    }
}

impl Visit<'_> for Parts<'_, '_> {
    fn visit_fields(&mut self, fields: &Fields) {
        for field in fields {
            // What serde leaves out is not in the store.
            let skipped = field.attrs.iter().any(|attr| {
                attr.path().is_ident("serde") && crate::read::text(attr).contains("skip")
            });
            if !skipped {
                self.visit_type(&field.ty);
            }
        }
    }

    fn visit_type(&mut self, ty: &Type) {
        if self.found.is_some() {
            return;
        }
        let Type::Path(path) = ty else {
            return syn::visit::visit_type(self, ty);
        };
        match self.index.resolve(self.module, &path.path, Space::Type) {
            Res::Foreign(foreign) => {
                if (self.wanted)(&foreign, &self.around) {
                    let last = path.path.segments.last();
                    self.found = Some(Site {
                        file: self.file,
                        span: last.map_or(ty.span(), |last| last.ident.span()),
                    });
                    return;
                }
                self.around.push(foreign);
                syn::visit::visit_type(self, ty);
                self.around.pop();
            }
            Res::Item(item) if self.seen.insert(item) => {
                let index = self.index;
                self.fields(&index.items[item]);
                syn::visit::visit_type(self, ty);
            }
            _ => syn::visit::visit_type(self, ty),
        }
    }
}

/// What one call may write unless a node's operator allows more.
const MAX_STATE: u64 = 16 << 20;

fn large(lints: &Lints<'_, '_>, variable: &Variable<'_>, found: &mut Vec<Diagnostic>) {
    struct Arrays(Vec<(u64, proc_macro2::Span)>);
    impl Visit<'_> for Arrays {
        fn visit_type_array(&mut self, array: &syn::TypeArray) {
            if let Some(bytes) = size(array) {
                self.0.push((bytes, array.span()));
            } else {
                syn::visit::visit_type_array(self, array);
            }
        }
    }
    let mut arrays = Arrays(Vec::new());
    arrays.visit_type(variable.ty);
    // `vec![0; 20_000_000]` in what it begins with.
    let body = lints.index.body_of.get(&variable.item);
    let facts = body
        .into_iter()
        .flat_map(|body| &lints.index.bodies[*body].facts);
    for fact in facts {
        if let What::Macro { mac, .. } = &fact.what
            && mac.path.is_ident("vec")
            && let Ok(repeat) = syn::parse2::<syn::ExprRepeat>(in_brackets(mac))
            && let Some(len) = number(&repeat.len)
        {
            arrays.0.push((len, mac.tokens.span()));
        }
    }
    for (bytes, span) in arrays.0.into_iter().filter(|(bytes, _)| *bytes > MAX_STATE) {
        let at = Site {
            file: variable.site.file,
            span,
        };
        let name = &variable.name;
        let message = format!(
            "`{name}` takes at least {bytes} bytes, more than one call may write ({MAX_STATE}, `--max-state`)"
        );
        let mut d = finding(lints, Code::LargeState, variable, at, message);
        d.label = "is written whole".into();
        d.help = vec![
            "split it into several variables, or into one per key with `scope = key(…)`".into(),
        ];
        found.push(d);
    }
}

fn in_brackets(mac: &syn::Macro) -> proc_macro2::TokenStream {
    let tokens = &mac.tokens;
    quote::quote!([#tokens])
}

fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        _ => None,
    }
}

/// The fewest bytes that an array takes when it is stored: an element takes one at
/// least.
fn size(array: &syn::TypeArray) -> Option<u64> {
    let len = number(&array.len)?;
    let element = match &*array.elem {
        Type::Array(inner) => size(inner)?,
        Type::Path(path) => match path.path.get_ident()?.to_string().as_str() {
            "f32" => 5,
            "f64" => 9,
            "bool" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32"
            | "i64" | "i128" | "isize" | "char" => 1,
            _ => return None,
        },
        _ => return None,
    };
    Some(len.saturating_mul(element))
}

fn unstable(lints: &Lints<'_, '_>, variable: &Variable<'_>, found: &mut Vec<Diagnostic>) {
    let Some(body) = lints.index.body_of.get(&variable.item) else {
        return;
    };
    for fact in &lints.index.bodies[*body].facts {
        let (What::Call {
            target: Res::Foreign(path),
            ..
        }
        | What::Path {
            target: Res::Foreign(path),
        }) = &fact.what
        else {
            continue;
        };
        if outside::is_unstable(path) {
            let name = &variable.name;
            let message = format!("the first value of `{name}` is another in every call: `{path}`");
            let mut d = finding(lints, Code::UnstableDefault, variable, fact.site, message);
            d.label = "computed whenever the store has no value".into();
            d.help = vec![
                "begin with `None`, and write the value when it is first needed (`get_or_insert_with`)"
                    .into(),
            ];
            return found.push(d);
        }
    }
}
