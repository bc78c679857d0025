//! Where a collection may be: a `static`, or a field of a struct that is state.

use super::super::{
    StateCodec, StateDef, codec,
    invocation::{self, Collected, Loaded},
    object::{self, Field, Live},
};
use super::core::Core;
use crate::bounds::Stored;
use skylark_abi::call::{Failure, Variable};
use std::{any::Any, ops::Deref, rc::Rc};

/// What is read and written entry by entry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the `Map`, `List` or `Counter` of Skylark",
    label = "looks like one of Skylark's collections by its name, and is another type",
    note = "use `skylark::Map`, or write the other type with its path, as `serde_json::Map<String, Value>`"
)]
pub trait Collection: Sized + 'static {
    /// What an entry holds.
    type Value: Stored + 'static;

    /// An empty one.
    fn empty() -> Self;

    /// What it is.
    fn core(&self) -> &Core;
}

/// That `C` is a collection: where what it is made of is, and how its values are read
/// and written. So that rustc says once, at the type, that it is none.
pub struct IsCollection<C: 'static> {
    core: fn(&C) -> &Core,
    /// A [`StateCodec`] of its values' type.
    values: &'static Values,
}

/// A [`StateCodec`] of a type that is known elsewhere.
pub(super) type Values = dyn Any + Send + Sync;

/// Has rustc ask whether `C` is one.
pub const fn collection<C: Collection>() -> IsCollection<C> {
    collection_of(const { &codec::<C::Value>() })
}

/// The same of one whose values have been through migrations.
pub const fn collection_of<C: Collection>(
    values: &'static StateCodec<C::Value>,
) -> IsCollection<C> {
    IsCollection {
        core: C::core,
        values,
    }
}

/// A collection in a `static`. It derefs to the collection, and writes by `&self`.
pub struct Shared<C> {
    plain: C,
    def: &'static StateDef,
    values: &'static Values,
}

impl<C> std::fmt::Debug for Shared<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.def.fmt(f)
    }
}

impl<C: 'static> Shared<C> {
    /// A variable; `plain` is what plain code sees.
    pub const fn new(plain: C, def: &'static StateDef, is_one: &IsCollection<C>) -> Self {
        Self {
            plain,
            def,
            values: is_one.values,
        }
    }
}

impl<C: Collection> Deref for Shared<C> {
    type Target = C;

    fn deref(&self) -> &C {
        let address = std::ptr::from_ref(self).cast();
        invocation::enter(address, self.def, || {
            let variable = invocation::variable(self.def)?;
            let spare = invocation::spare(address).and_then(|cell| cell.downcast_ref::<C>());
            let cell: &'static C = spare.unwrap_or_else(|| Box::leak(Box::new(C::empty())));
            cell.core().bind(self.def, &variable, self.values)?;
            Ok(Box::new(Lent {
                address,
                cell,
                def: self.def,
                variable,
            }))
        })
        .and_then(|cell| cell.downcast_ref())
        .unwrap_or(&self.plain)
    }
}

/// A collection lent to one invocation for a [`Shared`]. It is leaked, since
/// references to a static may be kept for ever, and lent again afterwards.
struct Lent<C: Collection> {
    address: *const (),
    cell: &'static C,
    def: &'static StateDef,
    variable: Variable,
}

impl<C: Collection> Loaded for Lent<C> {
    fn variable(&self) -> &Variable {
        &self.variable
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        Some(self.cell)
    }

    fn collect(&self, _when: &str, collected: &mut Collected) -> Result<(), Failure> {
        self.cell.core().collect(self.def, collected)
    }

    fn put_away(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.cell.core().put_away();
        Ok(None)
    }

    fn save(&self, current: bool) -> Result<Vec<u8>, Failure> {
        self.cell.core().save(self.def, current)
    }

    fn restore(&self, saved: &[u8]) -> Result<(), Failure> {
        self.cell.core().restore(self.def, saved)
    }
}

impl<C: Collection> Drop for Lent<C> {
    fn drop(&mut self) {
        // Whoever kept a reference finds out.
        self.cell.core().put_away();
        invocation::give_back(self.address, self.cell);
    }
}

/// A collection in a field of `S`.
pub struct CollectionDef<S: 'static, C: 'static> {
    /// Its name in the source.
    pub ident: &'static str,
    /// The variable.
    pub def: &'static StateDef,
    /// Where it is.
    pub get: fn(&S) -> &C,
    /// That it is one.
    pub is_one: IsCollection<C>,
}

impl<S: 'static, C: 'static> Field<S> for CollectionDef<S, C> {
    fn ident(&self) -> &'static str {
        self.ident
    }

    fn load(&'static self, live: &Rc<Live<S>>) {
        let address = std::ptr::from_ref(self).cast();
        invocation::enter(address, self.def, || {
            let variable = invocation::variable(self.def)?;
            let field = InField {
                field: self,
                live: Rc::clone(live),
                variable,
            };
            let values = self.is_one.values;
            field.with(|core| core.bind(self.def, &field.variable, values))?;
            Ok(Box::new(field))
        });
    }
}

/// A field in one invocation.
struct InField<S: 'static, C: 'static> {
    field: &'static CollectionDef<S, C>,
    live: Rc<Live<S>>,
    variable: Variable,
}

impl<S, C> InField<S, C> {
    fn with<R>(&self, look: impl FnOnce(&Core) -> Result<R, Failure>) -> Result<R, Failure> {
        object::look(&self.live, self.field.def, |whole| {
            let core = self.field.is_one.core;
            look(core((self.field.get)(whole)))
        })
    }
}

impl<S, C> Loaded for InField<S, C> {
    fn variable(&self) -> &Variable {
        &self.variable
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        None
    }

    fn collect(&self, _when: &str, collected: &mut Collected) -> Result<(), Failure> {
        self.with(|core| core.collect(self.field.def, collected))
    }

    fn put_away(&self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }

    fn save(&self, current: bool) -> Result<Vec<u8>, Failure> {
        self.with(|core| core.save(self.field.def, current))
    }

    fn restore(&self, saved: &[u8]) -> Result<(), Failure> {
        self.with(|core| core.restore(self.field.def, saved))
    }
}
