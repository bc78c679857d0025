//! What serde's derives make of a struct's fields and an enum's variants.

use super::{
    serde::{Attributes, renamed},
    types::{Mention, Reader, opaque},
};
use crate::read::{plain, text};
use skylark_abi::shape::{Body, Field, Fields, Shape, Tagging, TypeShape, Variant};
use syn::{ItemEnum, ItemStruct, Type};

impl Reader<'_, '_> {
    pub(super) fn structure(
        &mut self,
        item: &ItemStruct,
        serde: &Attributes,
        scope: &Mention<'_>,
    ) -> Body {
        if serde.has("transparent") {
            let kept = item.fields.iter().find(|f| {
                let serde = Attributes::of(&f.attrs);
                !serde.has("skip") && !is_phantom(&f.ty)
            });
            return match kept {
                Some(field) => Body::Newtype(self.field(field, scope).1),
                None => Body::Unit,
            };
        }
        self.body(&item.fields, serde, serde.sides("rename_all"), scope)
    }

    fn body(
        &mut self,
        fields: &syn::Fields,
        serde: &Attributes,
        rules: (Option<&str>, Option<&str>),
        scope: &Mention<'_>,
    ) -> Body {
        match fields {
            syn::Fields::Unit => Body::Unit,
            syn::Fields::Unnamed(fields) => {
                let kept: Vec<_> = fields
                    .unnamed
                    .iter()
                    .filter(|f| !Attributes::of(&f.attrs).has("skip"))
                    .collect();
                let mut shapes: Vec<Shape> = kept.iter().map(|f| self.field(f, scope).1).collect();
                match (fields.unnamed.len(), shapes.pop()) {
                    (1, Some(only)) => Body::Newtype(only),
                    (_, last) => {
                        shapes.extend(last);
                        Body::Tuple(shapes)
                    }
                }
            }
            syn::Fields::Named(fields) => {
                let mut read = Fields {
                    strict: serde.has("deny_unknown_fields"),
                    ..Fields::default()
                };
                for field in &fields.named {
                    self.named(field, serde.has("default"), rules, scope, &mut read);
                }
                Body::Fields(read)
            }
        }
    }

    /// A field's attributes and shape.
    fn field(&mut self, field: &syn::Field, scope: &Mention<'_>) -> (Attributes, Shape) {
        let serde = Attributes::of(&field.attrs);
        let shape = match (serde.by_hand(), serde.unclear) {
            (Some(by), _) => opaque(format!("{} by {by}", text(&field.ty))),
            (None, true) => opaque(text(&field.ty)),
            (None, false) => self.of(&field.ty, scope),
        };
        (serde, shape)
    }

    fn named(
        &mut self,
        field: &syn::Field,
        all_default: bool,
        rules: (Option<&str>, Option<&str>),
        scope: &Mention<'_>,
        into: &mut Fields,
    ) {
        let (serde, shape) = self.field(field, scope);
        let Some(ident) = &field.ident else { return };
        if serde.has("skip") {
            return;
        }
        if serde.has("flatten") {
            match self.fields_of(&shape) {
                Some(inner) => {
                    into.open |= inner.open;
                    into.fields.extend(inner.fields);
                }
                None => into.open = true,
            }
            return;
        }
        let (written, mut read) = names(&serde, &plain(ident), rules, false);
        read.extend(serde.aliases());
        let hand = serde.by_hand().is_some();
        into.fields.push(Field {
            written: (!serde.has("skip_serializing")).then_some(written),
            optional: all_default
                || serde.has("default")
                || (!hand && matches!(shape, Shape::Option(_))),
            read: if serde.has("skip_deserializing") {
                Vec::new()
            } else {
                read
            },
            shape,
        });
    }

    /// The fields of one of the app's structs, where it is flattened into another.
    fn fields_of(&self, shape: &Shape) -> Option<Fields> {
        match shape {
            Shape::Named(path) => match self.types.get(path)? {
                TypeShape::Struct(Body::Fields(fields)) => Some(fields.clone()),
                TypeShape::Struct(Body::Newtype(inner)) => self.fields_of(inner),
                _ => None,
            },
            _ => None,
        }
    }

    /// `None` for one whose variants are not all told apart in the same way.
    pub(super) fn variants(
        &mut self,
        item: &ItemEnum,
        serde: &Attributes,
        scope: &Mention<'_>,
    ) -> Option<TypeShape> {
        let tagging = match (serde.value("tag"), serde.value("content")) {
            _ if serde.has("untagged") => Tagging::Untagged,
            (Some(tag), Some(content)) => Tagging::Adjacent(tag.into(), content.into()),
            (Some(tag), None) => Tagging::Internal(tag.into()),
            (None, _) => Tagging::External,
        };
        let mut variants = Vec::new();
        for variant in &item.variants {
            let own = Attributes::of(&variant.attrs);
            if own.unclear || own.has("untagged") {
                return None;
            }
            if own.has("skip") {
                continue;
            }
            let rules = serde.sides("rename_all");
            let (written, mut read) = names(&own, &plain(&variant.ident), rules, true);
            read.extend(own.aliases());
            let of_all = serde.sides("rename_all_fields");
            let of_own = own.sides("rename_all");
            let rules = (of_own.0.or(of_all.0), of_own.1.or(of_all.1));
            let body = match own.by_hand() {
                Some(by) => Body::Newtype(opaque(format!("{} by {by}", text(&variant.fields)))),
                None => {
                    let none = Attributes::default();
                    self.body(&variant.fields, &none, rules, scope)
                }
            };
            variants.push(Variant {
                written: (!own.has("skip_serializing")).then_some(written),
                read: if own.has("skip_deserializing") {
                    Vec::new()
                } else {
                    read
                },
                body,
            });
        }
        Some(TypeShape::Enum { tagging, variants })
    }
}

/// The written name, and the names that are read.
fn names(
    serde: &Attributes,
    ident: &str,
    rules: (Option<&str>, Option<&str>),
    variant: bool,
) -> (String, Vec<String>) {
    let given = serde.sides("rename");
    let name = |given: Option<&str>, rule: Option<&str>| match (given, rule) {
        (Some(given), _) => given.to_owned(),
        (None, Some(rule)) => renamed(ident, rule, variant).unwrap_or_else(|| ident.to_owned()),
        (None, None) => ident.to_owned(),
    };
    (name(given.0, rules.0), vec![name(given.1, rules.1)])
}

fn is_phantom(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "PhantomData"))
}
