//! What a task knows of the state, and what is read when the guest asks for more.

use super::Task;
use crate::{
    call::{Failure, FailureKind, Scope, Variable},
    keys::{Bundle, Collection, Part},
    names::{MAX_KEY, MAX_PAGE},
    protocol::{Begin, BundleField, Versioned, app_field},
    span::{Scanned, Span},
};

/// Answer to [`Task::miss`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The value is known; `None` if it was never written.
    Known(Option<Vec<u8>>),
    /// Ask the store, then [`Task::filled`], then [`Task::miss`] again.
    Read(Begin),
}

impl Task {
    /// The guest reads a variable that its request did not carry: what to read
    /// from the store, or at once the value.
    ///
    /// The first miss reads all app-scoped variables in one snapshot, or all of the
    /// same key, so that later ones cost nothing; the driver may learn from it what
    /// to prefetch.
    ///
    /// # Errors
    /// The module has no such variable.
    pub fn miss(&self, variable: &Variable) -> Result<Miss, Failure> {
        let reads = self.missing(variable)?;
        if reads.is_empty() {
            return self.known(variable).map(Miss::Known);
        }
        Ok(Miss::Read(self.plain_read(reads)))
    }

    /// The same of several, as far as something is to be read for them.
    ///
    /// # Errors
    /// The module has no such variable.
    pub fn miss_all(&self, variables: &[Variable]) -> Result<Option<Begin>, Failure> {
        let mut reads = Vec::new();
        for variable in variables {
            reads.extend(self.missing(variable)?);
        }
        reads.sort();
        reads.dedup();
        Ok((!reads.is_empty()).then(|| self.plain_read(reads)))
    }

    fn plain_read(&self, reads: Vec<BundleField>) -> Begin {
        Begin {
            ahead: self.plan.ahead,
            app: self.invocation.app.clone(),
            id: None,
            owner: self.plan.owner.clone(),
            lease: self.plan.bounds.lease,
            reads,
        }
    }

    /// The value of a variable for which nothing is missing any more.
    ///
    /// # Errors
    /// More was scanned than the bound.
    pub fn known(&self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        let most = self.plan.bounds.max_scan;
        if variable.part == Some(Part::Range) && self.scanned > most {
            let name = &variable.name;
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the call scanned {} entries, more than the limit (`max_scan`) of {most}, the last of \
                     them in state `{name}`; say how many it needs by `.limit(n)`, or scan a narrower range",
                    self.scanned
                ),
            )
            .at(name));
        }
        let known = match shared_field(variable) {
            Some(field) => match self.tail.as_ref().and_then(|t| t.written(&field)) {
                Some(written) => written.clone(),
                None => self.snapshot.get(&field).and_then(|v| v.value.clone()),
            },
            None => {
                let mut chain = self.current().chain_state.iter();
                let found = chain.find(|f| f.variable == *variable);
                found.and_then(|f| f.value.clone())
            }
        };
        Ok(known)
    }

    /// What is to be read from the store before the value of a variable is known.
    fn missing(&self, variable: &Variable) -> Result<Vec<BundleField>, Failure> {
        if !self.declares(variable) {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "the guest asks for state `{}`, which its schema does not declare",
                    variable.name
                ),
            )
            .at(&variable.name));
        }
        let Some(field) = shared_field(variable) else {
            return Ok(Vec::new());
        };
        let written = self.tail.as_ref().and_then(|t| t.written(&field));
        if written.is_some() || self.snapshot.contains_key(&field) {
            return Ok(Vec::new());
        }
        if variable.part.is_some() {
            return Ok(vec![field]);
        }
        Ok(match variable.scope {
            Scope::App => self
                .schema
                .states_in(Scope::App)
                .map(app_field)
                .filter(|f| !self.snapshot.contains_key(f))
                .collect(),
            // What belongs to the same key, as an object's fields do.
            _ => {
                let states = self.schema.states.values();
                let key = self.schema.state(&variable.name).map(|e| &e.state.key);
                let of_key = states
                    .filter(|e| e.state.scope == Scope::Key && Some(&e.state.key) == key)
                    .filter(|e| e.state.is_whole())
                    .flat_map(|e| e.state.names())
                    .map(|name| BundleField {
                        bundle: field.bundle.clone(),
                        name: name.to_owned(),
                    });
                of_key.filter(|f| !self.snapshot.contains_key(f)).collect()
            }
        })
    }

    /// After [`Miss::Read`]. The versions are checked at commit, all together,
    /// so two snapshots that do not fit each other cannot commit.
    pub fn filled(&mut self, fields: Vec<Versioned>) {
        self.round_trips += 1;
        self.remember(fields);
    }

    pub(super) fn remember(&mut self, fields: Vec<Versioned>) {
        for field in &fields {
            if let Bundle::Part(_, Part::Range) = field.field.bundle
                && let Some(value) = &field.value
                && let Ok(scanned) = crate::decode::<Scanned>(value)
            {
                self.scanned += scanned.entries.len();
            }
        }
        self.snapshot
            .extend(fields.into_iter().map(|v| (v.field.clone(), v)));
    }

    pub(super) fn declares(&self, variable: &Variable) -> bool {
        let declared = self.schema.state(&variable.name);
        let Some(state) = declared.map(|e| &e.state) else {
            return false;
        };
        let fits = match variable.part {
            None => state.is_whole(),
            Some(part) => {
                state.collection().is_some_and(|kind| kind.has(part))
                    && match part {
                        Part::Entry => variable.at.len() <= MAX_KEY,
                        Part::Range => {
                            let span = Span::parse(&variable.at);
                            span.is_some_and(|span| span.limit <= MAX_PAGE)
                        }
                        Part::Len | Part::End | Part::Sum => variable.at.is_empty(),
                    }
            }
        };
        state.scope == variable.scope && fits
    }
}

/// Where a variable, or a part of one, is, if it is shared: all but chain-scoped
/// ones.
pub fn shared_field(variable: &Variable) -> Option<BundleField> {
    let key = match variable.scope {
        Scope::App => None,
        Scope::Key => Some(&variable.key),
        Scope::Chain => return None,
    };
    let bundle = match (variable.part, key) {
        (None, None) => Bundle::App,
        (None, Some(key)) => Bundle::Key(key.clone()),
        (Some(part), key) => {
            let of = Collection {
                key: key.cloned(),
                name: variable.name.clone(),
            };
            return Some(BundleField {
                bundle: Bundle::Part(of, part),
                name: variable.at.clone(),
            });
        }
    };
    Some(BundleField {
        bundle,
        name: variable.name.clone(),
    })
}

/// Undoes [`shared_field`].
pub(super) fn variable(field: &BundleField) -> Option<Variable> {
    let of = |key: Option<&String>, name: &String| Variable {
        scope: if key.is_some() {
            Scope::Key
        } else {
            Scope::App
        },
        name: name.clone(),
        key: key.cloned().unwrap_or_default(),
        ..Variable::default()
    };
    match &field.bundle {
        Bundle::App => Some(of(None, &field.name)),
        Bundle::Key(key) => Some(of(Some(key), &field.name)),
        Bundle::Chain(_) => None,
        Bundle::Part(collection, part) => {
            let whole = of(collection.key.as_ref(), &collection.name);
            Some(whole.part(*part, &field.name))
        }
    }
}
