//! One variable: what it is made of, and how it is loaded and collected.

use super::{
    cell::{Locked, StateCell},
    invocation::{self, Collected, Earlier, Found, Loaded},
    migration::Migration,
};
use crate::{
    bounds::Stored,
    call::KeyDef,
    codec::{self, Mismatch},
};
use skylark_abi::{
    call::{Failure, FailureKind, Scope, Variable},
    value::{HEADER, Tagged, fingerprint, header_after, untag},
};
use std::{any::Any, fmt, thread::LocalKey};

/// What is known of a state variable when it is compiled.
#[derive(Debug)]
pub struct StateDef {
    /// Its name in the store.
    pub name: &'static str,
    /// To whom it belongs.
    pub scope: Scope,
    /// Source text of the type that is stored.
    pub type_text: &'static str,
    /// What chooses the bundle.
    pub key: Option<&'static KeyDef>,
    /// Its earlier names in the store, in the order in which they are looked for.
    pub was: &'static [&'static str],
}

impl StateDef {
    /// A failure to load or store it.
    pub(crate) fn failure(&self, why: fmt::Arguments<'_>) -> Failure {
        Failure::new(FailureKind::State, format!("state `{}` {why}", self.name)).at(self.name)
    }

    #[cold]
    fn locked(&self, when: &str) -> Failure {
        self.failure(format_args!(
            "is still locked {when}: a guard or borrow of it was kept (leaked, or put into a static); \
             let it go out of scope before the function returns or awaits"
        ))
    }

    #[cold]
    fn unreadable(&self, found: u64, mismatch: &Mismatch) -> Failure {
        let ours = fingerprint(self.type_text);
        let place = match mismatch.path.as_str() {
            "" => String::new(),
            path => format!(" at `{path}`"),
        };
        let origin = if found == ours {
            "which was written by a type of the same name".to_owned()
        } else {
            format!("which was written by another type (schema {found:016x})")
        };
        self.failure(format_args!(
            "does not fit its type `{}` (schema {ours:016x}){place}: {}. The stored value, {origin}, \
             is kept as it is; give added fields `#[serde(default)]`, or store the new type under \
             another name with `rename = \"…\"`",
            self.type_text, mismatch.message
        ))
    }
}

impl StateDef {
    /// What an earlier build wrote, and a migration did not take.
    #[cold]
    fn not_migrated(&self, found: &Tagged<'_>, knows: u8, mismatch: &Mismatch) -> Failure {
        let (wrote, went) = (found.fingerprint, found.generation);
        let ours = fingerprint(self.type_text);
        let place = match mismatch.path.as_str() {
            "" => String::new(),
            path => format!(" at `{path}`"),
        };
        self.failure(format_args!(
            "cannot be migrated from what it was after {went} of its {knows} migrations (schema {wrote:016x}) \
             to its type `{}` (schema {ours:016x}){place}: {}. The stored value is kept as it is",
            self.type_text, mismatch.message
        ))
    }

    /// What a later build wrote.
    #[cold]
    fn newer(&self, found: &Tagged<'_>, knows: u8) -> Failure {
        let (wrote, went) = (found.fingerprint, found.generation);
        let ours = fingerprint(self.type_text);
        self.failure(format_args!(
            "was written by a later build, after {went} migrations (schema {wrote:016x}), and this build \
             knows {knows} of them (schema {ours:016x}). The stored value is kept as it is; deploy a build \
             that has all its migrations"
        ))
    }
}

/// How a stored type is written and read.
pub struct StateCodec<T: 'static> {
    encode: fn(&T, [u8; HEADER]) -> Result<Vec<u8>, String>,
    decode: fn(&[u8]) -> Result<T, Mismatch>,
    /// How what it was before each of its migrations is read.
    migrations: &'static [Migration<T>],
}

impl<T: 'static> Clone for StateCodec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for StateCodec<T> {}

/// The codec of `T`: the only place where state asks for serde's traits.
pub const fn codec<T: Stored>() -> StateCodec<T> {
    StateCodec {
        encode: codec::to_stored::<T>,
        decode: codec::from_payload::<T>,
        migrations: &[],
    }
}

impl<T> StateCodec<T> {
    /// The same of a type that has been through migrations, the oldest first.
    pub const fn migrating(self, migrations: &'static [Migration<T>]) -> Self {
        Self { migrations, ..self }
    }

    fn generation(&self) -> u8 {
        // The macros refuse more than fit.
        u8::try_from(self.migrations.len()).unwrap_or(u8::MAX)
    }
}

/// What a variable is made of, but for its cell.
pub(super) struct Parts<C: StateCell> {
    init: fn() -> C,
    codec: StateCodec<C::Value>,
    def: &'static StateDef,
    default: Option<fn() -> C::Value>,
}

impl<C: StateCell> Clone for Parts<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: StateCell> Copy for Parts<C> {}

impl<C: StateCell> fmt::Debug for Parts<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.def.fmt(f)
    }
}

impl<C: StateCell> Parts<C> {
    pub(super) const fn new(
        init: fn() -> C,
        codec: StateCodec<C::Value>,
        def: &'static StateDef,
        default: Option<fn() -> C::Value>,
    ) -> Self {
        Self {
            init,
            codec,
            def,
            default,
        }
    }

    pub(super) fn def(&self) -> &'static StateDef {
        self.def
    }

    fn encode(&self, cell: &C, when: &str) -> Result<Vec<u8>, Failure> {
        cell.with(|value| encode(self.codec, self.def, value))
            .unwrap_or_else(|Locked| Err(self.def.locked(when)))
    }

    fn decode(&self, stored: &[u8]) -> Result<C::Value, Failure> {
        decode(self.codec, self.def, stored)
    }
}

/// The bytes to store for a value.
pub(super) fn encode<T>(
    codec: StateCodec<T>,
    def: &StateDef,
    value: &T,
) -> Result<Vec<u8>, Failure> {
    let header = header_after(fingerprint(def.type_text), codec.generation());
    (codec.encode)(value, header).map_err(|why| {
        def.failure(format_args!(
            "cannot be stored: its value of type `{}` does not serialize: {why}",
            def.type_text
        ))
    })
}

/// The value that was stored.
pub(super) fn decode<T>(codec: StateCodec<T>, def: &StateDef, stored: &[u8]) -> Result<T, Failure> {
    let Some(tagged) = untag(stored) else {
        return Err(def.failure(format_args!(
            "is no value that Skylark stored ({} bytes without a tag); it is kept as it is",
            stored.len()
        )));
    };
    let generation = usize::from(tagged.generation);
    match codec.migrations.get(generation) {
        Some(migration) => migration(tagged.payload)
            .map_err(|mismatch| def.not_migrated(&tagged, codec.generation(), &mismatch)),
        None if generation > codec.migrations.len() => Err(def.newer(&tagged, codec.generation())),
        None => (codec.decode)(tagged.payload)
            .map_err(|mismatch| def.unreadable(tagged.fingerprint, &mismatch)),
    }
}

/// What a value is to be compared with when the call is over: as it was stored,
/// or, if it was migrated, as it would have been stored then. So one that is only
/// read is not written.
pub(super) fn before<T>(
    codec: StateCodec<T>,
    stored: Vec<u8>,
    encode: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<Vec<u8>, Failure> {
    let generation = untag(&stored).map(|tagged| tagged.generation);
    match generation == Some(codec.generation()) {
        true => Ok(stored),
        false => encode(),
    }
}

/// Where the invocation's cell of a variable is. Dropping it ends the
/// invocation's claim on the cell.
pub(super) trait Place<C> {
    fn with<R>(&self, f: impl FnOnce(&C) -> R) -> R;

    /// The cell, if it lasts for ever.
    fn cell(&self) -> Option<&'static dyn Any>;
}

/// A cell lent to one invocation for a [`super::State`]. It is leaked, since
/// references to a static may be kept for ever, and lent again afterwards.
pub(super) struct Lent<C: StateCell> {
    address: *const (),
    cell: &'static C,
}

impl<C: StateCell> Lent<C> {
    /// A cell with the initial value.
    pub(super) fn new(address: *const (), parts: &Parts<C>) -> Result<Self, Failure> {
        let fresh = (parts.init)();
        let spare = invocation::spare(address).and_then(|cell| cell.downcast_ref::<C>());
        let cell = match spare {
            Some(spare) if spare.exchange(&fresh).is_ok() => spare,
            _ => Box::leak(Box::new(fresh)),
        };
        Ok(Self { address, cell })
    }
}

impl<C: StateCell> Place<C> for Lent<C> {
    fn with<R>(&self, f: impl FnOnce(&C) -> R) -> R {
        f(self.cell)
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        Some(self.cell)
    }
}

impl<C: StateCell> Drop for Lent<C> {
    fn drop(&mut self) {
        invocation::give_back(self.address, self.cell);
    }
}

/// The thread's own cell of a [`super::LocalState`]; its plain value is put
/// aside until the invocation is over.
pub(super) struct Own<C: StateCell> {
    key: &'static LocalKey<C>,
    plain: C,
}

impl<C: StateCell> Own<C> {
    /// The cell with the initial value.
    pub(super) fn new(key: &'static LocalKey<C>, parts: &Parts<C>) -> Result<Self, Failure> {
        let plain = (parts.init)();
        key.with(|cell| cell.exchange(&plain))
            .map_err(|Locked| parts.def.locked("at its first use in the call"))?;
        Ok(Self { key, plain })
    }
}

impl<C: StateCell> Place<C> for Own<C> {
    fn with<R>(&self, f: impl FnOnce(&C) -> R) -> R {
        self.key.with(f)
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        None
    }
}

impl<C: StateCell> Drop for Own<C> {
    fn drop(&mut self) {
        // A cell that is still borrowed has failed the call by now, and keeps
        // its value; so does one whose thread is ending.
        let _kept = self.key.try_with(|cell| cell.exchange(&self.plain));
    }
}

/// A variable in one invocation.
pub(super) struct Bound<C: StateCell, P> {
    place: P,
    parts: Parts<C>,
    variable: Variable,
    /// Its payload when it was loaded.
    before: Vec<u8>,
    earlier: Vec<Earlier>,
}

impl<C: StateCell, P: Place<C> + 'static> Bound<C, P> {
    /// Puts the stored value, or the default, into a cell that has the initial
    /// value.
    pub(super) fn load(place: P, parts: &Parts<C>) -> Result<Box<dyn Loaded>, Failure> {
        let put = |value| {
            place
                .with(|cell| cell.put(value))
                .map_err(|Locked| parts.def.locked("at its first use in the call"))
        };
        let Found {
            variable,
            stored,
            earlier,
        } = invocation::find(parts.def)?;
        let before = match stored {
            Some(stored) => {
                put(parts.decode(&stored)?)?;
                before(parts.codec, stored, || {
                    place.with(|cell| parts.encode(cell, "at its first use in the call"))
                })?
            }
            None => {
                if let Some(default) = parts.default {
                    put(default())?;
                }
                place.with(|cell| parts.encode(cell, "at its first use in the call"))?
            }
        };
        Ok(Box::new(Self {
            place,
            parts: *parts,
            variable,
            before,
            earlier,
        }))
    }
}

impl<C: StateCell, P: Place<C>> Loaded for Bound<C, P> {
    fn variable(&self) -> &Variable {
        &self.variable
    }

    fn cell(&self) -> Option<&'static dyn Any> {
        self.place.cell()
    }

    fn collect(&self, when: &str, collected: &mut Collected) -> Result<(), Failure> {
        let after = self.place.with(|cell| self.parts.encode(cell, when))?;
        // The tag alone may differ: then an equal value was written by the
        // same type under another name, and reading it is no change.
        let change = (after.get(HEADER..) != self.before.get(HEADER..)).then_some(after);
        collected.add(&self.variable, &self.earlier, change);
        Ok(())
    }

    fn save(&self, current: bool) -> Result<Vec<u8>, Failure> {
        match current {
            true => self
                .place
                .with(|cell| self.parts.encode(cell, "when a transaction begins")),
            false => Ok(self.before.clone()),
        }
    }

    fn restore(&self, saved: &[u8]) -> Result<(), Failure> {
        let value = self.parts.decode(saved)?;
        self.place
            .with(|cell| cell.put(value))
            .map_err(|Locked| self.parts.def.locked("when a transaction is undone"))
    }
}
