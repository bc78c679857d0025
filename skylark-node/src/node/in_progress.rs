//! Executions under way on this node, so that the same invocation delivered
//! again waits for the first instead of fencing it off.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, Weak},
};
use tokio::sync::OwnedMutexGuard;

/// One lock per invocation that is being executed.
#[derive(Debug, Default, Clone)]
pub(super) struct InProgress(Arc<Mutex<Table>>);

type Table = HashMap<String, Weak<tokio::sync::Mutex<()>>>;

impl InProgress {
    /// Waits until no execution of this id is under way here; the guard keeps
    /// others waiting.
    pub(super) async fn enter(&self, id: &str) -> Entered {
        let lock = self.lock(id);
        self.entered(id, lock.lock_owned().await)
    }

    /// The same, if none is under way.
    pub(super) fn enter_if_free(&self, id: &str) -> Option<Entered> {
        let guard = self.lock(id).try_lock_owned().ok()?;
        Some(self.entered(id, guard))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut table = self.table();
        match table.get(id).and_then(Weak::upgrade) {
            Some(lock) => lock,
            None => {
                let lock = Arc::new(tokio::sync::Mutex::new(()));
                table.insert(id.to_owned(), Arc::downgrade(&lock));
                lock
            }
        }
    }

    fn entered(&self, id: &str, guard: OwnedMutexGuard<()>) -> Entered {
        Entered {
            _guard: guard,
            table: self.clone(),
            id: id.to_owned(),
        }
    }
}

/// See [`InProgress::enter`].
#[derive(Debug)]
pub(super) struct Entered {
    _guard: OwnedMutexGuard<()>,
    table: InProgress,
    id: String,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut table = self.table.table();
        // Ours is the one strong reference unless another waits for it.
        if table.get(&self.id).is_some_and(|l| l.strong_count() <= 1) {
            table.remove(&self.id);
        }
    }
}
