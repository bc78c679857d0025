//! What commits under way write, for those that come right after them: a begin
//! that is [`ahead`](skylark_abi::protocol::Begin::ahead) sees it before it is on
//! the disk, so that many writes of one variable share a sync.
//!
//! Such a commit may come to nothing, and another one may make the version that
//! it would have made. So what is seen ahead has a version of its own: the number
//! of the commit that makes it is part of it, and whoever read it commits only if
//! that very commit was carried out, and nothing came in between.

use skylark_abi::{
    keys::Bundle,
    protocol::{BundleField, Commit, Versioned},
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
    /// The version that each has, if it was shown before: at most one for each
    /// variable that has a lane.
    carried_out: HashMap<Key, Marked>,
    commits: u64,
}

#[derive(Debug, Clone)]
struct Shown {
    version: Marked,
    value: Option<Vec<u8>>,
}

/// A version, and above it the number of the commit that makes it; 0 if that was
/// on the disk when it was read. Numbers come again after 16 million commits, by
/// when whoever read one has long ended.
type Marked = u64;

const VERSION_BITS: u32 = 40;

fn version(marked: Marked) -> u64 {
    marked & ((1 << VERSION_BITS) - 1)
}

fn is_ahead(marked: Marked) -> bool {
    marked >> VERSION_BITS != 0
}

/// Takes what a commit writes out again when it goes.
#[derive(Default)]
pub(super) struct UnderWay {
    ahead: Arc<Ahead>,
    written: Vec<(Key, Marked)>,
}

impl Ahead {
    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is consistent between statements.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows what the commit writes, where it says which version it follows.
    pub(super) fn show(self: &Arc<Self>, commit: &Commit) -> UnderWay {
        let mut written = Vec::new();
        let mut table = self.table();
        table.commits += 1;
        let mark = (table.commits % ((1 << (64 - VERSION_BITS)) - 1) + 1) << VERSION_BITS;
        for (field, value) in &commit.writes {
            let checked = commit.checks.iter().find(|(checked, _)| checked == field);
            if let Some((_, follows)) = checked
                && field.bundle == Bundle::App
            {
                let key = (commit.app.clone(), field.clone());
                let version = mark | (version(*follows) + 1);
                let value = value.clone();
                table.shown.insert(key.clone(), Shown { version, value });
                written.push((key, version));
            }
        }
        drop(table);
        UnderWay {
            ahead: self.clone(),
            written,
        }
    }

    /// What is under way of these variables.
    pub(super) fn of(&self, app: &str, reads: &[BundleField]) -> Vec<Versioned> {
        let table = self.table();
        if table.shown.is_empty() {
            return Vec::new();
        }
        let found = reads.iter().filter_map(|field| {
            let shown = table.shown.get(&(app.to_owned(), field.clone()))?.clone();
            Some(Versioned {
                field: field.clone(),
                version: shown.version,
                value: shown.value,
            })
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
                if table.carried_out.get(&key) != Some(checked) {
                    return Err(field.clone());
                }
                *checked = version(*checked);
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
pub(super) struct Written(Vec<(Key, Marked)>);

impl Written {
    /// The commit was carried out.
    pub(super) fn carried_out(&self, ahead: &Ahead, commit: &Commit) {
        let mut table = ahead.table();
        for (field, _) in &commit.writes {
            if field.bundle == Bundle::App && !table.carried_out.is_empty() {
                let key = (commit.app.clone(), field.clone());
                table.carried_out.remove(&key);
            }
        }
        table.carried_out.extend(self.0.iter().cloned());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut table = self.ahead.table();
        for (key, version) in &self.written {
            // A later commit may have put its own there.
            if table.shown.get(key).is_some_and(|w| w.version == *version) {
                table.shown.remove(key);
            }
        }
    }
}

/// Puts what is newer into `fields`.
pub(super) fn catch_up(fields: &mut [Versioned], ahead: Vec<Versioned>) {
    for newer in ahead {
        let known = fields.iter_mut().find(|known| known.field == newer.field);
        if let Some(known) = known.filter(|known| known.version < version(newer.version)) {
            *known = newer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::protocol::{Bounds, app_field};

    /// A commit that goes by this version of `count` and writes one byte.
    fn commit(follows: Marked, byte: u8) -> Commit {
        Commit {
            checks: vec![(app_field("count"), follows)],
            writes: vec![(app_field("count"), Some(vec![byte]))],
            ..Commit::new("app", &Bounds::default())
        }
    }

    fn seen(ahead: &Ahead) -> Option<(Marked, Vec<u8>)> {
        let seen = ahead.of("app", &[app_field("count")]).pop()?;
        Some((seen.version, seen.value?))
    }

    #[test]
    fn what_is_shown_is_built_upon() {
        let ahead = Arc::<Ahead>::default();
        let first = commit(4, 1);
        let under_way = ahead.show(&first);
        let (marked, value) = seen(&ahead).expect("it is shown");
        assert_eq!((version(marked), value), (5, vec![1]));
        let mut next = commit(marked, 2);
        let showing = ahead.show(&next);
        assert_eq!(seen(&ahead).map(|(_, value)| value), Some(vec![2]));
        // In the order of the queue.
        under_way.written().carried_out(&ahead, &first);
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
        let never = ahead.show(&commit(4, 1));
        let (marked, _) = seen(&ahead).expect("it is shown");
        // Another makes the version that it would have made: shown, or not.
        let other = commit(4, 9);
        UnderWay::default().written().carried_out(&ahead, &other);
        assert_eq!(
            ahead.settle(&mut commit(marked, 2)),
            Err(app_field("count"))
        );
        let shown = ahead.show(&other);
        shown.written().carried_out(&ahead, &other);
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
        let under_way = ahead.show(&first);
        let (marked, _) = seen(&ahead).expect("it is shown");
        under_way.written().carried_out(&ahead, &first);
        UnderWay::default()
            .written()
            .carried_out(&ahead, &commit(5, 9));
        assert!(ahead.settle(&mut commit(marked, 2)).is_err());
        // What goes by the disk is not held up.
        let mut plain = commit(6, 2);
        assert_eq!(ahead.settle(&mut plain), Ok(()));
        assert_eq!(plain.checks[0].1, 6);
    }
}
