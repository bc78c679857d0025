//! What the names of a pattern are bound to.

use super::{
    facts::{Place, Root, Step, Val, What},
    types::Ty,
    walk::{Walker, rooted},
};
use crate::read::plain;
use proc_macro2::Span;
use syn::{Member, Pat, Type, spanned::Spanned, visit::Visit};

impl<'m> Walker<'_, 'm> {
    pub(super) fn bind_name(&mut self, name: String, val: Val) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, val);
        }
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.local(name).is_some()
    }

    pub(super) fn local(&self, name: &str) -> Option<&Val> {
        self.frames.iter().rev().find_map(|frame| frame.get(name))
    }

    /// Binds the names of a pattern to the parts of a value.
    pub(super) fn bind(&mut self, pat: &'m Pat, val: Val) {
        match pat {
            Pat::Ident(pat) => {
                let name = plain(&pat.ident);
                if pat.by_ref.is_some() && pat.mutability.is_some() {
                    let what = What::BorrowMut { of: val.clone() };
                    self.fact(pat.ident.span(), None, what);
                }
                if let Some((_, inner)) = &pat.subpat {
                    self.bind(inner, val.clone());
                } else if name.starts_with(|c: char| c.is_ascii_uppercase()) {
                    return; // A constant or a unit variant.
                }
                let mut val = val;
                // What may be changed is no argument any more.
                let of_argument = |place: &Place| matches!(place.root, Root::Param(_));
                if pat.mutability.is_some() && pat.by_ref.is_none() {
                    val.from = val.from.filter(|place| !of_argument(place));
                }
                self.bind_name(name, val);
            }
            Pat::Type(pat) => {
                self.types_in(|finder| finder.visit_type(&pat.ty));
                let ty = self.index.ty(&pat.ty, &self.scope);
                let known = match &*pat.ty {
                    Type::Infer(_) => val.ty.clone(),
                    _ => ty,
                };
                let from = val.from.or_else(|| {
                    let root = self.object(&known)?;
                    rooted(root, Ty::Unknown).from
                });
                self.bind(&pat.pat, Val { ty: known, from });
            }
            Pat::Paren(pat) => self.bind(&pat.pat, val),
            Pat::Reference(pat) => self.bind(&pat.pat, val.step(Step::Deref, val.ty.clone())),
            Pat::Guard(pat) => {
                self.bind(&pat.pat, val);
                self.expr(&pat.guard);
            }
            Pat::Or(pat) => {
                pat.cases
                    .iter()
                    .for_each(|case| self.bind(case, val.clone()));
            }
            Pat::Tuple(pat) => {
                for (at, elem) in pat.elems.iter().enumerate() {
                    let ty = self.index.field(&val.ty, &at.to_string());
                    self.bind(elem, val.step(Step::Part, ty));
                }
            }
            Pat::Slice(pat) => {
                for elem in &pat.elems {
                    self.bind(elem, val.step(Step::Part, val.ty.argument(0)));
                }
            }
            Pat::TupleStruct(pat) => {
                let last = pat.path.segments.last().map(|s| plain(&s.ident));
                for (at, elem) in pat.elems.iter().enumerate() {
                    let ty = match last.as_deref() {
                        Some("Some" | "Ok") => val.ty.bare().argument(0),
                        Some("Err") => val.ty.bare().argument(1),
                        _ => self.index.field(&val.ty, &at.to_string()),
                    };
                    self.bind(elem, val.step(Step::Part, ty));
                }
            }
            Pat::Struct(pat) => {
                for field in &pat.fields {
                    let name = member(&field.member);
                    let ty = self.index.field(&val.ty, &name);
                    let val = self.field_of(&val, &name, ty, field.member.span());
                    self.bind(&field.pat, val);
                }
            }
            _ => {}
        }
    }

    /// A field of a value; of a struct whose fields are state, a place of its own.
    pub(super) fn field_of(&mut self, on: &Val, name: &str, ty: Ty, span: Span) -> Val {
        if on.ty.item().is_some() {
            let what = What::Field {
                on: on.clone(),
                name: name.to_owned(),
            };
            self.fact(span, None, what);
        }
        match self.object(&on.ty) {
            Some(root) => rooted(root, Ty::Unknown).step(Step::Field(name.to_owned()), ty),
            None => on.step(Step::Field(name.to_owned()), ty),
        }
    }
}

pub(super) fn member(member: &Member) -> String {
    match member {
        Member::Named(ident) => plain(ident),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
