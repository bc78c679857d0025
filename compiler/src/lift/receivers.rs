//! Of what type of this crate a value is, as far as it is written down: whose method is called.

use super::{
    krate::{Function, Krate, type_arguments},
    plan::{Lent, Plan},
    rules::{self, Role},
    waits::{local, resolve},
};
use crate::read::plain;
use syn::{Expr, Item, Member, Pat, Stmt, Type};

/// How many steps are followed; a local may be made of itself.
const STEPS: u32 = 16;

/// Looks at the expressions of one function.
pub(super) struct Receivers<'p, 'k> {
    pub(super) krate: &'p Krate<'k>,
    pub(super) plan: &'p Plan<'k>,
    pub(super) function: &'p Function<'k>,
    pub(super) lent: &'p Lent<'p, 'k>,
}

impl Receivers<'_, '_> {
    /// The path of the type that `expr` is, borrows, owns together or locks.
    pub(super) fn of(&self, expr: &Expr) -> Option<String> {
        self.look(expr, STEPS)
    }

    fn look(&self, expr: &Expr, steps: u32) -> Option<String> {
        let steps = steps.checked_sub(1)?;
        match expr {
            Expr::Paren(inner) => self.look(&inner.expr, steps),
            Expr::Reference(inner) => self.look(&inner.expr, steps),
            Expr::Unary(inner) => self.look(&inner.expr, steps),
            Expr::Try(inner) => self.look(&inner.expr, steps),
            Expr::Await(inner) => self.look(&inner.base, steps),
            Expr::Struct(literal) => self.known(resolve(self.krate, self.function, &literal.path)),
            Expr::Path(path) => match local(expr).and_then(|name| self.named(&name, steps)) {
                Some(found) => Some(found),
                None => self.global(&resolve(self.krate, self.function, &path.path)),
            },
            Expr::Field(field) => {
                let owner = self.look(&field.base, steps)?;
                self.field(&owner, &field.member)
            }
            Expr::Call(call) => {
                let Expr::Path(func) = &*call.func else {
                    return None;
                };
                let path = resolve(self.krate, self.function, &func.path);
                match self.krate.functions.get(&path) {
                    Some(called) => self.output(called),
                    // `Arc::new(x)`, `Mutex::new(x)`, `Arc::clone(&x)`
                    None => {
                        let (of, _) = path.rsplit_once("::")?;
                        let inner = call.args.first().filter(|_| wraps(of))?;
                        self.look(inner, steps)
                    }
                }
            }
            Expr::MethodCall(call) => {
                let owner = self.look(&call.receiver, steps)?;
                let name = plain(&call.method);
                match self.krate.functions.get(&format!("{owner}::{name}")) {
                    Some(called) => self.output(called),
                    None => LENDS.contains(&name.as_str()).then_some(owner),
                }
            }
            _ => None,
        }
    }

    fn known(&self, path: String) -> Option<String> {
        self.krate.types.contains_key(&path).then_some(path)
    }

    /// The type of a local, an argument or `self`.
    fn named(&self, name: &str, steps: u32) -> Option<String> {
        if name == "self" {
            return self.function.owner.clone();
        }
        let module = &self.function.place.module;
        let mut found = None;
        if let Some(shared) = self.lent.names.get(name) {
            let ident = plain(&shared.item.ident);
            found = Some(format!("{}::{ident}", shared.place.module));
        }
        for (pattern, ty, _) in self.function.arguments() {
            if let Pat::Ident(ident) = super::plan::inner(pattern)
                && ident.ident == name
            {
                found = self.ty(module, ty);
            }
        }
        for statement in &self.function.block.stmts {
            let Stmt::Local(statement) = statement else {
                continue;
            };
            let (pattern, ty) = match &statement.pat {
                Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
                pattern => (pattern, None),
            };
            if matches!(pattern, Pat::Ident(ident) if ident.ident == name) {
                let made = statement.init.as_ref();
                found = match ty {
                    Some(ty) => self.ty(module, ty),
                    None => made.and_then(|init| self.look(&init.expr, steps)),
                };
            }
        }
        found
    }

    fn global(&self, path: &str) -> Option<String> {
        let mut statics = self.krate.statics.iter();
        let (place, item) = statics
            .find(|(place, item)| format!("{}::{}", place.module, plain(&item.ident)) == path)?;
        self.ty(&place.module, &item.ty)
    }

    fn field(&self, owner: &str, member: &Member) -> Option<String> {
        let ty = self.krate.types.get(owner)?;
        let Item::Struct(item) = ty.item else {
            return None;
        };
        let mut fields = item.fields.iter().enumerate();
        let (_, field) = fields.find(|(index, field)| match (member, &field.ident) {
            (Member::Named(name), Some(ident)) => name == ident,
            (Member::Unnamed(at), None) => at.index as usize == *index,
            _ => false,
        })?;
        self.ty(&ty.place.module, &field.ty)
    }

    fn output(&self, called: &Function<'_>) -> Option<String> {
        let output = called.output()?;
        let is_self = |ty: &Type| matches!(ty, Type::Path(ty) if ty.path.is_ident("Self"));
        if is_self(output) || type_arguments(output).first().is_some_and(|ty| is_self(ty)) {
            return called.owner.clone();
        }
        self.ty(&called.place.module, output)
    }

    fn ty(&self, module: &str, ty: &Type) -> Option<String> {
        if let Type::Reference(reference) = ty {
            return self.ty(module, &reference.elem);
        }
        let path = self.krate.type_path(module, ty)?;
        match type_arguments(ty).first() {
            Some(inner) if wraps(&path) => self.ty(module, inner),
            _ if self.plan.shared.contains_key(&path) => Some(path),
            _ => self.known(path),
        }
    }
}

/// Methods that give what they are called on, or a guard of it.
const LENDS: &[&str] = &[
    "as_mut", "as_ref", "clone", "expect", "lock", "read", "unwrap", "write",
];

/// Whether a type lends the one that it is of.
fn wraps(path: &str) -> bool {
    const WRAPS: &[&str] = &["Arc", "Box", "Option", "Rc", "Result"];
    rules::cell_of(path).is_some()
        || rules::is_lazy(path)
        || rules::role(path) == Some(Role::State)
        || WRAPS.contains(&path.rsplit("::").next().unwrap_or(path))
}
