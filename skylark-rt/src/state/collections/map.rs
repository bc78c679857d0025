//! Values by their keys.

use super::{
    super::variable::{self, decode, encode},
    core::Core,
    key::{AsKey, Key, KeyText},
    place::{Collection, Shared},
    scan::{Keys, Scan},
};
use crate::{bounds::Stored, target};
use std::{
    borrow::Borrow,
    marker::PhantomData,
    ops::{Bound, RangeBounds},
};

/// A map that is not read whole: its entries are read and written one by one, and
/// ordered by their keys.
///
/// Calls that touch different entries do not conflict. A call that has read an entry,
/// or that it is not there, is executed again if that changed before it took effect;
/// the same goes for [`Map::range`] and all that was in the range, and for
/// [`Map::len`].
///
/// In a `static`, what is written with `&mut self` here takes `&self`. In a struct that
/// is state, a method with `&self` only reads.
///
/// ```
/// use skylark::{Map, prelude::*};
///
/// #[skylark::state]
/// static BALANCES: Map<String, i64> = Map::new();
///
/// #[skylark::function]
/// fn deposit(account: String, cents: i64) -> i64 {
///     BALANCES.update(&account, |balance| {
///         let balance = balance.get_or_insert(0);
///         *balance += cents;
///         *balance
///     })
/// }
///
/// #[skylark::function]
/// fn richer_in_name(than: String) -> Option<(String, i64)> {
///     BALANCES.range(than..).next()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = skylark::native::Runtime::new();
/// runtime.run::<i64>("deposit", &("ann", 5))?;
/// assert_eq!(runtime.run::<i64>("deposit", &("ann", 7))?, 12);
/// let found: Option<(String, i64)> = runtime.run("richer_in_name", &"al")?;
/// assert_eq!(found, Some(("ann".to_owned(), 12)));
/// # Ok(())
/// # }
/// ```
///
/// Outside of a call, as in a unit test, it is an ordinary map in memory.
pub struct Map<K, V> {
    core: Core,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Map<K, V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            core: Core::new(),
            types: PhantomData,
        }
    }
}

impl<K: Key, V: Stored + 'static> Map<K, V> {
    /// The value under a key.
    pub fn get<Q: AsKey + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let stored = self.core.entry(KeyText::of(key).as_str());
        stored.map(|stored| self.read(&stored))
    }

    /// The values under several keys, read in one step.
    pub fn get_many<'k, Q: AsKey + ?Sized + 'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Q>,
    ) -> Vec<Option<V>>
    where
        K: Borrow<Q>,
    {
        let keys = keys
            .into_iter()
            .map(|key| KeyText::of(key).as_str().to_owned());
        let keys: Vec<String> = keys.collect();
        self.core.fetch(&keys);
        let values = keys.iter().map(|key| self.core.entry(key));
        values.map(|stored| Some(self.read(&stored?))).collect()
    }

    /// Whether there is a value under a key.
    pub fn contains_key<Q: AsKey + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.core.entry(KeyText::of(key).as_str()).is_some()
    }

    /// How many entries there are; with a `ttl`, those that are over count until the
    /// store has swept them. Conflicts with all that add and remove.
    pub fn len(&self) -> u64 {
        self.core.len_of_map()
    }

    /// Whether there is none. Conflicts with what changes that.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// The entries between two keys, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> Scan<'_, K, V> {
        let text = |bound: Bound<&K>| bound.map(|key| KeyText::of(key).as_str().to_owned());
        Scan::new(
            &self.core,
            text(range.start_bound()),
            text(range.end_bound()),
        )
    }

    /// All entries in order, as far as a call may scan.
    pub fn iter(&self) -> Scan<'_, K, V> {
        self.range(..)
    }

    /// All keys in order, as far as a call may scan.
    pub fn keys(&self) -> Keys<'_, K, V> {
        self.iter().keys()
    }

    /// The first entry.
    pub fn first(&self) -> Option<(K, V)> {
        self.iter().limit(1).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<(K, V)> {
        self.iter().rev().limit(1).next()
    }

    /// Puts a value under a key, and returns the one that was there. [`Map::set`]
    /// does not read it.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.exchange(&key, Some(&value))
    }

    /// Puts a value under a key, without reading: calls that only do so do not
    /// conflict.
    pub fn set(&mut self, key: K, value: V) {
        self.overwrite(&key, Some(&value));
    }

    /// Removes an entry, and returns its value. [`Map::delete`] does not read it.
    pub fn remove<Q: AsKey + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.exchange(key, None)
    }

    /// Removes an entry, without reading.
    pub fn delete<Q: AsKey + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.overwrite(key, None);
    }

    /// Lends the value under a key to `change`, which may put one there or take it
    /// away.
    pub fn update<Q: AsKey + ?Sized, R>(
        &mut self,
        key: &Q,
        change: impl FnOnce(&mut Option<V>) -> R,
    ) -> R
    where
        K: Borrow<Q>,
    {
        self.change(key, change)
    }

    fn exchange<Q: AsKey + ?Sized>(&self, key: &Q, value: Option<&V>) -> Option<V> {
        let text = KeyText::of(key);
        let before = self.core.entry(text.as_str());
        if before.is_some() || value.is_some() {
            self.write(&text, value);
        }
        before.map(|stored| self.read(&stored))
    }

    fn overwrite<Q: AsKey + ?Sized>(&self, key: &Q, value: Option<&V>) {
        self.write(&KeyText::of(key), value);
    }

    fn change<Q: AsKey + ?Sized, R>(&self, key: &Q, change: impl FnOnce(&mut Option<V>) -> R) -> R {
        let text = KeyText::of(key);
        let before = self.core.entry(text.as_str());
        let mut value = before.as_deref().map(|stored| self.read(stored));
        // Of one that was migrated, what it would be by now.
        let unchanged = before.map(|stored| {
            let now = || {
                Ok(value
                    .as_ref()
                    .map(|value| self.written(value))
                    .unwrap_or_default())
            };
            variable::before(self.core.codec::<V>(), stored, now).unwrap_or_default()
        });
        let changed = change(&mut value);
        let after = value.as_ref().map(|value| self.written(value));
        if after != unchanged {
            self.core.write(text.as_str(), after);
        }
        changed
    }

    fn write(&self, key: &KeyText, value: Option<&V>) {
        let value = value.map(|value| self.written(value));
        self.core.write(key.as_str(), value);
    }

    fn written(&self, value: &V) -> Vec<u8> {
        encode(self.core.codec(), self.core.def(), value)
            .unwrap_or_else(|failure| target::abort(failure))
    }

    fn read(&self, stored: &[u8]) -> V {
        decode(self.core.codec(), self.core.def(), stored)
            .unwrap_or_else(|failure| target::abort(failure))
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> std::fmt::Debug for Map<K, V> {
    /// Reads nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Map")
    }
}

impl<K: Key, V: Stored + 'static> Collection for Map<K, V> {
    type Value = V;

    fn empty() -> Self {
        Self::new()
    }

    fn core(&self) -> &Core {
        &self.core
    }
}

impl<K: Key, V: Stored + 'static> Shared<Map<K, V>> {
    /// [`Map::insert`].
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.exchange(&key, Some(&value))
    }

    /// [`Map::set`].
    pub fn set(&self, key: K, value: V) {
        self.overwrite(&key, Some(&value));
    }

    /// [`Map::remove`].
    pub fn remove<Q: AsKey + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.exchange(key, None)
    }

    /// [`Map::delete`].
    pub fn delete<Q: AsKey + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.overwrite(key, None);
    }

    /// [`Map::update`].
    pub fn update<Q: AsKey + ?Sized, R>(
        &self,
        key: &Q,
        change: impl FnOnce(&mut Option<V>) -> R,
    ) -> R
    where
        K: Borrow<Q>,
    {
        self.change(key, change)
    }
}
