//! What the running invocation has read and written so far.

use super::StateDef;
use crate::{
    journal,
    target::{self, Fetch},
};
use skylark_abi::call::{Failure, FailureKind, Field, Scope, Variable};
use std::{any::Any, cell::RefCell, rc::Rc};

/// A variable that the invocation has loaded.
pub(super) trait Loaded {
    /// The variable.
    fn variable(&self) -> &Variable;

    /// Its cell, if it lasts for ever.
    fn cell(&self) -> Option<&'static dyn Any>;

    /// Adds what was read, and what of it has changed since; `when` says what it is
    /// asked at, for an error.
    fn collect(&self, when: &str, collected: &mut Collected) -> Result<(), Failure>;

    /// A wait begins: the value then, if it is to be held against that at the end
    /// of the call.
    fn put_away(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.save(true).map(Some)
    }

    /// The value as it is, or as it was loaded.
    fn save(&self, current: bool) -> Result<Vec<u8>, Failure>;

    /// Puts a saved value back.
    fn restore(&self, saved: &[u8]) -> Result<(), Failure>;
}

/// A variable that was used before a wait, and its value then.
struct PutAway {
    address: *const (),
    loaded: Box<dyn Loaded>,
    value: Option<Vec<u8>>,
}

/// A variable that the invocation has used; `None` while it is being loaded.
struct Used {
    /// Address of the static: its identity.
    address: *const (),
    scope: Scope,
    loaded: Option<Box<dyn Loaded>>,
}

/// Gives the text of an argument's value, for keyed variables.
pub(crate) type KeyOf = Rc<dyn Fn(&StateDef) -> Result<String, Failure>>;

/// State of the invocation that runs on this thread.
struct Running {
    fields: Vec<Field>,
    complete: Vec<Scope>,
    fetch: Fetch,
    used: Vec<Used>,
    objects: Vec<LiveObject>,
    /// What earlier stretches used.
    put_away: Vec<PutAway>,
    /// What a stretch that is executed again reads its shared state from.
    replay: Option<Vec<Field>>,
    key_of: Option<KeyOf>,
}

/// A struct whose fields are state, as the invocation has it.
struct LiveObject {
    /// Address of what is known of it: its identity.
    address: *const (),
    scope: Scope,
    value: Rc<dyn Any>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
    /// Structs as plain code sees them.
    static PLAIN: RefCell<Vec<LiveObject>> = const { RefCell::new(Vec::new()) };
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
                objects: Vec::new(),
                put_away: Vec::new(),
                replay: None,
                key_of: None,
            });
            Ok(Self(()))
        })
    }

    /// How keyed variables find their bundle.
    pub(crate) fn keys(&self, key_of: KeyOf) {
        RUNNING.with_borrow_mut(|running| {
            if let Some(running) = running {
                running.key_of = Some(key_of);
            }
        });
    }

    /// What was touched, and what of it changed.
    ///
    /// # Errors
    /// A variable is still locked, or its value cannot be serialized.
    pub(crate) fn collect(&self) -> Result<Collected, Failure> {
        still_put_away(None)?;
        collect(|_| true, "at the end of the call")
    }
}

fn collect(which: impl Fn(Scope) -> bool, when: &str) -> Result<Collected, Failure> {
    let mut collected = Collected::default();
    let mut index = 0;
    while let Some((scope, loaded)) = take(index) {
        let done = match which(scope) {
            true => loaded.collect(when, &mut collected),
            false => Ok(()),
        };
        put_back(index, loaded);
        index += 1;
        done?;
    }
    Ok(collected)
}

impl Collected {
    /// Adds a variable that was read, what it was looked for under besides, and its
    /// new value if it has one.
    pub(super) fn add(
        &mut self,
        variable: &Variable,
        earlier: &[Earlier],
        change: Option<Vec<u8>>,
    ) {
        if let Some(value) = change {
            self.writes.push(Field {
                variable: variable.clone(),
                value: Some(value),
            });
            // It moves to its own name.
            let left = earlier.iter().filter(|e| e.has_value);
            self.writes.extend(left.map(|e| Field {
                variable: e.variable.clone(),
                value: None,
            }));
        }
        self.touched.push(variable.clone());
        self.touched
            .extend(earlier.iter().map(|e| e.variable.clone()));
    }
}

/// A `Serialize` of the user's may touch more variables: they are taken out
/// one by one, while nothing is borrowed.
fn take(index: usize) -> Option<(Scope, Box<dyn Loaded>)> {
    RUNNING.with_borrow_mut(|running| {
        let used = running.as_mut()?.used.get_mut(index)?;
        Some((used.scope, used.loaded.take()?))
    })
}

/// Ends a stretch: what it did to shared state, unless it is `replayed`. That
/// state is read anew by the next one; the run's own stays.
///
/// # Errors
/// As of [`Invocation::collect`].
pub(crate) fn cut(replayed: bool) -> Result<Collected, Failure> {
    let is_shared = |scope| scope != Scope::Chain;
    let collected = match replayed {
        true => Collected::default(),
        false => collect(is_shared, "across an `.await`")?,
    };
    still_put_away(None)?;
    // What is dropped of them runs code of the user's: outside the borrow.
    let (put_away, objects): (Vec<Used>, Vec<LiveObject>) = RUNNING.with_borrow_mut(|running| {
        running.as_mut().map_or_else(Default::default, |running| {
            let (used, objects) = (&mut running.used, &mut running.objects);
            (
                used.extract_if(.., |u| is_shared(u.scope)).collect(),
                objects.extract_if(.., |o| is_shared(o.scope)).collect(),
            )
        })
    });
    drop(objects);
    for Used {
        address, loaded, ..
    } in put_away
    {
        let Some(loaded) = loaded else { continue };
        let value = loaded.put_away()?;
        RUNNING.with_borrow_mut(|running| {
            if let Some(running) = running {
                running.put_away.push(PutAway {
                    address,
                    loaded,
                    value,
                });
            }
        });
    }
    Ok(collected)
}

/// Checks that nobody changed, through a reference taken before a wait, what
/// was put away then: nothing would become of that. Forgets what it has checked.
///
/// # Errors
/// Somebody did.
fn still_put_away(address: Option<*const ()>) -> Result<(), Failure> {
    let put_away: Vec<PutAway> = RUNNING.with_borrow_mut(|running| {
        let kept = running.as_mut().map(|r| &mut r.put_away);
        kept.map_or_else(Vec::new, |kept| {
            kept.extract_if(.., |p| address.is_none_or(|a| a == p.address))
                .collect()
        })
    });
    for PutAway { loaded, value, .. } in &put_away {
        if value.is_some() && loaded.save(true).ok() != *value {
            let name = &loaded.variable().name;
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "state `{name}` was changed through a reference that was taken before an `.await`; \
                     after a wait it is read anew, so name the static again instead of keeping `&{name}`"
                ),
            )
            .at(name));
        }
    }
    Ok(())
}

/// Begins a stretch, which reads from `replay` if it was executed before.
pub(crate) fn resume(replay: Option<Vec<Field>>) {
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running {
            running.replay = replay;
        }
    });
}

/// The values of all that is loaded, to go back to.
pub(crate) struct Savepoint(Vec<Vec<u8>>);

impl Savepoint {
    /// The values as they are now.
    ///
    /// # Errors
    /// A variable is locked, or its value cannot be serialized.
    pub(crate) fn now() -> Result<Self, Failure> {
        let mut saved = Vec::new();
        while let Some((_, loaded)) = take(saved.len()) {
            let value = loaded.save(true);
            put_back(saved.len(), loaded);
            saved.push(value?);
        }
        Ok(Self(saved))
    }

    /// Undoes every write since.
    ///
    /// # Errors
    /// A variable is locked.
    pub(crate) fn restore(self) -> Result<(), Failure> {
        let mut index = 0;
        while let Some((_, loaded)) = take(index) {
            let restored = match self.0.get(index) {
                Some(saved) => loaded.restore(saved),
                // It was loaded since.
                None => loaded.save(false).and_then(|saved| loaded.restore(&saved)),
            };
            put_back(index, loaded);
            restored?;
            index += 1;
        }
        Ok(())
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
    Refused,
}

/// What [`crate::nondet`] calls itself.
pub(crate) const NONDET: &str = "`skylark::nondet`";

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
        if journal::is_inside(NONDET) {
            return Standing::Refused;
        }
        match running.used.iter().find(|u| u.address == address) {
            Some(Used {
                loaded: Some(loaded),
                ..
            }) => Standing::Loaded(loaded.cell()),
            Some(_) => Standing::Loading,
            None => {
                running.used.push(Used {
                    address,
                    scope: def.scope,
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
        Standing::Refused => target::abort(def.failure(format_args!(
            "is used inside `skylark::nondet`, which is left out when the function is executed \
             again; use it outside, and record only the value"
        ))),
        Standing::Unused(index) => match still_put_away(Some(address)).and_then(|()| load()) {
            Ok(loaded) => {
                let cell = loaded.cell();
                put_back(index, loaded);
                cell
            }
            Err(failure) => target::abort(failure),
        },
    }
}

/// The struct at an address, if it was used before: by the invocation that runs on
/// this thread, or by plain code.
pub(super) fn object(address: *const ()) -> Option<Rc<dyn Any>> {
    objects(|objects| {
        let found = objects.iter().find(|o| o.address == address);
        found.map(|o| Rc::clone(&o.value))
    })
}

/// Adds the struct at an address.
pub(super) fn add_object(address: *const (), scope: Scope, value: Rc<dyn Any>) {
    objects(|objects| {
        objects.push(LiveObject {
            address,
            scope,
            value,
        });
    });
}

fn objects<R>(with: impl FnOnce(&mut Vec<LiveObject>) -> R) -> R {
    RUNNING.with_borrow_mut(|running| match running {
        Some(running) => with(&mut running.objects),
        None => PLAIN.with_borrow_mut(with),
    })
}

/// Where the stored value of a variable is.
enum Source {
    Known(Option<Vec<u8>>),
    Unread,
    Host(Fetch),
}

impl Source {
    fn of(def: &StateDef, variable: &Variable) -> Self {
        RUNNING.with_borrow_mut(|running| {
            let Some(running) = running else {
                return Self::Known(None);
            };
            if let Some(replay) = &mut running.replay
                && def.scope != Scope::Chain
            {
                let read = replay.iter_mut().find(|f| f.variable == *variable);
                return read.map_or(Self::Unread, |f| Self::Known(f.value.take()));
            }
            // Only what is read whole is complete.
            let is_whole = variable.part.is_none();
            match running.fields.iter_mut().find(|f| f.variable == *variable) {
                Some(field) => Self::Known(field.value.take()),
                None if is_whole && running.complete.contains(&def.scope) => Self::Known(None),
                None => Self::Host(running.fetch.clone()),
            }
        })
    }
}

/// The variable that `def` means in this invocation.
pub(super) fn variable(def: &StateDef) -> Result<Variable, Failure> {
    let key = match def.key {
        None => String::new(),
        Some(_) => {
            let key_of = RUNNING.with_borrow(|r| r.as_ref().and_then(|r| r.key_of.clone()));
            key_of.map_or_else(|| Ok(String::new()), |key_of| key_of(def))?
        }
    };
    Ok(Variable {
        scope: def.scope,
        name: def.name.to_owned(),
        key,
        ..Variable::default()
    })
}

/// An earlier name of a variable.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    variable: Variable,
    /// Whether the value was found under it.
    has_value: bool,
}

/// What the store has of a variable.
pub(super) struct Found {
    pub(super) variable: Variable,
    /// `None` if it was never written.
    pub(super) stored: Option<Vec<u8>>,
    /// Under what it was looked for besides.
    pub(super) earlier: Vec<Earlier>,
}

/// Looks for the variable that `def` means in this invocation, under its name and
/// its earlier ones.
pub(super) fn find(def: &StateDef) -> Result<Found, Failure> {
    let variable = variable(def)?;
    let mut stored = self::stored(def, &variable)?;
    let mut earlier = Vec::new();
    for name in def.was {
        if stored.is_some() {
            break;
        }
        let variable = Variable {
            name: (*name).to_owned(),
            ..variable.clone()
        };
        stored = self::stored(def, &variable)?;
        earlier.push(Earlier {
            variable,
            has_value: stored.is_some(),
        });
    }
    Ok(Found {
        variable,
        stored,
        earlier,
    })
}

/// The stored value of the whole of a variable; `None` if it was never written.
pub(super) fn stored(def: &StateDef, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
    match Source::of(def, variable) {
        Source::Known(value) => Ok(value),
        Source::Host(fetch) => fetch.fetch(variable),
        Source::Unread => Err(unread(def)),
    }
}

/// The same of several, of which all that the host is asked for is asked for at once.
pub(super) fn stored_all(
    def: &StateDef,
    variables: &[Variable],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut values = Vec::with_capacity(variables.len());
    let mut missing = Vec::new();
    let mut host = None;
    for (index, variable) in variables.iter().enumerate() {
        values.push(match Source::of(def, variable) {
            Source::Known(value) => value,
            Source::Host(fetch) => {
                host = Some(fetch);
                missing.push(index);
                None
            }
            Source::Unread => return Err(unread(def)),
        });
    }
    if let Some(fetch) = host {
        let asked: Vec<Variable> = missing.iter().map(|i| variables[*i].clone()).collect();
        for (index, value) in missing.into_iter().zip(fetch.fetch_all(&asked)?) {
            values[index] = value;
        }
    }
    Ok(values)
}

#[cold]
fn unread(def: &StateDef) -> Failure {
    Failure::new(
        FailureKind::Diverged,
        format!(
            "executed again, the function did something else than the first time: it reads state \
             `{}`, which it did not read then; until it has waited for the last time, it must do \
             the same each time it sees the same: record what may differ with `skylark::nondet`",
            def.name
        ),
    )
    .at(def.name)
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
