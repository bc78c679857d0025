//! A number that is added to.

use super::{
    core::Core,
    place::{Collection, Shared},
};

/// A number that many add to at once, without waiting for each other or conflicting:
/// what is added is added when the call takes effect, to whatever the number is then.
///
/// Reading it is what conflicts: a call that has read it is executed again if it was
/// added to meanwhile. The number ends at the bounds of `i64`, where it stays.
///
/// In a `static`, what is written with `&mut self` here takes `&self`.
///
/// ```
/// use skylark::{Counter, prelude::*};
///
/// #[skylark::state]
/// static VISITS: Counter = Counter::new();
///
/// #[skylark::function]
/// fn visit(guests: i64) {
///     VISITS.add(guests);
/// }
///
/// #[skylark::function]
/// fn visits() -> i64 {
///     VISITS.get()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = skylark::native::Runtime::new();
/// runtime.run::<()>("visit", &2)?;
/// runtime.run::<()>("visit", &3)?;
/// assert_eq!(runtime.run::<i64>("visits", &())?, 5);
/// # Ok(())
/// # }
/// ```
pub struct Counter(Core);

impl Counter {
    /// Zero.
    pub const fn new() -> Self {
        Self(Core::new())
    }

    /// The number, with what this call has added.
    pub fn get(&self) -> i64 {
        self.0.sum()
    }

    /// Adds, without reading.
    pub fn add(&mut self, addend: i64) {
        self.0.add(addend);
    }

    /// Takes away, without reading.
    pub fn sub(&mut self, subtrahend: i64) {
        self.0.add(subtrahend.saturating_neg());
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Counter {
    /// Reads nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counter")
    }
}

impl Collection for Counter {
    type Value = i64;

    fn empty() -> Self {
        Self::new()
    }

    fn core(&self) -> &Core {
        &self.0
    }
}

impl Shared<Counter> {
    /// [`Counter::add`].
    pub fn add(&self, addend: i64) {
        self.0.add(addend);
    }

    /// [`Counter::sub`].
    pub fn sub(&self, subtrahend: i64) {
        self.0.add(subtrahend.saturating_neg());
    }
}
