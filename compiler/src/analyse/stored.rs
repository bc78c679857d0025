//! What runs because a state variable is read or its key is made: migrations, and the
//! functions in the expression of `scope = key(…)`.
//!
//! They stand in an annotation, and run in the call that uses the variable: so they
//! belong to the body of its initializer, or, for a field, to each method of its struct.

use super::{Index, ItemId, Kind, ModuleId, Owner, Res, Space, facts::What};
use crate::read::{krate::StateItem, plain};
use std::collections::BTreeMap;
use syn::{Expr, ExprCall, ExprMethodCall, visit::Visit};

/// The functions that annotations name.
pub(super) struct Stored {
    /// By the file and place of a variable's name.
    statics: BTreeMap<(usize, usize), Vec<ItemId>>,
    /// By the file and name of a struct.
    objects: BTreeMap<(usize, String), Vec<ItemId>>,
}

impl Stored {
    pub(super) fn new(index: &Index<'_>) -> Self {
        let (mut statics, mut objects) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for state in &index.model.states {
            let named = named(index, state);
            if named.is_empty() {
                continue;
            }
            let place = &state.place;
            match state.schema.ident.split_once("::") {
                Some((object, _)) => {
                    let of = objects.entry((place.file, object.to_owned()));
                    of.or_default().extend(named);
                }
                None => drop(statics.insert((place.file, place.ident.start), named)),
            }
        }
        Self { statics, objects }
    }

    /// What an item's body runs because of annotations.
    pub(super) fn of<'m>(&self, index: &Index<'m>, id: ItemId) -> impl Iterator<Item = What<'m>> {
        let item = &index.items[id];
        let found = match &item.kind {
            _ if self.statics.is_empty() && self.objects.is_empty() => None,
            Kind::Static { .. } => {
                let start = index.locate(item.site).start;
                self.statics.get(&(item.site.file, start))
            }
            Kind::Fn(function) if function.sig.receiver().is_some() => match function.owner {
                Some(Owner::Impl(of)) => index.impls[of].ty.item().and_then(|object| {
                    let object = &index.items[object];
                    let key = (object.site.file, object.name.clone());
                    self.objects.get(&key)
                }),
                _ => None,
            },
            _ => None,
        };
        let named = found.cloned().unwrap_or_default();
        named.into_iter().map(|item| What::Path {
            target: Res::Item(item),
        })
    }
}

/// The functions of the crate that a variable's annotation names.
fn named(index: &Index<'_>, state: &StateItem) -> Vec<ItemId> {
    let Some(module) = index.module_at(&state.place.module) else {
        return Vec::new();
    };
    let mut names = Names {
        index,
        module,
        found: Vec::new(),
    };
    for path in &state.schema.migrate {
        if let Ok(path) = syn::parse_str(path) {
            names.path(&path);
        }
    }
    let key = state.schema.key.as_deref();
    if let Some(Ok(key)) = key.map(syn::parse_str::<Expr>) {
        names.visit_expr(&key);
    }
    names.found
}

/// Finds what an expression runs.
struct Names<'a, 'm> {
    index: &'a Index<'m>,
    module: ModuleId,
    found: Vec<ItemId>,
}

impl Names<'_, '_> {
    fn path(&mut self, path: &syn::Path) {
        let found = self.index.resolve(self.module, path, Space::Value);
        self.found.extend(found.item());
    }
}

impl Visit<'_> for Names<'_, '_> {
    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(path) = &*call.func {
            self.path(&path.path);
        }
        syn::visit::visit_expr_call(self, call);
    }

    /// The type of what it is called on is not looked for: any method of that name.
    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        let methods = self.index.by_method.get(&plain(&call.method));
        self.found.extend(methods.into_iter().flatten());
        syn::visit::visit_expr_method_call(self, call);
    }

    /// A text that names its arguments hides no call; what else a macro takes might.
    fn visit_macro(&mut self, mac: &syn::Macro) {
        let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        for expr in mac.parse_body_with(parser).into_iter().flatten() {
            self.visit_expr(&expr);
        }
    }
}
