//! What the running invocation has read and written so far.

use super::StateDef;
use crate::target::{self, Fetch};
use skylark_abi::call::{Failure, FailureKind, Field, Scope, Variable};
use std::{any::Any, cell::RefCell};

/// A variable that the invocation has loaded.
pub(super) trait Loaded {
    /// The variable.
    fn def(&self) -> &'static StateDef;

    /// Its cell, if it lasts for ever.
    fn cell(&self) -> Option<&'static dyn Any>;

    /// What to write, if the value has changed since it was loaded.
    fn change(&self) -> Result<Option<Vec<u8>>, Failure>;
}

/// A variable that the invocation has used; `None` while it is being loaded.
struct Used {
    /// Address of the static: its identity.
    address: *const (),
    loaded: Option<Box<dyn Loaded>>,
}

/// State of the invocation that runs on this thread.
struct Running {
    fields: Vec<Field>,
    complete: Vec<Scope>,
    fetch: Fetch,
    used: Vec<Used>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
    /// Cells of statics (by address) that invocations have given back.
    static SPARE: RefCell<Vec<(*const (), &'static dyn Any)>> = const { RefCell::new(Vec::new()) };
}

/// The state that an invocation touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    /// All of it.
    pub(crate) touched: Vec<Variable>,
    /// What changed.
    pub(crate) writes: Vec<Field>,
}

/// Makes this thread run an invocation, until it is dropped.
pub(crate) struct Invocation(());

impl Invocation {
    /// Starts with what the request carried; `fetch` reads what it did not.
    ///
    /// # Errors
    /// An invocation runs on this thread already.
    pub(crate) fn start(
        fields: Vec<Field>,
        complete: Vec<Scope>,
        fetch: Fetch,
    ) -> Result<Self, Failure> {
        RUNNING.with_borrow_mut(|running| {
            if running.is_some() {
                return Err(Failure::new(
                    FailureKind::Contract,
                    "a function was invoked from inside another on the same thread; \
                     call it as an ordinary function, or name it as a successor",
                ));
            }
            *running = Some(Running {
                fields,
                complete,
                fetch,
                used: Vec::new(),
            });
            Ok(Self(()))
        })
    }

    /// What was touched, and what of it changed.
    ///
    /// # Errors
    /// A variable is still locked, or its value cannot be serialized.
    pub(crate) fn collect(&self) -> Result<Collected, Failure> {
        let mut collected = Collected::default();
        // A `Serialize` of the user's may touch more variables: they are taken
        // out one by one, while nothing is borrowed.
        let take = |index: usize| {
            RUNNING.with_borrow_mut(|running| running.as_mut()?.used.get_mut(index)?.loaded.take())
        };
        let mut index = 0;
        while let Some(loaded) = take(index) {
            let variable = loaded.def().variable();
            let change = loaded.change();
            put_back(index, loaded);
            if let Some(value) = change? {
                collected.writes.push(Field {
                    variable: variable.clone(),
                    value: Some(value),
                });
            }
            collected.touched.push(variable);
            index += 1;
        }
        Ok(collected)
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        // Dropping what was used runs code of the user's: outside the borrow.
        let running = RUNNING.with_borrow_mut(Option::take);
        drop(running);
    }
}

fn put_back(index: usize, loaded: Box<dyn Loaded>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(used) = running.as_mut().and_then(|r| r.used.get_mut(index)) {
            used.loaded = Some(loaded);
        }
    });
}

/// Where the static at an address stands.
enum Standing {
    Plain,
    Loaded(Option<&'static dyn Any>),
    Loading,
    Unused(usize),
}

/// Makes sure that the static at `address` is loaded, if an invocation runs on
/// this thread, and gives its cell there. A failure ends the call.
pub(super) fn enter(
    address: *const (),
    def: &'static StateDef,
    load: impl FnOnce() -> Result<Box<dyn Loaded>, Failure>,
) -> Option<&'static dyn Any> {
    let standing = RUNNING.with_borrow_mut(|running| {
        let Some(running) = running else {
            return Standing::Plain;
        };
        match running.used.iter().find(|u| u.address == address) {
            Some(Used {
                loaded: Some(loaded),
                ..
            }) => Standing::Loaded(loaded.cell()),
            Some(_) => Standing::Loading,
            None => {
                running.used.push(Used {
                    address,
                    loaded: None,
                });
                Standing::Unused(running.used.len() - 1)
            }
        }
    });
    match standing {
        Standing::Plain => None,
        Standing::Loaded(cell) => cell,
        Standing::Loading => target::abort(def.failure(format_args!(
            "is used by its own initializer, default or serde implementation"
        ))),
        Standing::Unused(index) => match load() {
            Ok(loaded) => {
                let cell = loaded.cell();
                put_back(index, loaded);
                cell
            }
            Err(failure) => target::abort(failure),
        },
    }
}

/// Where the stored value of a variable is.
enum Source {
    Known(Option<Vec<u8>>),
    Host(Fetch),
}

/// The stored value of a variable; `None` if it was never written.
pub(super) fn stored(def: &StateDef) -> Result<Option<Vec<u8>>, Failure> {
    let variable = def.variable();
    let source = RUNNING.with_borrow_mut(|running| {
        let Some(running) = running else {
            return Source::Known(None);
        };
        match running.fields.iter_mut().find(|f| f.variable == variable) {
            Some(field) => Source::Known(field.value.take()),
            None if running.complete.contains(&def.scope) => Source::Known(None),
            None => Source::Host(running.fetch.clone()),
        }
    });
    match source {
        Source::Known(value) => Ok(value),
        Source::Host(fetch) => fetch.fetch(&variable),
    }
}

/// A cell of the static at `address` that no invocation uses.
pub(super) fn spare(address: *const ()) -> Option<&'static dyn Any> {
    SPARE.with_borrow_mut(|spare| {
        let index = spare.iter().position(|(a, _)| *a == address)?;
        Some(spare.swap_remove(index).1)
    })
}

/// Keeps a cell of the static at `address` for the next invocation.
pub(super) fn give_back(address: *const (), cell: &'static dyn Any) {
    // A thread that is ending has no next invocation.
    let _late = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut() {
            spare.push((address, cell));
        }
    });
}
