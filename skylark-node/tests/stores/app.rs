//! Short words for what the tests do to a store.

use skylark_abi::{
    InvocationId,
    call::{Failure, FailureKind, Outcome},
    keys::Bundle,
    protocol::{
        Begin, Begun, Bounds, BundleField, Commit, Committed, Listed, OutboxEntry, RunWrite,
        Versioned,
    },
    value::Codec,
};
use skylark_node::store::{Store, StoreError};
use std::{sync::Arc, time::Duration};

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(600);
/// Passes soon.
pub(crate) const SHORT: Duration = Duration::from_millis(40);

/// An app with a store.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) name: String,
}

/// An app-scoped variable.
pub(crate) fn var(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.to_owned(),
    }
}

/// A variable in the bundle of a key.
pub(crate) fn keyed(key: &str, name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::Key(key.to_owned()),
        name: name.to_owned(),
    }
}

pub(crate) fn message(id: &str, claim: Duration) -> OutboxEntry {
    OutboxEntry {
        id: id.to_owned(),
        payload: format!("payload of {id}").into_bytes(),
        claim,
    }
}

pub(crate) fn returned(output: &str) -> Outcome {
    Outcome::Ok {
        output: output.as_bytes().to_vec(),
        codec: Codec::Json,
    }
}

pub(crate) fn failed(text: &str) -> Outcome {
    Outcome::Err(Failure::new(FailureKind::Returned, text).at("photo.width"))
}

/// The record of a run that did not fail.
pub(crate) fn run(chain_id: &str, record: &[u8]) -> RunWrite {
    RunWrite {
        chain_id: chain_id.to_owned(),
        record: record.to_vec(),
        listed: Listed::Same,
        first_is_over: false,
        lasts: LONG,
    }
}

/// What a commit answers that begins nothing.
pub(crate) const DONE: Committed = Committed::Done { begun: None };

impl App {
    /// Another app on the same store.
    pub(crate) fn sibling(&self, suffix: &str) -> Self {
        Self {
            store: self.store.clone(),
            name: format!("{}{suffix}", self.name),
        }
    }

    pub(crate) fn id(&self, run: &str) -> InvocationId {
        InvocationId::root(format!("{}.{run}", self.name))
    }

    pub(crate) async fn try_begin(
        &self,
        run: &str,
        owner: &str,
        lease: Duration,
        reads: &[BundleField],
    ) -> Result<Begun, StoreError> {
        let begin = Begin {
            lease,
            reads: reads.to_vec(),
            ..self.begin_of(run, owner)
        };
        self.store.begin(&begin).await
    }

    /// A begin of this run's first task.
    pub(crate) fn begin_of(&self, run: &str, owner: &str) -> Begin {
        Begin {
            app: self.name.clone(),
            id: Some(self.id(run)),
            owner: owner.to_owned(),
            lease: LONG,
            reads: Vec::new(),
            ahead: false,
        }
    }

    pub(crate) async fn begin(&self, run: &str, owner: &str, lease: Duration) -> Begun {
        self.try_begin(run, owner, lease, &[]).await.expect("begin")
    }

    /// Takes a lease that must be free.
    pub(crate) async fn lease(&self, run: &str, owner: &str, lease: Duration) -> u64 {
        match self.begin(run, owner, lease).await {
            Begun::Leased { epoch, .. } => epoch,
            other => panic!("{run} is not free for {owner}: {other:?}"),
        }
    }

    pub(crate) async fn try_read(
        &self,
        reads: &[BundleField],
    ) -> Result<Vec<Versioned>, StoreError> {
        let begin = Begin {
            app: self.name.clone(),
            id: None,
            owner: "reader".into(),
            lease: LONG,
            reads: reads.to_vec(),
            ahead: false,
        };
        match self.store.begin(&begin).await? {
            Begun::Leased {
                epoch: 0, fields, ..
            } => Ok(fields),
            other => panic!("a plain read gave {other:?}"),
        }
    }

    pub(crate) async fn read(&self, reads: &[BundleField]) -> Vec<Versioned> {
        self.try_read(reads).await.expect("read")
    }

    /// Version and value of one variable.
    pub(crate) async fn get(&self, field: &BundleField) -> (u64, Option<Vec<u8>>) {
        let mut fields = self.read(std::slice::from_ref(field)).await;
        let found = fields.pop().expect("one field asked for, one given");
        assert_eq!(found.field, *field);
        (found.version, found.value)
    }

    /// A commit of nothing, to be filled in.
    pub(crate) fn commit(&self) -> Commit {
        Commit {
            retention: LONG,
            keep: LONG,
            ..Commit::new(&self.name, &Bounds::default())
        }
    }

    /// A commit of this run's root task.
    pub(crate) fn commit_of(&self, run: &str, epoch: u64) -> Commit {
        Commit {
            id: Some(self.id(run)),
            epoch,
            outcome: Some(returned("1")),
            ..self.commit()
        }
    }

    /// Writes without a check.
    pub(crate) async fn put(&self, writes: &[(BundleField, Option<&[u8]>)]) {
        let writes = writes
            .iter()
            .map(|(field, value)| (field.clone(), value.map(<[u8]>::to_vec)))
            .collect();
        let commit = Commit {
            writes,
            ..self.commit()
        };
        assert_eq!(self.send(&commit).await, DONE);
    }

    pub(crate) async fn send(&self, commit: &Commit) -> Committed {
        self.store.commit(commit).await.expect("commit")
    }

    /// Adds one to a decimal counter, as an invocation of its own, until no
    /// other increment came in between. Tells how often it ran.
    pub(crate) async fn increment(&self, run: &str, owner: &str, counter: &BundleField) -> u32 {
        for attempt in 1.. {
            let reads = std::slice::from_ref(counter);
            let begun = self
                .try_begin(run, owner, LONG, reads)
                .await
                .expect("begin");
            let Begun::Leased { epoch, fields, .. } = begun else {
                panic!("{run}: {begun:?}")
            };
            let value = number(fields[0].value.as_deref());
            let commit = Commit {
                checks: vec![(counter.clone(), fields[0].version)],
                writes: vec![(counter.clone(), Some((value + 1).to_string().into_bytes()))],
                ..self.commit_of(run, epoch)
            };
            match self.send(&commit).await {
                Committed::Done { .. } => return attempt,
                Committed::Conflict(field) => assert_eq!(field, *counter),
                Committed::Unfit(_) | Committed::Fenced => {
                    panic!("{run} is fenced, and nobody else runs it")
                }
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// What is due of this app, by id; claimed anew for `claim`.
    pub(crate) async fn due(&self, claim: Duration) -> Vec<String> {
        let due = self.store.overdue(1000, claim).await.expect("overdue");
        let mine = due.into_iter().filter(|(app, _)| *app == self.name);
        let mut ids: Vec<_> = mine
            .map(|(_, entry)| {
                assert_eq!(entry.payload, message(&entry.id, claim).payload);
                assert_eq!(entry.claim, claim);
                entry.id
            })
            .collect();
        ids.sort();
        ids
    }
}

/// A decimal counter; 0 if it was never written.
pub(crate) fn number(value: Option<&[u8]>) -> u64 {
    value.map_or(0, |digits| {
        let digits = std::str::from_utf8(digits).expect("digits");
        digits.parse().expect("a number")
    })
}
