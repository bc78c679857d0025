//! A collection in terms of texts and bytes: what of it was read in this
//! invocation, and what is to be written.

use super::{
    super::{
        StateCodec, StateDef, codec,
        invocation::{self, Collected, NONDET},
    },
    place::Values,
};
use crate::{bounds::Stored, journal, target};
use skylark_abi::{
    call::{Failure, Field, Variable},
    keys::Part,
    names::MAX_KEY,
    protocol::{Entries, end_key, number},
    span::{Scanned, Span},
};
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard},
};

/// The state of a collection.
pub struct Core(Mutex<Inner>);

enum Inner {
    /// As plain code has it.
    Plain(Plain),
    /// As the invocation has it that runs on this thread.
    Bound(Box<InUse>),
    /// It was used before a wait.
    Away(&'static StateDef),
}

struct Plain {
    entries: Option<Entries>,
    sum: i64,
}

struct InUse {
    def: &'static StateDef,
    values: &'static Values,
    variable: Variable,
    read: BTreeMap<(Option<Part>, String), Option<Vec<u8>>>,
    changes: Changes,
}

/// What is to be written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Changes {
    /// Values of entries; `None` deletes.
    entries: BTreeMap<String, Option<Vec<u8>>>,
    /// What a list gets at its end, after that.
    pushed: Vec<Vec<u8>>,
    /// What a counter gets.
    added: i64,
}

impl Changes {
    fn to_fields(&self, whole: &Variable) -> Vec<Field> {
        let field = |part, at: &str, value| Field {
            variable: whole.part(part, at),
            value,
        };
        let entries = self.entries.iter();
        let entries = entries.map(|(key, value)| field(Part::Entry, key, value.clone()));
        let pushed = self.pushed.iter();
        let pushed = pushed.map(|value| field(Part::End, "", Some(value.clone())));
        let sum = (self.added != 0)
            .then(|| field(Part::Sum, "", Some(self.added.to_string().into_bytes())));
        entries.chain(pushed).chain(sum).collect()
    }

    fn of_fields(fields: Vec<Field>) -> Self {
        let mut changes = Self::default();
        for Field { variable, value } in fields {
            match (variable.part, value) {
                (Some(Part::Entry), value) => drop(changes.entries.insert(variable.at, value)),
                (Some(Part::End), Some(value)) => changes.pushed.push(value),
                (Some(Part::Sum), value) => {
                    changes.added = number(value.as_deref()).unwrap_or_default();
                }
                _ => {}
            }
        }
        changes
    }

    /// The entries that it takes from a list's end.
    fn popped(&self) -> u64 {
        self.entries.values().filter(|v| v.is_none()).count() as u64
    }
}

impl std::fmt::Debug for Core {
    /// Reads nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.def().name)
    }
}

/// Entries of a page, and where the next one begins, if there may be one.
pub(super) struct Page {
    pub(super) entries: Vec<(String, Vec<u8>)>,
    pub(super) next: Option<Bound<String>>,
}

impl Core {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Inner::Plain(Plain {
            entries: None,
            sum: 0,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing below panics halfway through a change.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Makes it the invocation's.
    ///
    /// # Errors
    /// It has something in it.
    pub(super) fn bind(
        &self,
        def: &'static StateDef,
        variable: &Variable,
        values: &'static Values,
    ) -> Result<(), Failure> {
        let mut inner = self.inner();
        if let Inner::Plain(Plain { entries, sum }) = &*inner
            && (*sum != 0 || entries.as_ref().is_some_and(|e| e.version() > 0))
        {
            return Err(def.failure(format_args!(
                "does not begin empty: a collection does, as nothing of it is read until it is used"
            )));
        }
        *inner = Inner::Bound(Box::new(InUse {
            def,
            values,
            variable: variable.clone(),
            read: BTreeMap::new(),
            changes: Changes::default(),
        }));
        Ok(())
    }

    /// Lets nobody use it until it is bound again.
    pub(super) fn put_away(&self) {
        let mut inner = self.inner();
        if let Inner::Bound(bound) = &*inner {
            *inner = Inner::Away(bound.def);
        }
    }

    /// Adds what was read, and what is to be written.
    ///
    /// # Errors
    /// It is not the one that was bound.
    pub(super) fn collect(&self, def: &StateDef, collected: &mut Collected) -> Result<(), Failure> {
        let inner = self.inner();
        let bound = in_use(&inner, def)?;
        for (part, at) in bound.read.keys() {
            collected.touched.push(match part {
                Some(part) => bound.variable.part(*part, at),
                None => bound.variable.clone(),
            });
        }
        let writes = bound.changes.to_fields(&bound.variable);
        collected.writes.extend(writes);
        Ok(())
    }

    /// What is to be written, encoded; nothing at first.
    ///
    /// # Errors
    /// It is not the one that was bound.
    pub(super) fn save(&self, def: &StateDef, current: bool) -> Result<Vec<u8>, Failure> {
        let inner = self.inner();
        let bound = in_use(&inner, def)?;
        let fields = match current {
            true => bound.changes.to_fields(&bound.variable),
            false => Vec::new(),
        };
        Ok(skylark_abi::encode(&fields))
    }

    /// Puts that back.
    ///
    /// # Errors
    /// It is not the one that was bound.
    pub(super) fn restore(&self, def: &StateDef, saved: &[u8]) -> Result<(), Failure> {
        let fields = skylark_abi::decode::<Vec<Field>>(saved)
            .map_err(|e| def.failure(format_args!("was not kept: {e}")))?;
        match &mut *self.inner() {
            Inner::Bound(bound) => bound.changes = Changes::of_fields(fields),
            _ => return Err(replaced(def)),
        }
        Ok(())
    }

    /// What is known of it when it is compiled; of a plain one, little.
    pub(super) fn def(&self) -> &'static StateDef {
        static PLAIN: StateDef = StateDef {
            name: "a collection",
            scope: skylark_abi::call::Scope::App,
            type_text: "",
            key: None,
            was: &[],
        };
        match &*self.inner() {
            Inner::Plain(_) => &PLAIN,
            Inner::Bound(bound) => bound.def,
            Inner::Away(def) => def,
        }
    }

    /// How its values are read and written.
    pub(super) fn codec<V: Stored + 'static>(&self) -> StateCodec<V> {
        let bound = match &*self.inner() {
            Inner::Bound(bound) => bound.values.downcast_ref().copied(),
            _ => None,
        };
        // Plain ones have no past.
        bound.unwrap_or(codec::<V>())
    }

    /// Whether it is the invocation's; ends the call if it may not be used.
    fn is_bound(&self) -> bool {
        let failure = match &*self.inner() {
            Inner::Plain(_) => return false,
            Inner::Bound(_) if !journal::is_inside(NONDET) => return true,
            Inner::Bound(bound) => bound.def.failure(format_args!(
                "is used inside `skylark::nondet`, which is left out when the function is executed \
                 again; use it outside, and record only the value"
            )),
            Inner::Away(def) => def.failure(format_args!(
                "is used through a reference that was taken before an `.await`; after a wait it is \
                 read anew, so name the static again instead of keeping `&{}`",
                def.name
            )),
        };
        target::abort(failure)
    }

    /// A key that is within the bound.
    fn admit(&self, key: &str) {
        if key.len() > MAX_KEY {
            target::abort(self.def().failure(format_args!(
                "has no room for a key of {} bytes as text, more than the limit (`MAX_KEY`) of {MAX_KEY}",
                key.len()
            )));
        }
    }

    /// A part as the store has it; `None` for the whole.
    fn stored(&self, part: Option<Part>, at: &str) -> Option<Vec<u8>> {
        if !self.is_bound() {
            let Inner::Plain(Plain { entries, sum }) = &*self.inner() else {
                return None;
            };
            return match part {
                None => Some(sum.to_string().into_bytes()),
                Some(part) => match entries {
                    Some(entries) => entries.read(part, at, 0).1,
                    None => Entries::default().read(part, at, 0).1,
                },
            };
        }
        let known = (part, at.to_owned());
        let (def, variable) = match &*self.inner() {
            Inner::Bound(bound) => {
                if let Some(value) = bound.read.get(&known) {
                    return value.clone();
                }
                let whole = &bound.variable;
                let variable = part.map_or_else(|| whole.clone(), |part| whole.part(part, at));
                (bound.def, variable)
            }
            _ => return None,
        };
        let value = match part {
            None => invocation::stored(def, &variable),
            Some(_) => invocation::stored_all(def, &[variable])
                .map(|values| values.into_iter().next().flatten()),
        };
        let value = value.unwrap_or_else(|failure| target::abort(failure));
        if let Inner::Bound(bound) = &mut *self.inner() {
            bound.read.insert(known, value.clone());
        }
        value
    }

    /// Reads entries ahead, all in one step, as far as they are not known.
    pub(super) fn fetch(&self, keys: &[String]) {
        keys.iter().for_each(|key| self.admit(key));
        if !self.is_bound() {
            return;
        }
        let (def, asked) = match &*self.inner() {
            Inner::Bound(bound) => {
                let unknown = keys.iter().filter(|key| {
                    let part = (Some(Part::Entry), (*key).clone());
                    !bound.changes.entries.contains_key(*key) && !bound.read.contains_key(&part)
                });
                let asked = unknown.map(|key| bound.variable.part(Part::Entry, key));
                (bound.def, asked.collect::<Vec<_>>())
            }
            _ => return,
        };
        let values = match invocation::stored_all(def, &asked) {
            Ok(values) => values,
            Err(failure) => target::abort(failure),
        };
        if let Inner::Bound(bound) = &mut *self.inner() {
            for (variable, value) in asked.into_iter().zip(values) {
                let part = (variable.part, variable.at);
                bound.read.insert(part, value);
            }
        }
    }

    fn changes<R>(&self, look: impl FnOnce(&Changes) -> R) -> R {
        match &*self.inner() {
            Inner::Bound(bound) => look(&bound.changes),
            _ => look(&Changes::default()),
        }
    }

    /// The value of an entry.
    pub(super) fn entry(&self, key: &str) -> Option<Vec<u8>> {
        self.admit(key);
        match self.changes(|changes| changes.entries.get(key).cloned()) {
            Some(changed) => changed,
            None => self.stored(Some(Part::Entry), key),
        }
    }

    /// Writes an entry; without a value it is deleted.
    pub(super) fn write(&self, key: &str, value: Option<Vec<u8>>) {
        self.admit(key);
        self.is_bound();
        match &mut *self.inner() {
            Inner::Plain(plain) => {
                let entries = plain.entries.get_or_insert_default();
                entries.write(Part::Entry, key, value.as_deref(), None);
            }
            Inner::Bound(bound) => drop(bound.changes.entries.insert(key.to_owned(), value)),
            Inner::Away(_) => {}
        }
    }

    fn stored_len(&self) -> u64 {
        let len = self.stored(Some(Part::Len), "");
        let len = number(len.as_deref()).unwrap_or_default();
        u64::try_from(len).unwrap_or_default()
    }

    /// How many entries a map has.
    pub(super) fn len_of_map(&self) -> u64 {
        let changed: Vec<String> = self.changes(|c| c.entries.keys().cloned().collect());
        let mut len = self.stored_len();
        // Whether an entry is new is known only to who has looked.
        self.fetch_stored(&changed);
        for key in changed {
            let was = self.stored(Some(Part::Entry), &key).is_some();
            let is = self.entry(&key).is_some();
            len = len + u64::from(is) - u64::from(was);
        }
        len
    }

    /// Reads entries ahead, whether they were changed or not.
    fn fetch_stored(&self, keys: &[String]) {
        let changes = match &mut *self.inner() {
            Inner::Bound(bound) => std::mem::take(&mut bound.changes),
            _ => return,
        };
        self.fetch(keys);
        if let Inner::Bound(bound) = &mut *self.inner() {
            bound.changes = changes;
        }
    }

    /// How many entries a list has.
    pub(super) fn len_of_list(&self) -> u64 {
        let (pushed, popped) = self.changes(|c| (c.pushed.len() as u64, c.popped()));
        (self.stored_len() + pushed).saturating_sub(popped)
    }

    /// Appends an entry.
    pub(super) fn push(&self, value: Vec<u8>) {
        self.is_bound();
        match &mut *self.inner() {
            Inner::Plain(plain) => {
                let entries = plain.entries.get_or_insert_default();
                entries.write(Part::End, "", Some(&value), None);
            }
            Inner::Bound(bound) => bound.changes.pushed.push(value),
            Inner::Away(_) => {}
        }
    }

    /// Takes the last entry off.
    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        if let Inner::Bound(bound) = &mut *self.inner()
            && let Some(value) = bound.changes.pushed.pop()
        {
            return Some(value);
        }
        let last = end_key(self.len_of_list().checked_sub(1)?);
        let value = self.entry(&last)?;
        self.write(&last, None);
        Some(value)
    }

    /// Where the entry at this position of a list is.
    fn position(&self, index: u64) -> Position {
        let key = end_key(index);
        let pushed = self.changes(|c| c.pushed.len());
        if self.entry(&key).is_some() {
            return Position::Stored(key);
        }
        if pushed == 0 {
            return Position::Beyond;
        }
        let first = self.len_of_list() - pushed as u64;
        match usize::try_from(index.wrapping_sub(first)) {
            Ok(nth) if nth < pushed => Position::Pushed(nth),
            _ => Position::Beyond,
        }
    }

    /// The entry at this position of a list.
    pub(super) fn at(&self, index: u64) -> Option<Vec<u8>> {
        match self.position(index) {
            Position::Stored(key) => self.entry(&key),
            Position::Pushed(nth) => self.changes(|c| c.pushed.get(nth).cloned()),
            Position::Beyond => None,
        }
    }

    /// Replaces the entry at this position of a list, if there is one.
    pub(super) fn replace(&self, index: u64, value: Vec<u8>) -> Option<Vec<u8>> {
        match self.position(index) {
            Position::Stored(key) => {
                let before = self.entry(&key);
                self.write(&key, Some(value));
                before
            }
            Position::Pushed(nth) => match &mut *self.inner() {
                Inner::Bound(bound) => {
                    let place = bound.changes.pushed.get_mut(nth)?;
                    Some(std::mem::replace(place, value))
                }
                _ => None,
            },
            Position::Beyond => None,
        }
    }

    /// A counter's sum.
    pub(super) fn sum(&self) -> i64 {
        let stored = self.stored(None, "");
        let Some(sum) = number(stored.as_deref()) else {
            target::abort(self.def().failure(format_args!(
                "is no counter in the store: its value was written as another type; it is kept as \
                 it is: give the counter another name with `rename = \"…\"`"
            )));
        };
        sum.saturating_add(self.changes(|c| c.added))
    }

    /// Adds to a counter.
    pub(super) fn add(&self, addend: i64) {
        self.is_bound();
        match &mut *self.inner() {
            Inner::Plain(plain) => plain.sum = plain.sum.saturating_add(addend),
            Inner::Bound(bound) => {
                bound.changes.added = bound.changes.added.saturating_add(addend);
            }
            Inner::Away(_) => {}
        }
    }

    /// A page of entries, of about so many, in the order that the span says.
    pub(super) fn page(&self, span: &Span) -> Page {
        if span.is_empty() {
            return Page {
                entries: Vec::new(),
                next: None,
            };
        }
        let found = self.stored(Some(Part::Range), &span.to_text());
        let found = found.and_then(|bytes| skylark_abi::decode::<Scanned>(&bytes).ok());
        let Some(Scanned { entries: found }) = found else {
            target::abort(
                self.def()
                    .failure(format_args!("was scanned, and what came is no page of it")),
            );
        };
        let last = found.last().map(|entry| entry.key.clone());
        // A page that is not full is the end of the span.
        let next = last.filter(|_| found.len() >= span.limit as usize);
        let (mut from, mut to) = (span.from.clone(), span.to.clone());
        match (&next, span.backwards) {
            (Some(last), false) => to = Bound::Included(last.clone()),
            (Some(last), true) => from = Bound::Included(last.clone()),
            (None, _) => {}
        }
        let mut page: BTreeMap<String, Vec<u8>> =
            found.into_iter().map(|e| (e.key, e.value)).collect();
        for (key, value) in self.changed(from, to) {
            match value {
                Some(value) => drop(page.insert(key, value)),
                None => drop(page.remove(&key)),
            }
        }
        let entries = page.into_iter();
        Page {
            entries: match span.backwards {
                false => entries.collect(),
                true => entries.rev().collect(),
            },
            next: next.map(Bound::Excluded),
        }
    }

    /// The changes to entries between two keys.
    fn changed(&self, from: Bound<String>, to: Bound<String>) -> Vec<(String, Option<Vec<u8>>)> {
        let pushed = self.changes(|c| c.pushed.clone());
        let first = match pushed.is_empty() {
            true => 0,
            false => self.len_of_list() - pushed.len() as u64,
        };
        self.changes(|changes| {
            let mut entries = changes.entries.clone();
            for (nth, value) in pushed.into_iter().enumerate() {
                entries.insert(end_key(first + nth as u64), Some(value));
            }
            entries
                .range((from, to))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        })
    }
}

/// Where an entry of a list is.
enum Position {
    /// Under this key.
    Stored(String),
    /// Among what was pushed.
    Pushed(usize),
    /// Nowhere.
    Beyond,
}

fn in_use<'a>(inner: &'a Inner, def: &StateDef) -> Result<&'a InUse, Failure> {
    match inner {
        Inner::Bound(bound) => Ok(bound),
        _ => Err(replaced(def)),
    }
}

#[cold]
fn replaced(def: &StateDef) -> Failure {
    def.failure(format_args!(
        "was put in another one's place, or taken away: a collection is changed entry by entry, \
         not assigned, swapped or taken"
    ))
}
