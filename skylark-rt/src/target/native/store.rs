//! A store in memory: the semantics of a begin and a commit, and no more.

use skylark_abi::{
    call::Outcome,
    id::InvocationId,
    protocol::{Begin, Begun, BundleField, Commit, Committed, Versioned},
};
use std::collections::BTreeMap;

/// What one [`super::Runtime`] remembers.
///
/// It has one owner, whose attempts at an invocation follow each other: leases
/// are fenced by their epoch and need no clock.
#[derive(Debug, Default)]
pub(super) struct Memory {
    state: BTreeMap<BundleField, Versioned>,
    records: BTreeMap<InvocationId, Record>,
    outbox: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Default)]
struct Record {
    epoch: u64,
    outcome: Option<Outcome>,
}

impl Memory {
    /// Reads, and takes a lease if asked to, in one step.
    pub(super) fn begin(&mut self, begin: &Begin) -> Begun {
        let mut epoch = 0;
        if let Some(id) = &begin.id {
            let record = self.records.entry(id.clone()).or_default();
            if let Some(outcome) = &record.outcome {
                return Begun::Recorded(outcome.clone());
            }
            record.epoch += 1;
            epoch = record.epoch;
        }
        Begun::Leased {
            epoch,
            fields: begin.reads.iter().map(|f| self.read(f)).collect(),
        }
    }

    /// All of it, or nothing.
    pub(super) fn commit(&mut self, commit: &Commit) -> Committed {
        if let Some(id) = &commit.id {
            match self.records.get(id) {
                Some(r) if r.epoch == commit.epoch && r.outcome.is_none() => {}
                _ => return Committed::Fenced,
            }
        }
        for (field, version) in &commit.checks {
            if self.state.get(field).map_or(0, |v| v.version) != *version {
                return Committed::Conflict(field.clone());
            }
        }
        for (field, value) in &commit.writes {
            let mut versioned = self.read(field);
            versioned.version += 1;
            versioned.value.clone_from(value);
            self.state.insert(field.clone(), versioned);
        }
        if let (Some(id), Some(outcome)) = (&commit.id, &commit.outcome) {
            let record = self.records.entry(id.clone()).or_default();
            record.outcome = Some(outcome.clone());
        }
        for entry in &commit.outbox {
            self.outbox.insert(entry.id.clone(), entry.payload.clone());
        }
        Committed::Done
    }

    /// A message of the outbox has been delivered.
    pub(super) fn acknowledge(&mut self, entry: &str) {
        self.outbox.remove(entry);
    }

    /// One variable as it is.
    pub(super) fn read(&self, field: &BundleField) -> Versioned {
        self.state.get(field).cloned().unwrap_or_else(|| Versioned {
            field: field.clone(),
            version: 0,
            value: None,
        })
    }

    /// Messages that are still to be delivered.
    #[cfg(test)]
    pub(super) fn undelivered(&self) -> usize {
        self.outbox.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::{keys::Bundle, protocol::OutboxEntry};
    use std::time::Duration;

    fn field() -> BundleField {
        BundleField {
            bundle: Bundle::App,
            name: "N".into(),
        }
    }

    fn begin(id: Option<InvocationId>) -> Begin {
        Begin {
            app: "app".into(),
            id,
            owner: "native".into(),
            lease: Duration::from_secs(1),
            reads: vec![field()],
        }
    }

    fn commit(id: Option<InvocationId>, epoch: u64, version: u64, value: u8) -> Commit {
        Commit {
            app: "app".into(),
            id,
            epoch,
            checks: vec![(field(), version)],
            writes: vec![(field(), Some(vec![value]))],
            outcome: Some(outcome(value)),
            outbox: vec![OutboxEntry {
                id: value.to_string(),
                payload: Vec::new(),
                claim: Duration::ZERO,
            }],
            run: None,
            retention: Duration::from_secs(1),
        }
    }

    fn outcome(value: u8) -> Outcome {
        Outcome::Ok {
            output: vec![value],
            codec: skylark_abi::value::Codec::Json,
        }
    }

    fn leased(epoch: u64, version: u64, value: Option<u8>) -> Begun {
        Begun::Leased {
            epoch,
            fields: vec![Versioned {
                field: field(),
                version,
                value: value.map(|v| vec![v]),
            }],
        }
    }

    #[test]
    fn a_stale_version_conflicts_and_leaves_nothing() {
        let mut store = Memory::default();
        assert_eq!(store.begin(&begin(None)), leased(0, 0, None));
        assert_eq!(store.commit(&commit(None, 0, 0, 1)), Committed::Done);
        assert_eq!(
            store.commit(&commit(None, 0, 0, 2)),
            Committed::Conflict(field())
        );
        assert_eq!(store.begin(&begin(None)), leased(0, 1, Some(1)));
        assert_eq!(store.undelivered(), 1);
        store.acknowledge("1");
        assert_eq!(store.undelivered(), 0);
    }

    #[test]
    fn an_older_lease_is_fenced_and_an_outcome_is_recorded_once() {
        let mut store = Memory::default();
        let id = Some(InvocationId::root("run"));
        assert_eq!(store.begin(&begin(id.clone())), leased(1, 0, None));
        assert_eq!(store.begin(&begin(id.clone())), leased(2, 0, None));
        assert_eq!(
            store.commit(&commit(id.clone(), 1, 0, 1)),
            Committed::Fenced
        );
        assert_eq!(store.commit(&commit(id.clone(), 2, 0, 2)), Committed::Done);
        assert_eq!(
            store.commit(&commit(id.clone(), 2, 1, 3)),
            Committed::Fenced
        );
        assert_eq!(store.begin(&begin(id)), Begun::Recorded(outcome(2)));
    }
}
