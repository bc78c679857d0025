//! What an expression does, and what its value is.

use super::{
    facts::{Step, Unseen, Val, What},
    names::{Res, Space},
    patterns::member,
    types::Ty,
    walk::Walker,
};
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::{BinOp, Expr, UnOp, spanned::Spanned, visit::Visit};

impl<'m> Walker<'_, 'm> {
    pub(super) fn expr(&mut self, expr: &'m Expr) -> Val {
        match expr {
            Expr::Path(path) => self.path(path, expr),
            Expr::Call(call) => self.call(call, expr),
            Expr::MethodCall(call) => self.method(call, expr),
            Expr::Macro(mac) => self.mac(&mac.mac, Some(expr)),
            Expr::Paren(inner) => self.expr(&inner.expr),
            Expr::Group(inner) => self.expr(&inner.expr),
            Expr::Block(inner) => self.block(&inner.block),
            Expr::Unsafe(inner) => self.block(&inner.block),
            Expr::Const(inner) => self.block(&inner.block),
            Expr::TryBlock(inner) => self.block(&inner.block),
            Expr::Async(inner) => self.inside(
                |context| &mut context.asyncs,
                |this| this.block(&inner.block),
            ),
            Expr::Closure(closure) => self.closure(closure, None),
            Expr::Field(field) => {
                let on = self.expr(&field.base);
                let name = member(&field.member);
                let ty = self.index.field(&on.ty, &name);
                self.field_of(&on, &name, ty, field.member.span())
            }
            Expr::Reference(inner) => {
                let of = self.expr(&inner.expr);
                let ty = Ty::Ref(Box::new(of.ty.clone()));
                if inner.mutability.is_none() {
                    return of.step(Step::Ref, ty);
                }
                let span = inner.and_token.span;
                self.fact(span, Some(expr), What::BorrowMut { of: of.clone() });
                of.step(Step::RefMut, ty)
            }
            Expr::Unary(inner) => {
                let of = self.expr(&inner.expr);
                match inner.op {
                    UnOp::Deref(_) => of.step(Step::Deref, inner_of(&of.ty)),
                    _ => Val::of(of.ty),
                }
            }
            Expr::Try(inner) => {
                let of = self.expr(&inner.expr);
                of.step(Step::Call("?".to_owned()), of.ty.argument(0))
            }
            Expr::Await(inner) => {
                let on = self.expr(&inner.base);
                let span = inner.await_token.span;
                self.fact(span, Some(expr), What::Await { on: on.clone() });
                let ty = match on.ty.path() {
                    Some("skylark::Call") => result(on.ty.argument(0)),
                    _ => on.ty.clone(),
                };
                on.step(Step::Call("await".to_owned()), ty)
            }
            Expr::Assign(assign) => {
                let right = self.expr(&assign.right);
                self.escape(&right, assign.eq_token.span);
                let to = self.expr(&assign.left);
                self.fact(assign.eq_token.span, Some(expr), What::Assign { to });
                Val::default()
            }
            Expr::Binary(binary) => self.binary(binary, expr),
            Expr::Cast(inner) => {
                let of = self.expr(&inner.expr);
                let ty = self.index.ty(&inner.ty, &self.scope);
                // A number is copied; a reference leads to where it led.
                match &*inner.ty {
                    syn::Type::Reference(_) | syn::Type::Ptr(_) => Val { ty, from: of.from },
                    _ => Val::of(ty),
                }
            }
            Expr::Index(inner) => {
                let on = self.expr(&inner.expr);
                self.expr(&inner.index);
                let ty = match on.ty.bare() {
                    Ty::Named(_, arguments) => arguments.last().cloned().unwrap_or_default(),
                    other => other.argument(0),
                };
                on.step(Step::Index, ty)
            }
            Expr::If(inner) => {
                self.frames.push(BTreeMap::new());
                self.expr(&inner.cond);
                let then = self.branch(|this| this.block(&inner.then_branch));
                self.frames.pop();
                let other = inner.else_branch.as_ref();
                let other = other.map(|(_, other)| self.branch(|this| this.expr(other)));
                self.either(then, other, inner.if_token.span)
            }
            Expr::Let(inner) => {
                let val = self.expr(&inner.expr);
                self.bind(&inner.pat, val);
                Val::of(Ty::foreign("bool"))
            }
            Expr::Match(inner) => {
                let on = self.expr(&inner.expr);
                let mut out = None;
                for arm in &inner.arms {
                    let val = self.branch(|this| {
                        this.bind(&arm.pat, on.clone());
                        this.expr(&arm.body)
                    });
                    out = Some(self.either(val, out, inner.match_token.span));
                }
                out.unwrap_or_default()
            }
            Expr::ForLoop(inner) => {
                let over = self.expr(&inner.expr);
                let span = inner.for_token.span;
                self.fact(span, Some(expr), What::For { over: over.clone() });
                let element = over.step(Step::Part, element(&over.ty));
                self.inside(
                    |context| &mut context.loops,
                    |this| {
                        this.bind(&inner.pat, element);
                        this.block(&inner.body)
                    },
                );
                Val::default()
            }
            Expr::While(inner) => {
                self.inside(
                    |context| &mut context.loops,
                    |this| {
                        this.expr(&inner.cond);
                        this.block(&inner.body)
                    },
                );
                Val::default()
            }
            Expr::Loop(inner) => {
                self.inside(|context| &mut context.loops, |this| this.block(&inner.body));
                Val::default()
            }
            Expr::Struct(inner) => self.literal(inner, expr),
            Expr::Tuple(inner) => {
                let vals: Vec<Val> = inner.elems.iter().map(|e| self.given(e)).collect();
                Val::of(Ty::Tuple(vals.into_iter().map(|val| val.ty).collect()))
            }
            Expr::Array(inner) => {
                let vals: Vec<Val> = inner.elems.iter().map(|e| self.given(e)).collect();
                let first = vals.into_iter().next().unwrap_or_default();
                Val::of(Ty::List(Box::new(first.ty)))
            }
            Expr::Repeat(inner) => {
                let of = self.given(&inner.expr);
                self.expr(&inner.len);
                Val::of(Ty::List(Box::new(of.ty)))
            }
            Expr::Range(inner) => {
                for bound in [&inner.start, &inner.end].into_iter().flatten() {
                    self.expr(bound);
                }
                Val::of(Ty::foreign("std::ops::Range"))
            }
            Expr::Return(inner) => {
                if let Some(value) = &inner.expr {
                    self.given(value);
                }
                Val::default()
            }
            Expr::Break(inner) => {
                if let Some(value) = &inner.expr {
                    self.given(value);
                }
                Val::default()
            }
            Expr::RawAddr(inner) => {
                let of = self.expr(&inner.expr);
                let span = inner.and_token.span;
                self.fact(span, Some(expr), What::BorrowMut { of });
                Val::default()
            }
            Expr::Yield(inner) => {
                if let Some(value) = &inner.expr {
                    self.given(value);
                }
                Val::default()
            }
            Expr::Lit(inner) => Val::of(literal(&inner.lit)),
            Expr::Verbatim(tokens) => {
                self.names_in(tokens.clone());
                let why = Unseen::Macro("syntax".to_owned());
                self.fact(tokens.span(), Some(expr), What::Unseen { why });
                Val::default()
            }
            _ => Val::default(),
        }
    }

    /// What one of two branches yields. A value is of one place only: the other's
    /// goes where it is not followed.
    fn either(&mut self, one: Val, other: Option<Val>, span: Span) -> Val {
        let Some(other) = other else { return one };
        let (kept, left) = match one.from {
            None => (other, one),
            Some(_) => (one, other),
        };
        if left.from.is_some() && left.from != kept.from {
            self.escape(&left, span);
        }
        match kept.ty {
            Ty::Unknown => Val {
                ty: left.ty,
                from: kept.from,
            },
            _ => kept,
        }
    }

    fn binary(&mut self, binary: &'m syn::ExprBinary, expr: &'m Expr) -> Val {
        let left = self.expr(&binary.left);
        match binary.op {
            BinOp::And(_) | BinOp::Or(_) => {
                // `if let … && …` binds for what comes after.
                let before = self.context;
                self.context.branches = self.context.branches.saturating_add(1);
                self.expr(&binary.right);
                self.context = before;
                Val::of(Ty::foreign("bool"))
            }
            BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_) => {
                self.expr(&binary.right);
                self.fact(binary.op.span(), Some(expr), What::Assign { to: left });
                Val::default()
            }
            BinOp::Eq(_)
            | BinOp::Ne(_)
            | BinOp::Lt(_)
            | BinOp::Le(_)
            | BinOp::Gt(_)
            | BinOp::Ge(_) => {
                self.expr(&binary.right);
                Val::of(Ty::foreign("bool"))
            }
            _ => {
                self.expr(&binary.right);
                Val::of(left.ty)
            }
        }
    }

    fn literal(&mut self, inner: &'m syn::ExprStruct, expr: &'m Expr) -> Val {
        self.types_in(|finder| finder.visit_path(&inner.path));
        for field in &inner.fields {
            self.given(&field.expr);
        }
        if let Some(rest) = &inner.rest {
            self.given(rest);
        }
        let mut ty = self.index.named(&inner.path, &self.scope);
        let target = match &ty {
            Ty::Named(res, _) => res.clone(),
            _ => self.resolved(&inner.path, Space::Type),
        };
        // A variant with fields.
        if let Res::Member(item, _) = target {
            ty = Ty::Named(Res::Item(item), Vec::new());
        }
        self.fact(inner.path.span(), Some(expr), What::Literal { target });
        Val::of(ty)
    }
}

fn inner_of(ty: &Ty) -> Ty {
    match ty {
        Ty::Ref(inner) => (**inner).clone(),
        other => other.bare().clone(),
    }
}

/// What a loop over a value gets.
fn element(ty: &Ty) -> Ty {
    match ty.bare() {
        Ty::Named(_, arguments) if arguments.len() == 2 => Ty::Tuple(arguments.clone()),
        other => other.argument(0),
    }
}

pub(super) fn result(ty: Ty) -> Ty {
    Ty::Named(Res::Foreign("std::result::Result".to_owned()), vec![ty])
}

fn literal(lit: &syn::Lit) -> Ty {
    match lit {
        syn::Lit::Str(_) => Ty::Ref(Box::new(Ty::foreign("str"))),
        syn::Lit::Bool(_) => Ty::foreign("bool"),
        syn::Lit::Char(_) => Ty::foreign("char"),
        syn::Lit::Float(_) => Ty::foreign("f64"),
        syn::Lit::Int(int) => match int.suffix() {
            "" => Ty::foreign("i32"),
            suffix => Ty::foreign(suffix),
        },
        _ => Ty::Unknown,
    }
}
