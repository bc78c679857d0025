//! Values by their position.

use super::{
    super::variable::{decode, encode},
    core::Core,
    place::{Collection, Shared},
    scan::{Scan, Values},
};
use crate::{bounds::Stored, target};
use skylark_abi::protocol::end_key;
use std::{
    marker::PhantomData,
    ops::{Bound, RangeBounds},
};

/// A list that is not read whole: its entries are read and written one by one, by
/// their position.
///
/// Pushing reads nothing: many push at once without conflict, in the order in which
/// they take effect. What reads the end ([`List::len`], [`List::pop`], a range that
/// reaches it) conflicts with them.
///
/// In a `static`, what is written with `&mut self` here takes `&self`.
///
/// ```
/// use skylark::{List, prelude::*};
///
/// #[skylark::state]
/// static ORDERS: List<String> = List::new();
///
/// #[skylark::function]
/// fn request(what: String) {
///     ORDERS.push(what);
/// }
///
/// #[skylark::function]
/// fn latest(count: usize) -> Vec<String> {
///     ORDERS.range(..).rev().limit(count).values().collect()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = skylark::native::Runtime::new();
/// for what in ["tea", "rice", "figs"] {
///     runtime.run::<()>("request", &what)?;
/// }
/// assert_eq!(runtime.run::<Vec<String>>("latest", &2)?, ["figs", "rice"]);
/// # Ok(())
/// # }
/// ```
pub struct List<T> {
    core: Core,
    types: PhantomData<fn() -> T>,
}

impl<T> List<T> {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            core: Core::new(),
            types: PhantomData,
        }
    }
}

impl<T: Stored + 'static> List<T> {
    /// How many entries there are. Conflicts with all that push and pop.
    pub fn len(&self) -> u64 {
        self.core.len_of_list()
    }

    /// Whether there is none. Conflicts with what changes that.
    pub fn is_empty(&self) -> bool {
        self.get(0).is_none()
    }

    /// The entry at `index`.
    pub fn get(&self, index: u64) -> Option<T> {
        self.core.at(index).map(|stored| self.read(&stored))
    }

    /// The last entry.
    pub fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Positions and entries between two positions, in order.
    pub fn range(&self, range: impl RangeBounds<u64>) -> Scan<'_, u64, T> {
        let key = |bound: Bound<&u64>| bound.map(|index| end_key(*index));
        Scan::new(&self.core, key(range.start_bound()), key(range.end_bound()))
    }

    /// All entries in order, as far as a call may scan.
    pub fn iter(&self) -> Values<'_, u64, T> {
        self.range(..).values()
    }

    /// Appends an entry, without reading.
    pub fn push(&mut self, value: T) {
        self.append(&value);
    }

    /// Replaces the entry at `index` and returns it; `None` if there is none, and
    /// nothing is written.
    pub fn set(&mut self, index: u64, value: T) -> Option<T> {
        self.replace(index, &value)
    }

    /// Takes the last entry off.
    pub fn pop(&mut self) -> Option<T> {
        self.core.pop().map(|stored| self.read(&stored))
    }

    fn append(&self, value: &T) {
        self.core.push(self.written(value));
    }

    fn replace(&self, index: u64, value: &T) -> Option<T> {
        let before = self.core.replace(index, self.written(value));
        before.map(|stored| self.read(&stored))
    }

    fn written(&self, value: &T) -> Vec<u8> {
        encode(self.core.codec(), self.core.def(), value)
            .unwrap_or_else(|failure| target::abort(failure))
    }

    fn read(&self, stored: &[u8]) -> T {
        decode(self.core.codec(), self.core.def(), stored)
            .unwrap_or_else(|failure| target::abort(failure))
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::fmt::Debug for List<T> {
    /// Reads nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("List")
    }
}

impl<T: Stored + 'static> Collection for List<T> {
    type Value = T;

    fn empty() -> Self {
        Self::new()
    }

    fn core(&self) -> &Core {
        &self.core
    }
}

impl<T: Stored + 'static> Shared<List<T>> {
    /// [`List::push`].
    pub fn push(&self, value: T) {
        self.append(&value);
    }

    /// [`List::set`].
    pub fn set(&self, index: u64, value: T) -> Option<T> {
        self.replace(index, &value)
    }

    /// [`List::pop`].
    pub fn pop(&self) -> Option<T> {
        self.core.pop().map(|stored| self.read(&stored))
    }
}
