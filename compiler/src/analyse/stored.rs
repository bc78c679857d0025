//! What runs because a state variable is read or its key is made: migrations, and the
//! expression of `scope = key(…)`.
//!
//! They stand in an annotation, and run in the call that uses the variable. So a static's
//! belong to the body of its initializer, and those of fields to a body of their struct,
//! which everything runs that has the struct.

use super::{
    Index, ItemId, Kind, Owner,
    facts::{Val, What},
    names::{Res, Space},
    states::States,
    walk::Walker,
};
use crate::read::krate::StateItem;
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::spanned::Spanned;

/// The variables with something to run, by the static or the struct that they are of.
pub(super) struct Stored<'m>(BTreeMap<ItemId, Vec<&'m StateItem>>);

impl<'m> Stored<'m> {
    pub(super) fn new(index: &Index<'m>) -> Self {
        let states = &index.model.states;
        let runs = |state: &StateItem| state.key.is_some() || !state.migrate.is_empty();
        let numbers = if states.iter().any(runs) {
            States::new(index).by_item()
        } else {
            BTreeMap::new()
        };
        let of = numbers.into_iter().map(|(item, numbers)| {
            let states = numbers.into_iter().map(|number| &states[number]);
            (item, states.filter(|state| runs(state)).collect::<Vec<_>>())
        });
        Self(of.filter(|(_, states)| !states.is_empty()).collect())
    }

    /// The variables of a static or a struct.
    pub(super) fn of(&self, item: ItemId) -> &[&'m StateItem] {
        self.0.get(&item).map_or(&[], Vec::as_slice)
    }

    /// The struct that a method has, if its fields have something to run.
    pub(super) fn object(&self, index: &Index<'m>, method: ItemId) -> Option<ItemId> {
        let Kind::Fn(function) = &index.items[method].kind else {
            return None;
        };
        function.sig.receiver()?;
        let Some(Owner::Impl(of)) = function.owner else {
            return None;
        };
        let object = index.impls[of].ty.item()?;
        self.0.contains_key(&object).then_some(object)
    }
}

impl<'m> Walker<'_, 'm> {
    /// What the annotations of variables run. A migration runs where a value is old, a key
    /// is made where the variable is used: neither happens whichever way a function goes.
    pub(super) fn annotations(&mut self, states: &[&'m StateItem]) {
        for path in states.iter().flat_map(|state| &state.migrate) {
            let target = self.resolved(path, Space::Value);
            self.branch(|this| this.fact(path.span(), None, What::Path { target }));
        }
        // The fields of a struct have one key.
        let Some(key) = states.iter().find_map(|state| state.key.as_ref()) else {
            return;
        };
        self.branch(|this| {
            for argument in key.arguments() {
                this.bind_name(argument.to_owned(), Val::default());
            }
            this.expr(&key.expr);
        });
    }

    /// A method has its struct, so what the annotations of the fields run may run.
    pub(super) fn own(&mut self, object: ItemId, span: Span) {
        let target = Res::Item(object);
        self.fact(span, None, What::Path { target });
    }
}
