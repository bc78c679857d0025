//! All or nothing, within a function.

use crate::{journal, state::Savepoint, target};

/// Runs `body`; if it returns an `Err` or panics, everything that it wrote to
/// state is as it was before.
///
/// Together with what else the function writes, it takes effect in one step,
/// serializable, whatever services of the app the state belongs to: all of an
/// app's state is in one store. `body` can therefore neither await nor start
/// anything: a call inside it, which might go to another store, ends the function
/// before anything has happened.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
/// use std::{collections::BTreeMap, sync::Mutex};
///
/// #[skylark::state(default = BTreeMap::from([("ann".into(), 10)]))]
/// static ACCOUNTS: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());
///
/// #[skylark::function]
/// fn transfer(from: String, to: String, amount: i64) -> Result<(), String> {
///     skylark::transaction(|| {
///         let mut accounts = ACCOUNTS.lock().unwrap();
///         *accounts.entry(to).or_default() += amount;
///         let left = accounts.entry(from).or_default();
///         *left -= amount;
///         if *left < 0 { Err("not enough".to_owned()) } else { Ok(()) }
///     })
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// runtime.run::<()>("transfer", &("ann", "bob", 7))?;
/// assert!(runtime.run::<()>("transfer", &("ann", "bob", 7)).is_err());
/// let accounts: BTreeMap<String, i64> = runtime.state("ACCOUNTS")?.unwrap();
/// assert_eq!(accounts, BTreeMap::from([("ann".into(), 3), ("bob".into(), 7)]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What `body` returns.
pub fn transaction<T, E>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    /// Goes back when it is dropped: on an `Err`, and when a panic passes.
    struct Open(Option<Savepoint>);

    impl Open {
        fn undo(&mut self) {
            if let Some(before) = self.0.take()
                && let Err(failure) = before.restore()
                && !std::thread::panicking()
            {
                target::abort(failure);
            }
        }
    }

    impl Drop for Open {
        fn drop(&mut self) {
            self.undo();
        }
    }

    let before = Savepoint::now().unwrap_or_else(|failure| target::abort(failure));
    let mut open = Open(Some(before));
    let result = journal::inside("`skylark::transaction`", body);
    match &result {
        Ok(_) => open.0 = None,
        Err(_) => open.undo(),
    }
    result
}
