//! Who may commit which invocation. One process owns an embedded store, so
//! leases need not outlive it: after a restart nobody holds any.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// The live leases of this process, by record key.
#[derive(Debug)]
pub(super) struct Leases {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    last_epoch: u64,
    leases: HashMap<String, Lease>,
}

#[derive(Debug)]
struct Lease {
    epoch: u64,
    owner: String,
    ends: Instant,
}

/// Bits of an epoch that count leases; those above count starts of the process,
/// so that an epoch is not reused after a restart.
const COUNTER_BITS: u32 = 40;

impl Leases {
    /// No leases; `boot` must be larger than ever before for this store.
    pub(super) fn new(boot: u64) -> Self {
        let table = Table {
            last_epoch: boot << COUNTER_BITS,
            leases: HashMap::new(),
        };
        Self {
            table: Mutex::new(table),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing below panics halfway through a change.
        self.table.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Gives the lease on `key` to `owner` and returns its epoch, or how long
    /// another owner's has to go.
    pub(super) fn take(&self, key: &str, owner: &str, lasts: Duration) -> Result<u64, Duration> {
        let now = Instant::now();
        let mut table = self.table();
        if let Some(held) = table.leases.get(key)
            && held.owner != owner
            && held.ends > now
        {
            return Err(held.ends - now);
        }
        table.last_epoch += 1;
        let lease = Lease {
            epoch: table.last_epoch,
            owner: owner.to_owned(),
            ends: now + lasts.min(FOREVER),
        };
        table.leases.insert(key.to_owned(), lease);
        Ok(table.last_epoch)
    }

    /// Whether this epoch is the last one given for `key`.
    pub(super) fn holds(&self, key: &str, epoch: u64) -> bool {
        self.table()
            .leases
            .get(key)
            .is_some_and(|l| l.epoch == epoch)
    }

    /// Forgets the lease, unless a newer one was given.
    pub(super) fn release(&self, key: &str, epoch: u64) {
        let mut table = self.table();
        if table.leases.get(key).is_some_and(|l| l.epoch == epoch) {
            table.leases.remove(key);
        }
    }

    /// Forgets what ended more than `ago` ago.
    pub(super) fn sweep(&self, ago: Duration) {
        let now = Instant::now();
        self.table().leases.retain(|_, l| l.ends + ago > now);
    }
}

/// Keeps `Instant` arithmetic in range.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
