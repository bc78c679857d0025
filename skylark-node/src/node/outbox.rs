//! Which entries of the outbox this node is delivering.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc, watch};

/// Entries being delivered by this node, and the way to acknowledge them.
pub(super) struct Outbox {
    delivering: Arc<Delivering>,
    /// Most executions that deliveries have under way here at once.
    pub(super) executions: Semaphore,
    pub(super) acknowledge: mpsc::Sender<(String, String)>,
}

struct Delivering {
    entries: Mutex<HashSet<String>>,
    /// Most of them; what is over it stays in the store until a sweep finds
    /// room for it.
    limit: usize,
    count: watch::Sender<usize>,
}

/// Acknowledgements waiting to be written; past it the entry is simply
/// delivered again, and dropped by its target.
const ACKNOWLEDGEMENTS: usize = 4096;

/// An entry that this node delivers, and nobody else here, until it is dropped.
pub(super) struct Claim {
    delivering: Arc<Delivering>,
    pub(super) entry: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut entries = self.delivering.entries();
        entries.remove(&self.entry);
        self.delivering.count.send_replace(entries.len());
    }
}

impl Delivering {
    fn entries(&self) -> MutexGuard<'_, HashSet<String>> {
        self.entries.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Outbox {
    pub(super) fn new(limit: usize, executions: usize) -> (Self, mpsc::Receiver<(String, String)>) {
        let (acknowledge, receiver) = mpsc::channel(ACKNOWLEDGEMENTS);
        let outbox = Self {
            delivering: Arc::new(Delivering {
                entries: Mutex::default(),
                limit,
                count: watch::Sender::new(0),
            }),
            executions: Semaphore::new(executions.min(Semaphore::MAX_PERMITS)),
            acknowledge,
        };
        (outbox, receiver)
    }

    /// Claims an entry, if there is room and it is not being delivered yet.
    pub(super) fn claim(&self, entry: &str) -> Option<Claim> {
        let mut entries = self.delivering.entries();
        let taken = entries.len() < self.delivering.limit && entries.insert(entry.to_owned());
        self.delivering.count.send_replace(entries.len());
        taken.then(|| Claim {
            delivering: self.delivering.clone(),
            entry: entry.to_owned(),
        })
    }

    /// How many more entries may be delivered at once.
    pub(super) fn room(&self) -> usize {
        let Delivering { limit, count, .. } = &*self.delivering;
        limit.saturating_sub(*count.borrow())
    }

    /// Waits until nothing is being delivered.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let mut count = self.delivering.count.subscribe();
        let _ = count.wait_for(|n| *n == 0).await;
    }
}

/// Which other nodes share this one's store, and which do not answer.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    sharing: RwLock<BTreeSet<String>>,
    silent: Mutex<HashMap<String, Silence>>,
}

/// A node that could not be reached.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Instant,
    asked: Instant,
}

impl Neighbours {
    pub(super) fn set_sharing(&self, nodes: Vec<String>) {
        *self.sharing.write().unwrap_or_else(|e| e.into_inner()) = nodes.into_iter().collect();
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<String, Silence>> {
        self.silent.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The node was asked, and answered (whatever it said) or not.
    pub(super) fn asked(&self, node: &str, answered: bool) {
        let asked = Instant::now();
        let mut silent = self.silent();
        if answered {
            silent.remove(node);
            return;
        }
        let since = silent.get(node).map_or(asked, |silence| silence.since);
        silent.insert(node.to_owned(), Silence { since, asked });
    }

    /// Whether the node uses the same store, and answered when it was last asked.
    pub(super) fn shares(&self, node: &str) -> bool {
        let sharing = self.sharing.read().unwrap_or_else(|e| e.into_inner());
        sharing.contains(node) && !self.silent().contains_key(node)
    }

    /// Whether what goes to `node` is to be done in its place: it shares the store,
    /// has been silent for so long, and was asked no longer ago than that.
    pub(super) fn replaces(&self, node: &str, patience: Duration) -> bool {
        let silence = self.silent().get(node).copied();
        silence.is_some_and(|s| s.since.elapsed() >= patience && s.asked.elapsed() < patience)
            && self
                .sharing
                .read()
                .unwrap_or_else(|e| e.into_inner())
                .contains(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_node_is_replaced_and_asked_again() {
        let neighbours = Neighbours::default();
        neighbours.set_sharing(vec!["b".into()]);
        let now = Duration::ZERO;
        let long = Duration::from_secs(3600);
        neighbours.asked("b", false);
        // Not silent for long enough; or it is time to ask once more.
        assert!(!neighbours.replaces("b", long) && !neighbours.replaces("b", now));
        let ago = |secs| Instant::now().checked_sub(Duration::from_secs(secs));
        if let (Some(since), Some(asked)) = (ago(20), ago(1)) {
            neighbours
                .silent()
                .insert("b".into(), Silence { since, asked });
            assert!(neighbours.replaces("b", Duration::from_secs(10)));
            neighbours
                .silent()
                .insert("c".into(), Silence { since, asked });
            assert!(
                !neighbours.replaces("c", Duration::from_secs(10)),
                "no shared store"
            );
        }
        neighbours.asked("b", true);
        assert!(!neighbours.replaces("b", Duration::from_secs(10)));
    }
}
