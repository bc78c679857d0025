//! State in a struct: every field is a variable of its own, and what runs sees
//! the struct.
//!
//! An invocation has one value of the struct, in which the fields that it needs are
//! put when they are needed; the others keep what the struct begins with. A value
//! is lent for as long as a closure runs, so no borrow of it outlives a wait.

use super::{
    invocation::{self, Collected, Earlier, Found, Loaded},
    variable::{StateCodec, StateDef, before, decode, encode},
};
use crate::target;
use skylark_abi::{
    call::{Failure, FailureKind, Scope, Variable},
    value::HEADER,
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
};

/// A struct that is state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state",
    label = "its fields are not kept",
    note = "write `#[skylark::state]` on the struct, or leave `self` out of the functions that need none"
)]
pub trait Object: Sized + 'static {
    /// The argument whose value chooses the object.
    const KEY: Option<&'static str>;

    /// What is known of it.
    fn def() -> &'static ObjectDef<Self>;
}

/// A struct that knows its first value.
#[diagnostic::on_unimplemented(
    message = "it is not known what `{Self}` begins with",
    label = "has no first value",
    note = "add `#[derive(Default)]` to it, or name its first value: `#[skylark::state(default = {Self}::new())]`"
)]
pub trait Initial {
    /// What it is while the store has nothing of it.
    fn initial() -> Self;
}

#[diagnostic::do_not_recommend]
impl<S: Default> Initial for S {
    fn initial() -> Self {
        S::default()
    }
}

/// What is known of a struct when it is compiled.
pub struct ObjectDef<S: 'static> {
    /// Its name.
    pub name: &'static str,
    /// To whom it belongs.
    pub scope: Scope,
    /// Its value while the store has none.
    pub first: fn() -> S,
    /// Its fields.
    pub fields: &'static [&'static dyn Field<S>],
    /// The names of those that are built, not stored.
    pub built: FieldNames,
}

/// A field of `S`, whatever its type.
pub trait Field<S>: Sync {
    /// Its name in the source.
    fn ident(&self) -> &'static str;

    /// Puts its value into the struct, unless it is there.
    fn load(&'static self, live: &Rc<Live<S>>);
}

/// A field of type `T`.
pub struct FieldDef<S: 'static, T: 'static> {
    /// Its name in the source.
    pub ident: &'static str,
    /// The variable.
    pub def: &'static StateDef,
    /// How it is stored.
    pub codec: StateCodec<T>,
    /// Where it is.
    pub get: fn(&S) -> &T,
    /// The same, to be changed.
    pub get_mut: fn(&mut S) -> &mut T,
}

/// The value of a struct in one invocation.
pub struct Live<S> {
    value: RefCell<S>,
    /// Whether anybody could have changed it.
    lent_mutably: Cell<bool>,
}

/// The names of some fields of a struct.
pub type FieldNames = &'static [&'static str];

impl<S: 'static, T: 'static> Field<S> for FieldDef<S, T> {
    fn ident(&self) -> &'static str {
        self.ident
    }

    fn load(&'static self, live: &Rc<Live<S>>) {
        let address = std::ptr::from_ref(self).cast();
        invocation::enter(address, self.def, || {
            let Found {
                variable,
                stored,
                earlier,
            } = invocation::find(self.def)?;
            let before = match stored {
                Some(stored) => {
                    let value = decode(self.codec, self.def, &stored)?;
                    let mut whole = live.value.try_borrow_mut().map_err(|_| busy(self.def))?;
                    let field = (self.get_mut)(&mut whole);
                    *field = value;
                    before(self.codec, stored, || encode(self.codec, self.def, field))?
                }
                None => {
                    let whole = live.value.try_borrow().map_err(|_| busy(self.def))?;
                    encode(self.codec, self.def, (self.get)(&whole))?
                }
            };
            Ok(Box::new(Bound {
                field: self,
                live: Rc::clone(live),
                variable,
                before,
                earlier,
            }))
        });
    }
}

/// A method is running on the struct.
#[cold]
fn busy(def: &StateDef) -> Failure {
    def.failure(format_args!(
        "is in use: a method with `self` is running on its struct, and holds all of it; begin a \
         transaction, or use the struct again, outside of that method"
    ))
}

/// Looks at a struct of which a field is state.
///
/// # Errors
/// A method is running on it.
pub(super) fn look<S, R>(
    live: &Live<S>,
    def: &StateDef,
    look: impl FnOnce(&S) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let whole = live.value.try_borrow().map_err(|_| busy(def))?;
    look(&whole)
}

/// A field in one invocation.
struct Bound<S: 'static, T: 'static> {
    field: &'static FieldDef<S, T>,
    live: Rc<Live<S>>,
    variable: Variable,
    /// Its payload when it was loaded.
    before: Vec<u8>,
    earlier: Vec<Earlier>,
}

impl<S, T> Loaded for Bound<S, T> {
    fn variable(&self) -> &Variable {
        &self.variable
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        None
    }

    fn collect(&self, _when: &str, collected: &mut Collected) -> Result<(), Failure> {
        let mut change = None;
        if self.live.lent_mutably.get() {
            let after = self.save(true)?;
            change = (after.get(HEADER..) != self.before.get(HEADER..)).then_some(after);
        }
        collected.add(&self.variable, &self.earlier, change);
        Ok(())
    }

    fn save(&self, current: bool) -> Result<Vec<u8>, Failure> {
        let FieldDef {
            def, codec, get, ..
        } = self.field;
        if !current || !self.live.lent_mutably.get() {
            return Ok(self.before.clone());
        }
        let whole = self.live.value.try_borrow().map_err(|_| busy(def))?;
        encode(*codec, def, get(&whole))
    }

    fn restore(&self, saved: &[u8]) -> Result<(), Failure> {
        let FieldDef {
            def,
            codec,
            get_mut,
            ..
        } = self.field;
        if !self.live.lent_mutably.get() {
            return Ok(());
        }
        let value = decode(*codec, def, saved)?;
        let mut whole = self.live.value.try_borrow_mut().map_err(|_| busy(def))?;
        *get_mut(&mut whole) = value;
        Ok(())
    }
}

/// The value of `S` in this invocation, with these fields of it, or all.
///
/// A name that is no field stands for what a macro could not see through, as a
/// field that is reached by `Deref`: then all are loaded.
fn live<S: Object>(names: Option<FieldNames>) -> Rc<Live<S>> {
    let def = S::def();
    let address = std::ptr::from_ref(def).cast();
    let found = invocation::object(address).and_then(|live| live.downcast().ok());
    let live: Rc<Live<S>> = found.unwrap_or_else(|| {
        let live = Rc::new(Live {
            value: RefCell::new((def.first)()),
            lent_mutably: Cell::new(false),
        });
        invocation::add_object(address, def.scope, Rc::clone(&live) as Rc<dyn Any>);
        live
    });
    let is_field =
        |name: &&str| def.fields.iter().any(|f| f.ident() == *name) || def.built.contains(name);
    let names = names.filter(|names| names.iter().all(is_field));
    for field in def.fields {
        if names.is_none_or(|names| names.contains(&field.ident())) {
            field.load(&live);
        }
    }
    live
}

#[cold]
fn in_use(name: &str) -> ! {
    target::abort(
        Failure::new(
            FailureKind::State,
            format!(
                "`{name}` is in use: a method with `&mut self`, or `skylark::with_mut`, is running on \
                 it; use what that was given instead of asking for it again"
            ),
        )
        .at(name),
    )
}

thread_local! {
    /// The structs that are lent, by name, the last one last.
    static LENT: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// That a struct is lent, until it is dropped.
struct Lent;

impl Lent {
    fn new(name: &'static str) -> Self {
        LENT.with_borrow_mut(|lent| lent.push(name));
        Self
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.with_borrow_mut(Vec::pop);
    }
}

/// Whether `what` may wait: not while a struct is lent, which others may have
/// written when it goes on.
///
/// # Errors
/// The name of the struct.
#[cfg(feature = "thrift")]
pub(crate) fn check_wait(what: &str) -> Result<(), Failure> {
    match LENT.with_borrow(|lent| lent.last().copied()) {
        None => Ok(()),
        Some(name) => {
            let text = format!(
                "{what} waits while `{name}` is lent to a method or to `skylark::with`: others may \
                 write it meanwhile; wait before or after"
            );
            Err(Failure::new(FailureKind::State, text).at(name))
        }
    }
}

/// Lends the struct to `read`; only these fields of it, or all, are sure to be
/// as the store has them.
pub fn shared<S: Object, R>(names: Option<FieldNames>, read: impl FnOnce(&S) -> R) -> R {
    let live = live::<S>(names);
    match live.value.try_borrow() {
        Ok(whole) => {
            let _lent = Lent::new(S::def().name);
            read(&whole)
        }
        Err(_) => in_use(S::def().name),
    }
}

/// The same, to be changed.
pub fn exclusive<S: Object, R>(names: Option<FieldNames>, write: impl FnOnce(&mut S) -> R) -> R {
    let live = live::<S>(names);
    match live.value.try_borrow_mut() {
        Ok(mut whole) => {
            live.lent_mutably.set(true);
            let _lent = Lent::new(S::def().name);
            write(&mut whole)
        }
        Err(_) => in_use(S::def().name),
    }
}

/// Whether a service and the struct name the same key.
///
/// # Panics
/// They do not: this is evaluated when the app is compiled.
pub const fn same_key(state: Option<&str>, service: Option<&str>) {
    let same = match (state, service) {
        (None, None) => true,
        (Some(state), Some(service)) => {
            let (state, service) = (state.as_bytes(), service.as_bytes());
            let mut same = state.len() == service.len();
            let mut i = 0;
            while same && i < state.len() {
                same = state[i] == service[i];
                i += 1;
            }
            same
        }
        _ => false,
    };
    assert!(
        same,
        "the struct and its service name different keys: write the same `scope = key(…)` in \
         `#[skylark::state(…)]` and `#[skylark::service(…)]`, or leave it out of both"
    );
}

/// Lends the struct `S`, whose fields are state, to `read`.
///
/// It is there for as long as `read` runs, which can therefore not wait; ask for it
/// again after a wait, as others may have written it meanwhile. Where the struct
/// is one per key, it is the one that the argument of the running function chooses.
///
/// Outside a call, as in a unit test, it is a value that the thread keeps.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
///
/// #[skylark::state]
/// #[derive(Default)]
/// struct Stock {
///     apples: u32,
///     pears: u32,
/// }
///
/// #[skylark::service]
/// impl Stock {
///     pub fn grow(&mut self, apples: u32) {
///         self.apples += apples;
///     }
/// }
///
/// #[skylark::function]
/// fn fruit() -> u32 {
///     skylark::with(|stock: &Stock| stock.apples + stock.pears)
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// runtime.run::<()>("Stock-grow", &3)?;
/// assert_eq!(runtime.run::<u32>("fruit", &())?, 3);
/// # Ok(())
/// # }
/// ```
pub fn with<S: Object, R>(read: impl FnOnce(&S) -> R) -> R {
    shared(None, read)
}

/// Lends the struct `S`, whose fields are state, to `write`: as [`with`], to be
/// changed. What changed is written when the call is over.
pub fn with_mut<S: Object, R>(write: impl FnOnce(&mut S) -> R) -> R {
    exclusive(None, write)
}

#[cfg(test)]
mod tests;
