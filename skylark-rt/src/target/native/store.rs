//! A store in memory: the semantics of a begin and a commit, and no more.

use skylark_abi::{
    call::Outcome,
    id::InvocationId,
    keys::{Bundle, Collection, Part},
    protocol::{
        Begin, Begun, BundleField, Commit, Committed, Entries, Versioned, added, expiring_version,
        fits, whole,
    },
    run::Completion,
};
use std::{collections::BTreeMap, time::Duration};

/// What one [`super::Runtime`] remembers.
///
/// It has one owner, whose attempts at an invocation follow each other: leases
/// are fenced by their epoch, and an older one passes as soon as a newer is asked
/// for. Only state with a `ttl` expires, and is swept when the clock is put forward.
#[derive(Debug, Default)]
pub(super) struct Memory {
    state: BTreeMap<BundleField, Versioned>,
    /// When variables are over that do not last; microseconds.
    expires: BTreeMap<BundleField, u64>,
    collections: BTreeMap<Collection, Entries>,
    records: BTreeMap<InvocationId, Record>,
    outbox: BTreeMap<String, Entry>,
    runs: BTreeMap<String, Completion>,
}

#[derive(Debug, Default)]
struct Record {
    epoch: u64,
    outcome: Option<Outcome>,
}

/// A message that is not acknowledged yet.
#[derive(Debug, Clone)]
struct Entry {
    payload: Vec<u8>,
    /// When it is delivered again, unless it is acknowledged before; microseconds.
    claimed_until: u64,
}

impl Memory {
    /// Reads, and takes a lease if asked to, in one step.
    pub(super) fn begin(&mut self, begin: &Begin, now_us: u64) -> Begun {
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
            fields: begin.reads.iter().map(|f| self.read(f, now_us)).collect(),
            run: None,
        }
    }

    /// All of it, or nothing.
    pub(super) fn commit(&mut self, commit: &Commit, now_us: u64) -> Committed {
        if let Some(id) = &commit.id {
            match self.records.get(id) {
                Some(r) if r.epoch == commit.epoch && r.outcome.is_none() => {}
                _ => return Committed::Fenced,
            }
        }
        for (field, version) in &commit.checks {
            if self.read(field, now_us).version != *version {
                return Committed::Conflict(field.clone());
            }
        }
        for (field, value) in &commit.writes {
            if !self.fits(field, value.as_deref(), now_us) {
                return Committed::Unfit(field.clone());
            }
        }
        for (field, value) in &commit.writes {
            let until = commit
                .ttl(field)
                .map(|ttl| now_us.saturating_add(micros(ttl)));
            match &field.bundle {
                Bundle::Part(of, Part::Sum) => {
                    let whole = whole(of);
                    let before = self.read(&whole, now_us).value;
                    let sum = added(before.as_deref(), value.as_deref());
                    self.write(whole, sum, until, now_us);
                }
                Bundle::Part(of, part) => {
                    self.write_part(of, *part, (&field.name, value.as_deref()), until);
                }
                // What waited leaves nothing behind.
                Bundle::Chain(_) if value.is_none() => drop(self.state.remove(field)),
                _ => self.write(field.clone(), value.clone(), until, now_us),
            }
        }
        if let Some(id) = &commit.id {
            let record = self.records.entry(id.clone()).or_default();
            record.outcome.clone_from(&commit.outcome);
            // With or without an outcome, the lease is given back.
            record.epoch += 1;
        }
        for ack in &commit.acks {
            self.outbox.remove(ack);
        }
        for entry in &commit.outbox {
            let entry_of = Entry {
                payload: entry.payload.clone(),
                claimed_until: now_us.saturating_add(micros(entry.claim)),
            };
            self.outbox.insert(entry.id.clone(), entry_of);
        }
        Committed::Done {
            begun: commit.then.as_ref().map(|begin| self.begin(begin, now_us)),
        }
    }

    /// A message of the outbox has been delivered.
    pub(super) fn acknowledge(&mut self, entry: &str) {
        self.outbox.remove(entry);
    }

    /// The message whose claim passes first, and when.
    pub(super) fn next_claim(&self) -> Option<(u64, String)> {
        let claims = self.outbox.iter().map(|(id, e)| (e.claimed_until, id));
        claims.min().map(|(until, id)| (until, id.clone()))
    }

    /// Takes a message over, if it is still there.
    pub(super) fn claim(&mut self, entry: &str, until_us: u64) -> Option<Vec<u8>> {
        let found = self.outbox.get_mut(entry)?;
        found.claimed_until = found.claimed_until.max(until_us);
        Some(found.payload.clone())
    }

    /// A run is over.
    pub(super) fn complete(&mut self, completion: Completion) {
        let run = completion.chain_id.clone();
        self.runs.entry(run).or_insert(completion);
    }

    /// How a run ended.
    pub(super) fn run(&self, chain_id: &str) -> Option<&Completion> {
        self.runs.get(chain_id)
    }

    /// Whether this may be written: a part only of what is a collection.
    fn fits(&self, field: &BundleField, value: Option<&[u8]>, now_us: u64) -> bool {
        let Bundle::Part(of, part) = &field.bundle else {
            return true;
        };
        let before = self.read(&whole(of), now_us).value;
        fits(*part, before.as_deref(), value)
    }

    fn write(
        &mut self,
        field: BundleField,
        value: Option<Vec<u8>>,
        until_us: Option<u64>,
        now_us: u64,
    ) {
        let before = self.state.get(&field).map_or(0, |v| v.version);
        let version = match until_us {
            Some(until) => {
                self.expires.insert(field.clone(), until);
                expiring_version(before, now_us)
            }
            None => {
                self.expires.remove(&field);
                before + 1
            }
        };
        let versioned = Versioned {
            field: field.clone(),
            version,
            value,
        };
        self.state.insert(field, versioned);
    }

    fn write_part(
        &mut self,
        of: &Collection,
        part: Part,
        (at, value): (&str, Option<&[u8]>),
        expires_us: Option<u64>,
    ) {
        let entries = self.collections.entry(of.clone()).or_default();
        entries.write(part, at, value, expires_us);
        let versioned = Versioned {
            field: whole(of),
            version: entries.version(),
            value: Some(entries.len_text()),
        };
        self.state.insert(versioned.field.clone(), versioned);
    }

    /// Forgets what is over, as a node does every so often.
    pub(super) fn sweep(&mut self, now_us: u64) {
        let Self { state, expires, .. } = self;
        expires.retain(|field, until| {
            let stays = *until > now_us;
            if !stays {
                state.remove(field);
            }
            stays
        });
        for (of, entries) in &mut self.collections {
            if entries.sweep(now_us, usize::MAX) > 0
                && let Some(whole) = self.state.get_mut(&whole(of))
            {
                whole.version = entries.version();
                whole.value = Some(entries.len_text());
            }
        }
    }

    /// One variable, or part of one, as it is by then.
    pub(super) fn read(&self, field: &BundleField, now_us: u64) -> Versioned {
        if let Bundle::Part(of, part) = &field.bundle {
            let none = Entries::default();
            let entries = self.collections.get(of).unwrap_or(&none);
            let (version, value) = entries.read(*part, &field.name, now_us);
            return Versioned {
                field: field.clone(),
                version,
                value,
            };
        }
        let is_over = self.expires.get(field).is_some_and(|at| *at <= now_us);
        let known = self.state.get(field).filter(|_| !is_over);
        known.cloned().unwrap_or_else(|| Versioned {
            field: field.clone(),
            version: 0,
            value: None,
        })
    }

    /// All variables, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &BundleField> {
        self.state.keys()
    }

    /// Messages that are still to be delivered.
    pub(super) fn undelivered(&self) -> usize {
        self.outbox.len()
    }
}

/// In microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::protocol::OutboxEntry;

    const DONE: Committed = Committed::Done { begun: None };

    fn field() -> BundleField {
        BundleField {
            bundle: Bundle::App,
            name: "N".into(),
        }
    }

    fn begin(id: Option<InvocationId>) -> Begin {
        Begin {
            ahead: false,
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
            lasts: BTreeMap::new(),
            outbox: vec![OutboxEntry {
                id: value.to_string(),
                payload: Vec::new(),
                claim: Duration::ZERO,
            }],
            acks: Vec::new(),
            then: None,
            run: None,
            retention: Duration::from_secs(1),
            keep: Duration::from_secs(1),
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
            run: None,
        }
    }

    #[test]
    fn a_stale_version_conflicts_and_leaves_nothing() {
        let mut store = Memory::default();
        assert_eq!(store.begin(&begin(None), 0), leased(0, 0, None));
        assert_eq!(store.commit(&commit(None, 0, 0, 1), 0), DONE);
        assert_eq!(
            store.commit(&commit(None, 0, 0, 2), 0),
            Committed::Conflict(field())
        );
        assert_eq!(store.begin(&begin(None), 0), leased(0, 1, Some(1)));
        assert_eq!(store.undelivered(), 1);
        store.acknowledge("1");
        assert_eq!(store.undelivered(), 0);
    }

    #[test]
    fn an_older_lease_is_fenced_and_an_outcome_is_recorded_once() {
        let mut store = Memory::default();
        let id = Some(InvocationId::root("run"));
        assert_eq!(store.begin(&begin(id.clone()), 0), leased(1, 0, None));
        assert_eq!(store.begin(&begin(id.clone()), 0), leased(2, 0, None));
        assert_eq!(
            store.commit(&commit(id.clone(), 1, 0, 1), 0),
            Committed::Fenced
        );
        assert_eq!(store.commit(&commit(id.clone(), 2, 0, 2), 0), DONE);
        assert_eq!(
            store.commit(&commit(id.clone(), 2, 1, 3), 0),
            Committed::Fenced
        );
        assert_eq!(store.begin(&begin(id), 0), Begun::Recorded(outcome(2)));
    }

    #[test]
    fn what_waited_leaves_nothing_and_a_commit_acknowledges_and_begins() {
        let mut store = Memory::default();
        let waits = BundleField {
            bundle: Bundle::Chain("run".into()),
            name: "0".into(),
        };
        let mut kept = commit(None, 0, 0, 1);
        kept.writes.push((waits.clone(), Some(vec![1])));
        assert_eq!(store.commit(&kept, 0), DONE);
        assert_eq!(store.read(&waits, 0).version, 1);

        let mut over = commit(None, 0, 1, 2);
        over.checks.push((waits.clone(), 1));
        over.writes.push((waits.clone(), None));
        over.acks = vec!["1".into()];
        over.then = Some(Box::new(begin(Some(InvocationId::root("next")))));
        let begun = Some(leased(1, 2, Some(2)));
        assert_eq!(store.commit(&over, 0), Committed::Done { begun });
        assert_eq!(store.read(&waits, 0).version, 0);
        assert_eq!(store.next_claim(), Some((0, "2".into())));
    }
}
