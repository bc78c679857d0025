//! State variables: ordinary statics, and fields of structs, whose value belongs to
//! the invocation.
//!
//! Outside an invocation a variable is the plain static that the user wrote.
//! Inside one it is a cell of that invocation, loaded when it is first used:
//! from what the request carried, from the host, or with its initial value if
//! it was never written. Invocations on several threads of a test program
//! therefore see neither each other nor the plain static.

mod cell;
mod collections;
mod invocation;
mod migration;
mod object;
mod variable;

#[cfg(test)]
mod tests;

#[cfg(not(target_family = "wasm"))]
pub(crate) use collections::read_key;
pub use collections::{
    AsKey, Collection, CollectionDef, Counter, Key, KeyText, Keys, List, Map, Scan, Shared, Values,
    collection, collection_of,
};
pub(crate) use invocation::{Collected, Invocation, KeyOf, NONDET, Savepoint, cut, resume};
#[cfg(feature = "thrift")]
pub(crate) use object::check_wait;
pub use {
    cell::{Locked, StateCell},
    migration::{Migrated, Migration, migrated, older},
    object::{
        Field, FieldDef, FieldNames, Initial, Live, Object, ObjectDef, exclusive, same_key, shared,
        with, with_mut,
    },
    variable::{StateCodec, StateDef, codec},
};

use std::{ops::Deref, thread::LocalKey};
use variable::{Bound, Lent, Own, Parts};

/// A state variable in a `static`; dereferences to the type that the user wrote.
#[derive(Debug)]
pub struct State<C: StateCell> {
    plain: C,
    parts: Parts<C>,
}

impl<C: StateCell> State<C> {
    /// A variable that starts as `cell`; `init` makes the same cell again.
    pub const fn new(
        cell: C,
        init: fn() -> C,
        codec: StateCodec<C::Value>,
        def: &'static StateDef,
    ) -> Self {
        Self {
            plain: cell,
            parts: Parts::new(init, codec, def, None),
        }
    }

    /// The same, with the value of a variable that was never written.
    pub const fn with_default(
        cell: C,
        init: fn() -> C,
        codec: StateCodec<C::Value>,
        def: &'static StateDef,
        default: fn() -> C::Value,
    ) -> Self {
        Self {
            plain: cell,
            parts: Parts::new(init, codec, def, Some(default)),
        }
    }
}

impl<C: StateCell> Deref for State<C> {
    type Target = C;

    fn deref(&self) -> &C {
        let address = std::ptr::from_ref(self).cast();
        invocation::enter(address, self.parts.def(), || {
            let lent = Lent::new(address, &self.parts)?;
            Bound::load(lent, &self.parts)
        })
        .and_then(|cell| cell.downcast_ref())
        .unwrap_or(&self.plain)
    }
}

/// A state variable in a `thread_local!`; dereferences to its key.
#[derive(Debug)]
pub struct LocalState<C: StateCell> {
    key: &'static LocalKey<C>,
    parts: Parts<C>,
}

impl<C: StateCell> LocalState<C> {
    /// A variable behind `key`; `init` makes its initial cell again.
    pub const fn new(
        key: &'static LocalKey<C>,
        init: fn() -> C,
        codec: StateCodec<C::Value>,
        def: &'static StateDef,
    ) -> Self {
        Self {
            key,
            parts: Parts::new(init, codec, def, None),
        }
    }

    /// The same, with the value of a variable that was never written.
    pub const fn with_default(
        key: &'static LocalKey<C>,
        init: fn() -> C,
        codec: StateCodec<C::Value>,
        def: &'static StateDef,
        default: fn() -> C::Value,
    ) -> Self {
        Self {
            key,
            parts: Parts::new(init, codec, def, Some(default)),
        }
    }
}

impl<C: StateCell> Deref for LocalState<C> {
    type Target = LocalKey<C>;

    fn deref(&self) -> &LocalKey<C> {
        let address = std::ptr::from_ref(self).cast();
        invocation::enter(address, self.parts.def(), || {
            let own = Own::new(self.key, &self.parts)?;
            Bound::load(own, &self.parts)
        });
        self.key
    }
}
