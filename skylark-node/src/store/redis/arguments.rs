//! What the scripts are given: see the head of each.

use super::{
    super::{ABANDONED, kept_run},
    RedisStore,
};
use redis::ScriptInvocation;
use skylark_abi::{
    InvocationId,
    keys::{self, Bundle, Part},
    protocol::{Begin, BundleField, Commit, Listed, OutboxEntry},
};
use std::time::Duration;

impl RedisStore {
    /// What `lease.lua` takes; without an id, what `snapshot.lua` does.
    pub(super) fn give_begin(
        &self,
        begin: &Begin,
        list: &mut KeyList,
        call: &mut ScriptInvocation<'_>,
    ) {
        if begin.id.is_some() {
            call.arg(&begin.owner);
            call.arg(millis(begin.lease)).arg(millis(ABANDONED));
        }
        call.arg(self.options.max_read);
        for field in &begin.reads {
            call.arg(list.position(&begin.app, field)).arg(&field.name);
        }
    }

    /// The call of `commit.lua`.
    pub(super) fn commit_call(&self, commit: &Commit) -> ScriptInvocation<'_> {
        let app = commit.app.as_str();
        // A key that is not needed is given all the same, as another of this
        // app's: the positions stay, and so does the slot.
        let index = keys::bundles(app);
        let of_task = |id: Option<&InvocationId>| {
            id.map_or_else(|| index.clone(), |id| keys::record(app, id))
        };
        let then = commit.then.as_deref();
        let then_id = then.and_then(|begin| begin.id.as_ref());
        let mut list = KeyList {
            keys: vec![
                of_task(commit.id.as_ref()),
                index.clone(),
                keys::outbox(app),
                keys::outbox_data(app),
                commit
                    .run
                    .as_ref()
                    .map_or_else(|| index.clone(), |run| keys::run(app, &run.chain_id)),
                keys::failed(app),
                of_task(then_id),
                then_id.map_or_else(|| index.clone(), |id| keys::cancelled(app, &id.chain_id)),
                then_id.map_or_else(|| index.clone(), |id| run_of(app, id)),
            ],
        };
        let epoch = commit
            .id
            .as_ref()
            .map_or_else(String::new, |_| commit.epoch.to_string());
        let outcome = commit.outcome.as_ref().map(skylark_abi::encode);
        let mut call = self.scripts.commit.prepare_invoke();
        call.arg(epoch);
        call.arg(u8::from(outcome.is_some()))
            .arg(outcome.as_deref().unwrap_or_default());
        match &commit.run {
            Some(run) => call
                .arg(1 + place(run.listed))
                .arg(kept_run::pack(run.first_is_over, &run.record))
                .arg(&run.chain_id)
                .arg(time_to_live(run.lasts)),
            None => call.arg(0).arg("").arg("").arg(0),
        };
        call.arg(time_to_live(commit.retention))
            .arg(time_to_live(commit.keep));
        call.arg(commit.checks.len())
            .arg(commit.writes.len())
            .arg(commit.acks.len())
            .arg(commit.outbox.len())
            .arg(then.map_or(0, |begin| 4 + 2 * begin.reads.len()));
        for (field, checked) in &commit.checks {
            call.arg(list.position(app, field))
                .arg(&field.name)
                .arg(version(field, *checked));
        }
        for (field, value) in &commit.writes {
            let name = match &field.bundle {
                Bundle::Part(of, Part::Sum) => &of.name,
                _ => &field.name,
            };
            call.arg(list.position(app, field)).arg(name);
            let has_value = u8::from(value.is_some());
            match commit.ttl(field) {
                Some(ttl) => call.arg(format!("{has_value} {}", time_to_live(ttl))),
                None => call.arg(has_value),
            };
            call.arg(value.as_deref().unwrap_or_default());
            match &field.bundle {
                Bundle::Part(of, _) => call.arg(&of.name),
                bundle => call.arg(u8::from(matches!(bundle, Bundle::Chain(_)))),
            };
        }
        for entry in &commit.acks {
            call.arg(entry);
        }
        give_messages(&commit.outbox, &mut call);
        if let Some(begin) = then {
            self.give_begin(begin, &mut list, &mut call);
        }
        list.give_to(&mut call);
        call
    }
}

/// As `failed.lua` takes it.
pub(super) fn place(listed: Listed) -> u8 {
    match listed {
        Listed::Same => 0,
        Listed::Enter => 1,
        Listed::Leave => 2,
    }
}

/// The run whose record is to be looked at when this begins: that of a first task.
/// For any other its own record stands there.
pub(super) fn run_of(app: &str, id: &InvocationId) -> String {
    if id.is_first() {
        keys::run(app, &id.chain_id)
    } else {
        keys::record(app, id)
    }
}

/// Whole milliseconds, at most a century.
pub(super) fn millis(duration: Duration) -> u64 {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    u64::try_from(duration.min(CENTURY).as_millis()).unwrap_or(u64::MAX)
}

/// A time to live as Redis takes it: at least a millisecond.
pub(super) fn time_to_live(duration: Duration) -> u64 {
    millis(duration).max(1)
}

/// The version of a field, as `commit.lua` compares it.
pub(super) fn version(field: &BundleField, version: u64) -> String {
    match field.bundle {
        Bundle::Part(_, Part::Range) => format!("{version:015x}"),
        _ => version.to_string(),
    }
}

/// The keys of a script, and where each bundle's is.
pub(super) struct KeyList {
    pub(super) keys: Vec<String>,
}

impl KeyList {
    /// Position of the bundle's key in KEYS, counted from 1; of a part of a
    /// collection as `parts.lua` says it.
    pub(super) fn position(&mut self, app: &str, field: &BundleField) -> String {
        match &field.bundle {
            Bundle::Part(of, Part::Sum) => {
                format!("s{}", self.of([keys::bundle(app, &of.bundle())]))
            }
            Bundle::Part(of, part) => {
                let letter = match part {
                    Part::Entry | Part::Sum => 'e',
                    Part::Range => 'r',
                    Part::Len => 'n',
                    Part::End => 'p',
                };
                let first = self.of([
                    keys::bundle(app, &field.bundle),
                    keys::entry_versions(app, of),
                    keys::entry_index(app, of),
                    keys::bundle(app, &of.bundle()),
                ]);
                format!("{letter}{first}")
            }
            bundle => self.of([keys::bundle(app, bundle)]).to_string(),
        }
    }

    /// Position of the first of these keys, which follow each other.
    fn of<const N: usize>(&mut self, keys: [String; N]) -> usize {
        let found = self.keys.windows(N).position(|window| window == keys);
        found.unwrap_or_else(|| {
            self.keys.extend(keys);
            self.keys.len() - N
        }) + 1
    }

    pub(super) fn give_to(&self, call: &mut ScriptInvocation<'_>) {
        for key in &self.keys {
            call.key(key);
        }
    }
}

pub(super) fn give_messages(outbox: &[OutboxEntry], call: &mut ScriptInvocation<'_>) {
    for entry in outbox {
        call.arg(&entry.id).arg(entry.payload.as_slice());
        call.arg(millis(entry.claim));
    }
}
