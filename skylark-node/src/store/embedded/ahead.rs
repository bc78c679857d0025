//! What commits under way write, for those that come right after them: a begin
//! that is [`ahead`](skylark_abi::protocol::Begin::ahead) sees it before it is on
//! the disk, so that many writes of one variable share a sync.
//!
//! Such a commit may come to nothing, and another one may make the version that
//! it would have made. So what is seen ahead has a version of its own, which stands
//! for the commit that makes it: whoever read it commits only if that very commit
//! was carried out, and nothing came in between.

use skylark_abi::{
    keys::Bundle,
    protocol::{BundleField, Commit, Versioned, expiring_version},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Values that commits under way write, by app and variable.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Table>);

type Key = (String, BundleField);

#[derive(Debug, Default)]
struct Table {
    /// What each will have been.
    shown: HashMap<Key, Shown>,
    /// What each has become that was shown before: at most one for each variable that
    /// has a lane.
    carried_out: HashMap<Key, Made>,
    commits: u64,
}

#[derive(Debug, Clone)]
struct Shown {
    made: Made,
    value: Option<Vec<u8>>,
}

/// A version that was shown: what stands for it, and what it is on the disk. As long as
/// its commit is under way, the latter is what it will at least be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Made {
    sign: u64,
    version: u64,
}

/// Beyond all versions: the signs are this and the number of the commit.
const AHEAD: u64 = 1 << 63;

fn is_ahead(version: u64) -> bool {
    version >= AHEAD
}

impl Table {
    /// The version on the disk that a checked one is, as far as it is known.
    fn known(&self, key: &Key, checked: u64) -> Option<u64> {
        if !is_ahead(checked) {
            return Some(checked);
        }
        let shown = self.shown.get(key).map(|shown| shown.made);
        let made = [shown, self.carried_out.get(key).copied()];
        let made = made.into_iter().flatten().find(|m| m.sign == checked)?;
        Some(made.version)
    }
}

/// What a write makes of a version at that time in milliseconds.
fn next(commit: &Commit, field: &BundleField, follows: u64, now: u64) -> u64 {
    match commit.ttl(field) {
        Some(_) => expiring_version(follows, now.saturating_mul(1000)),
        None => follows + 1,
    }
}

/// Takes what a commit writes out again when it goes.
#[derive(Default)]
pub(super) struct UnderWay {
    ahead: Arc<Ahead>,
    written: Vec<(Key, u64)>,
}

impl Ahead {
    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is consistent between statements.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows what the commit writes, where it says which version it follows.
    pub(super) fn show(self: &Arc<Self>, commit: &Commit, now: u64) -> UnderWay {
        let mut written = Vec::new();
        let mut table = self.table();
        table.commits += 1;
        let sign = AHEAD + table.commits;
        for (field, value) in &commit.writes {
            let checked = commit.checks.iter().find(|(checked, _)| checked == field);
            let key = (commit.app.clone(), field.clone());
            if let Some((_, follows)) = checked
                && field.bundle == Bundle::App
                && let Some(follows) = table.known(&key, *follows)
            {
                let version = next(commit, field, follows, now);
                let made = Made { sign, version };
                let value = value.clone();
                table.shown.insert(key.clone(), Shown { made, value });
                written.push((key, sign));
            }
        }
        drop(table);
        UnderWay {
            ahead: self.clone(),
            written,
        }
    }

    /// What is under way of these variables, and what its versions will be.
    pub(super) fn of(&self, app: &str, reads: &[BundleField]) -> Vec<(u64, Versioned)> {
        let table = self.table();
        if table.shown.is_empty() {
            return Vec::new();
        }
        let found = reads.iter().filter_map(|field| {
            let shown = table.shown.get(&(app.to_owned(), field.clone()))?.clone();
            let newer = Versioned {
                field: field.clone(),
                version: shown.made.sign,
                value: shown.value,
            };
            Some((shown.made.version, newer))
        });
        found.collect()
    }

    /// Turns the versions that a commit checks into those on the disk, as the
    /// commits before it in the queue have left it; or tells what conflicts.
    pub(super) fn settle(&self, commit: &mut Commit) -> Result<(), BundleField> {
        let table = self.table();
        for (field, checked) in &mut commit.checks {
            // Of others, as ranges of entries, a version is any number.
            if field.bundle == Bundle::App && is_ahead(*checked) {
                let key = (commit.app.clone(), field.clone());
                match table.carried_out.get(&key) {
                    Some(made) if made.sign == *checked => *checked = made.version,
                    _ => return Err(field.clone()),
                }
            }
        }
        Ok(())
    }
}

impl UnderWay {
    /// The versions that it makes, for [`Written::carried_out`].
    pub(super) fn written(&self) -> Written {
        Written(self.written.clone())
    }
}

/// What a commit has shown.
pub(super) struct Written(Vec<(Key, u64)>);

impl Written {
    /// The commit was carried out, as it was [settled](Ahead::settle), at that time.
    pub(super) fn carried_out(&self, ahead: &Ahead, commit: &Commit, now: u64) {
        let mut table = ahead.table();
        for (field, _) in &commit.writes {
            if field.bundle == Bundle::App && !table.carried_out.is_empty() {
                let key = (commit.app.clone(), field.clone());
                table.carried_out.remove(&key);
            }
        }
        for (key, sign) in &self.0 {
            let checked = commit.checks.iter().find(|(field, _)| *field == key.1);
            if let Some((field, follows)) = checked {
                let version = next(commit, field, *follows, now);
                let sign = *sign;
                table
                    .carried_out
                    .insert(key.clone(), Made { sign, version });
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut table = self.ahead.table();
        for (key, sign) in &self.written {
            // A later commit may have put its own there.
            if table.shown.get(key).is_some_and(|w| w.made.sign == *sign) {
                table.shown.remove(key);
            }
        }
    }
}

/// Puts what is newer into `fields`.
pub(super) fn catch_up(fields: &mut [Versioned], ahead: Vec<(u64, Versioned)>) {
    for (version, newer) in ahead {
        let known = fields.iter_mut().find(|known| known.field == newer.field);
        if let Some(known) = known.filter(|known| known.version < version) {
            *known = newer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::protocol::{Bounds, app_field};

    /// A commit that goes by this version of `count` and writes one byte.
    fn commit(follows: u64, byte: u8) -> Commit {
        Commit {
            checks: vec![(app_field("count"), follows)],
            writes: vec![(app_field("count"), Some(vec![byte]))],
            ..Commit::new("app", &Bounds::default())
        }
    }

    /// Some time.
    const NOW: u64 = 1_767_225_600_000;

    /// What will be, the version that stands for it, and the value.
    fn seen(ahead: &Ahead) -> Option<(u64, u64, Vec<u8>)> {
        let (version, seen) = ahead.of("app", &[app_field("count")]).pop()?;
        Some((version, seen.version, seen.value?))
    }

    #[test]
    fn what_is_shown_is_built_upon() {
        let ahead = Arc::<Ahead>::default();
        let first = commit(4, 1);
        let under_way = ahead.show(&first, NOW);
        let (version, marked, value) = seen(&ahead).expect("it is shown");
        assert_eq!((version, value), (5, vec![1]));
        let mut next = commit(marked, 2);
        let showing = ahead.show(&next, NOW);
        assert_eq!(seen(&ahead).map(|(.., value)| value), Some(vec![2]));
        // In the order of the queue.
        under_way.written().carried_out(&ahead, &first, NOW);
        drop(under_way);
        assert_eq!(ahead.settle(&mut next), Ok(()));
        assert_eq!(next.checks[0].1, 5);
        assert!(seen(&ahead).is_some(), "the second is under way");
        drop(showing);
        assert_eq!(seen(&ahead), None);
    }

    #[test]
    fn what_never_came_to_be_is_not_built_upon() {
        let ahead = Arc::<Ahead>::default();
        let never = ahead.show(&commit(4, 1), NOW);
        let (_, marked, _) = seen(&ahead).expect("it is shown");
        // Another makes the version that it would have made: shown, or not.
        let other = commit(4, 9);
        UnderWay::default()
            .written()
            .carried_out(&ahead, &other, NOW);
        assert_eq!(
            ahead.settle(&mut commit(marked, 2)),
            Err(app_field("count"))
        );
        let shown = ahead.show(&other, NOW);
        shown.written().carried_out(&ahead, &other, NOW);
        assert_eq!(
            ahead.settle(&mut commit(marked, 2)),
            Err(app_field("count"))
        );
        drop(never);
        assert!(seen(&ahead).is_some(), "the other is still shown");
    }

    #[test]
    fn what_came_in_between_is_seen() {
        let ahead = Arc::<Ahead>::default();
        let first = commit(4, 1);
        let under_way = ahead.show(&first, NOW);
        let (_, marked, _) = seen(&ahead).expect("it is shown");
        under_way.written().carried_out(&ahead, &first, NOW);
        UnderWay::default()
            .written()
            .carried_out(&ahead, &commit(5, 9), NOW);
        assert!(ahead.settle(&mut commit(marked, 2)).is_err());
        // What goes by the disk is not held up.
        let mut plain = commit(6, 2);
        assert_eq!(ahead.settle(&mut plain), Ok(()));
        assert_eq!(plain.checks[0].1, 6);
    }

    #[test]
    fn versions_of_what_does_not_last_are_those_of_the_time() {
        let ahead = Arc::<Ahead>::default();
        let with_ttl = |follows, byte| {
            let mut commit = commit(follows, byte);
            let ttl = std::time::Duration::from_secs(60);
            commit.lasts.insert("count".into(), ttl);
            commit
        };
        let first = with_ttl(0, 1);
        let under_way = ahead.show(&first, NOW);
        let (version, marked, _) = seen(&ahead).expect("it is shown");
        assert_eq!(version, NOW * 1000);
        // It is carried out later, and is what it is then.
        let mut next = with_ttl(marked, 2);
        under_way.written().carried_out(&ahead, &first, NOW + 2);
        assert_eq!(ahead.settle(&mut next), Ok(()));
        assert_eq!(next.checks[0].1, (NOW + 2) * 1000);
        // Nor is a version of the time taken for one that is seen ahead.
        let mut plain = with_ttl((NOW + 2) * 1000, 3);
        assert_eq!(ahead.settle(&mut plain), Ok(()));
    }
}
