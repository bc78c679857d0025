//! The files of an embedded store: a lock and a database.

use super::super::{StoreError, StoreOptions, SyncPolicy};
use super::layout::{self, LAYOUT, OLDEST_LAYOUT};
use redb::{Builder, Database, DatabaseError, StorageBackend, StorageError, backends::FileBackend};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

const DATABASE: &str = "skylark.redb";
/// The database while it is being made: a crash then leaves nothing that looks
/// like a store.
const UNFINISHED: &str = "skylark.redb.new";
const LOCK: &str = "lock";

/// A store's directory, locked by this process for as long as this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    name: String,
    options: StoreOptions,
    syncs: Arc<AtomicU64>,
    _lock: File,
}

impl Directory {
    /// Makes the directory if it is missing, and locks it.
    pub(super) fn lock(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let name = format!("embedded store in {}", path.display());
        let refused = |doing: &str, e: io::Error| StoreError::Unavailable {
            store: name.clone(),
            why: format!("cannot {doing}: {e}"),
        };
        fs::create_dir_all(path).map_err(|e| refused("make the directory", e))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(|e| refused("open its lock file", e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Unfit {
                    store: name,
                    why: "another process is using it; give each node a directory of its own, \
                          or stop the other one"
                        .into(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(refused("lock it", e)),
        }
        Ok(Self {
            path: path.to_owned(),
            name,
            options: options.clone(),
            syncs: Arc::default(),
            _lock: lock,
        })
    }

    /// What and where it is, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How often the disk was waited for.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Opens the database, making or repairing it where needed.
    pub(super) fn open(&self) -> Result<Database, StoreError> {
        let path = self.path.join(DATABASE);
        if !path.exists() {
            self.create(&path)?;
        }
        let database = self.open_file(&path).map_err(|e| self.refusal(&e))?;
        match layout::layout(&database).map_err(|e| self.fault(&e))? {
            Some(OLDEST_LAYOUT..=LAYOUT) => Ok(database),
            Some(other) => Err(StoreError::Unfit {
                store: self.name.clone(),
                why: format!(
                    "it has layout {other}, and this build of Skylark reads layout {LAYOUT}; \
                     start the build that wrote it, or name another directory"
                ),
            }),
            None => Err(StoreError::Unfit {
                store: self.name.clone(),
                why: format!(
                    "{} is not a store of Skylark's; name another directory",
                    path.display()
                ),
            }),
        }
    }

    fn create(&self, path: &Path) -> Result<(), StoreError> {
        let unfinished = self.path.join(UNFINISHED);
        let refused = |e: io::Error| self.fault(&redb::Error::Io(e));
        match fs::remove_file(&unfinished) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(refused(e)),
            _ => {}
        }
        let database = self.open_file(&unfinished).map_err(|e| self.refusal(&e))?;
        layout::lay_out(&database).map_err(|e| self.fault(&e))?;
        drop(database);
        fs::rename(&unfinished, path).map_err(refused)?;
        if self.options.sync == SyncPolicy::Always {
            File::open(&self.path)
                .and_then(|d| d.sync_all())
                .map_err(refused)?;
        }
        Ok(())
    }

    fn open_file(&self, path: &Path) -> Result<Database, DatabaseError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let backend = Backend {
            // What the file has now may hold data anywhere.
            filled: Mutex::new(file.metadata()?.len()),
            file: FileBackend::new(file)?,
            sync: self.options.sync,
            syncs: self.syncs.clone(),
        };
        let shown = path.display().to_string();
        Builder::new()
            .set_cache_size(self.options.cache)
            .set_check_integrity_on_open(self.options.verify)
            .set_repair_callback(move |session| {
                tracing::info!(file = %shown, progress = session.progress(), "repairing after a crash");
            })
            .create_with_backend(backend)
    }

    /// Why the database would not open.
    fn refusal(&self, error: &DatabaseError) -> StoreError {
        let store = self.name.clone();
        match error {
            DatabaseError::UpgradeRequired(version) => StoreError::Unfit {
                store,
                why: format!(
                    "its file has format {version}, which this build of Skylark does not read; \
                     start the build that wrote it, or name another directory"
                ),
            },
            DatabaseError::Storage(StorageError::Corrupted(what)) => self.corrupt(what),
            // redb's words for a file that does not begin as it should, or ends too early.
            DatabaseError::Storage(StorageError::Io(e))
                if matches!(
                    e.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                self.corrupt(&e.to_string())
            }
            other => StoreError::Unavailable {
                store,
                why: format!("cannot open {DATABASE}: {other}"),
            },
        }
    }

    /// What a failed operation means.
    pub(super) fn fault(&self, error: &redb::Error) -> StoreError {
        match error {
            redb::Error::Corrupted(what) => self.corrupt(what),
            redb::Error::Io(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::StorageFull
                        | io::ErrorKind::QuotaExceeded
                        | io::ErrorKind::FileTooLarge
                ) =>
            {
                self.unavailable(format!("there is no room on the disk ({e}); make some"))
            }
            redb::Error::PreviousIo => self.reopening(),
            other => self.unavailable(other.to_string()),
        }
    }

    /// The answer between a failed write and the opening after it.
    pub(super) fn reopening(&self) -> StoreError {
        self.unavailable("it is being opened anew after a failed write; try again".into())
    }

    /// It does not serve now.
    pub(super) fn unavailable(&self, why: String) -> StoreError {
        StoreError::Unavailable {
            store: self.name.clone(),
            why,
        }
    }

    /// Something that was read is not what was written.
    pub(super) fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt {
            store: self.name.clone(),
            why: format!(
                "{what}; nothing was changed. Bring {DATABASE} back from a backup, or move it away to begin empty"
            ),
        }
    }
}

/// How much of a file that has grown is filled with zeros in one go.
const FILL: u64 = 4 << 20;
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// A file that counts its syncs, and leaves them out if so told.
///
/// redb grows a file by making it longer, which leaves holes; a sync after a
/// write into a hole waits for the file system's journal too, which takes
/// several times as long. So holes are filled ahead of what is written.
#[derive(Debug)]
struct Backend {
    file: FileBackend,
    sync: SyncPolicy,
    syncs: Arc<AtomicU64>,
    /// Nothing past this was ever written.
    filled: Mutex<u64>,
}

impl Backend {
    /// Sees to it that a write up to `end` goes into no hole. A failure to fill is
    /// none of the write: that finds out for itself.
    fn fill(&self, end: u64) -> io::Result<()> {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        if end <= *filled {
            return Ok(());
        }
        let until = (end + FILL).min(self.file.len()?).max(end);
        // Counted first: what fails half-way is not filled again, over data.
        let from = std::mem::replace(&mut *filled, until);
        let mut at = from;
        while at < until {
            let zeros = &ZEROS[..ZEROS.len().min((until - at) as usize)];
            if self.file.write(at, zeros).is_err() {
                break;
            }
            at += zeros.len() as u64;
        }
        Ok(())
    }
}

/// The locks that redb asks for are not needed: the directory is locked.
impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        *filled = len.min(*filled);
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.sync {
            SyncPolicy::Always => {
                self.syncs.fetch_add(1, Ordering::Relaxed);
                self.file.sync_data()
            }
            SyncPolicy::None => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.sync == SyncPolicy::Always {
            self.fill(offset + data.len() as u64)?;
        }
        self.file.write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_ahead_never_touches_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let open = || {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let file = options.open(&path).unwrap();
            Backend {
                filled: Mutex::new(file.metadata().unwrap().len()),
                file: FileBackend::new(file).unwrap(),
                sync: SyncPolicy::Always,
                syncs: Arc::default(),
            }
        };
        let mut backend = open();
        let mut model = Vec::new();
        // Length of the file, and writes at these offsets.
        let steps: [(u64, &[u64]); 5] = [
            (FILL, &[0, FILL - 3, 17]),
            (5 * FILL, &[3 * FILL, FILL + 1, 5 * FILL - 3, 2 * FILL]),
            (2 * FILL + 9, &[2 * FILL + 6]),
            (4 * FILL, &[3 * FILL + 1, 2 * FILL + 100]),
            (6 * FILL, &[5 * FILL, 4 * FILL + 2]),
        ];
        for (len, offsets) in steps {
            backend.set_len(len).unwrap();
            model.resize(len as usize, 0);
            for &offset in offsets {
                backend.write(offset, b"abc").unwrap();
                model[offset as usize..][..3].copy_from_slice(b"abc");
            }
            let mut found = vec![1; len as usize];
            backend.read(0, &mut found).unwrap();
            assert!(found == model, "after {len} bytes, {offsets:?}");
            assert_eq!(backend.len().unwrap(), len);
            drop(backend);
            backend = open();
        }
    }
}
