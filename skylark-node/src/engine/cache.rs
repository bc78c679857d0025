//! Compiled modules kept on disk.
//!
//! What is read back is run as machine code, so nothing is trusted for its
//! name: an entry counts only if it carries the right keyed hash (HMAC-SHA-256
//! with a secret made for this folder) over its key and contents. The key
//! covers the module and the compiler's version and configuration. The folder
//! is closed to other users; who may read its secret could as well run code as
//! the node's user. Anything that does not check out is removed and compiled
//! anew.

use super::EngineError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const SECRET: &str = "secret";
/// As long as the hash's block, so that it is a key as it is, in bytes.
const SECRET_LEN: usize = 64;
const MAC_LEN: usize = 32;
const ENTRY: &str = "cwasm";
const UNFINISHED: &str = "tmp";
/// After this long an unfinished file is a dead process's.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder of compiled modules. Several processes may share it.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    secret: [u8; SECRET_LEN],
    /// Hash of what else than the module decides the compiled form.
    compiler: [u8; 32],
    limit: u64,
}

impl Cache {
    /// Opens the folder, made if need be, for what `compiler` makes; keeps it
    /// under `limit` bytes.
    pub(super) fn open(
        dir: &Path,
        compiler: &impl std::hash::Hash,
        limit: u64,
    ) -> Result<Self, EngineError> {
        let fault = |e: io::Error| EngineError::Cache {
            path: dir.to_owned(),
            why: format!("{e}; name a folder that the node's user may write to"),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(fault)?;
        let secret = shared_secret(dir).map_err(fault)?;
        let folder = fs::metadata(dir).map_err(fault)?;
        // A file made just now belongs to this process's user.
        let own = fs::metadata(dir.join(SECRET)).map_err(fault)?.uid();
        if folder.uid() != own {
            return Err(EngineError::Cache {
                path: dir.to_owned(),
                why: "the folder belongs to another user, who could put machine code in it; \
                      name one that belongs to the node's user"
                    .into(),
            });
        }
        if folder.mode() & 0o077 != 0 {
            fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(fault)?;
        }
        let cache = Self {
            dir: dir.to_owned(),
            secret,
            compiler: stable_hash(compiler),
            limit,
        };
        cache.sweep();
        Ok(cache)
    }

    /// Name of the entry of the module with this SHA-256.
    fn key(&self, module: &[u8; 32]) -> String {
        let mut key = Sha256::new();
        key.update(self.compiler);
        key.update(module);
        super::module::hex(&key.finalize())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.join(key).with_extension(ENTRY)
    }

    fn mac(&self, key: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.secret.into());
        mac.update(key.as_bytes());
        mac.update(code);
        mac
    }

    /// The compiled form of the module with this SHA-256, if it is there and
    /// was put there by an engine that knows this folder's secret.
    pub(super) fn get(&self, module: &[u8; 32]) -> Option<Vec<u8>> {
        let key = self.key(module);
        let path = self.path(&key);
        let mut file = File::open(&path).ok()?;
        let mut code = vec![0; MAC_LEN];
        let read = file
            .read_exact(&mut code)
            .and_then(|()| {
                let tag = std::mem::take(&mut code);
                file.read_to_end(&mut code).map(|_| tag)
            })
            .map(|tag| self.mac(&key, &code).verify_slice(&tag).is_ok());
        match read {
            Ok(true) => {
                // For eviction, which keeps what was used last. Failing that,
                // the entry only goes sooner.
                let _ = file.set_modified(SystemTime::now());
                Some(code)
            }
            _ => {
                tracing::warn!(path = %path.display(), "a compiled module is damaged or foreign; it is removed and made anew");
                self.discard(module);
                None
            }
        }
    }

    /// Removes an entry that turned out to be of no use.
    pub(super) fn discard(&self, module: &[u8; 32]) {
        // If it cannot be removed it is refused again next time.
        let _ = fs::remove_file(self.path(&self.key(module)));
    }

    /// Keeps a compiled form, whole or not at all.
    pub(super) fn put(&self, module: &[u8; 32], code: &[u8]) {
        if code.len() as u64 > self.limit {
            tracing::warn!(
                size = code.len(),
                limit = self.limit,
                "a compiled module is larger than the limit `max-cache` and is not kept"
            );
            return;
        }
        let key = self.key(module);
        let tag = self.mac(&key, code).finalize().into_bytes();
        let path = self.path(&key);
        let written = write_whole(&self.dir, &[&tag, code], |unfinished| {
            fs::rename(unfinished, &path)
        });
        match written {
            Ok(()) => self.sweep(),
            // The node works without; it only starts slower next time.
            Err(error) => {
                tracing::warn!(dir = %self.dir.display(), %error, "a compiled module cannot be kept on disk");
            }
        }
    }

    /// Removes the entries not used for longest until the rest fits, and what
    /// dead processes left behind.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        let now = SystemTime::now();
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(meta) = entry.metadata() else { continue };
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match path.extension().and_then(|e| e.to_str()) {
                Some(ENTRY) => kept.push((used, meta.len(), path)),
                Some(UNFINISHED) if now.duration_since(used).is_ok_and(|d| d > ABANDONED) => {
                    let _ = fs::remove_file(&path);
                }
                _ => {}
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in kept {
            if total <= self.limit {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }
}

/// Reads the folder's secret, or makes it; of several processes that do so at
/// once, one wins and all read the same.
fn shared_secret(dir: &Path) -> io::Result<[u8; SECRET_LEN]> {
    let path = dir.join(SECRET);
    for _ in 0..2 {
        match fs::read(&path) {
            Ok(secret) => {
                if let Ok(secret) = secret.as_slice().try_into() {
                    return Ok(secret);
                }
                fs::remove_file(&path)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        // Of each version 4 uuid, 122 bits are the system's random numbers.
        let fresh = [(); SECRET_LEN / 16].map(|()| uuid::Uuid::new_v4().into_bytes());
        let made = write_whole(dir, &[fresh.as_flattened()], |unfinished| {
            let linked = fs::hard_link(unfinished, &path);
            fs::remove_file(unfinished)?;
            linked
        });
        match made {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    Err(io::Error::other(format!(
        "{} cannot be read back",
        path.display()
    )))
}

/// Writes a new file that only this user may read, then lets `place` move it
/// where it belongs.
fn write_whole(
    dir: &Path,
    parts: &[&[u8]],
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let path = dir
        .join(uuid::Uuid::new_v4().simple().to_string())
        .with_extension(UNFINISHED);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let done = parts
        .iter()
        .try_for_each(|part| file.write_all(part))
        .and_then(|()| place(&path));
    if done.is_err() {
        let _ = fs::remove_file(&path);
    }
    done
}

/// A hash that is the same in every process, unlike the standard hasher's.
fn stable_hash(value: &impl std::hash::Hash) -> [u8; 32] {
    struct Sha(Sha256);
    impl std::hash::Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            // `Hash` implementations write; none reads while it does.
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    value.hash(&mut sha);
    sha.0.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: [u8; 32] = [7; 32];

    fn open(dir: &Path, compiler: &str, limit: u64) -> Cache {
        Cache::open(dir, &compiler, limit).expect("the folder opens")
    }

    #[test]
    fn entries_outlive_the_process_and_are_the_compilers_own() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), "c1", 1 << 20);
        assert_eq!(cache.get(&MODULE), None);
        cache.put(&MODULE, b"code");
        assert_eq!(cache.get(&MODULE).as_deref(), Some(&b"code"[..]));
        assert_eq!(
            open(dir.path(), "c1", 1 << 20).get(&MODULE).as_deref(),
            Some(&b"code"[..])
        );
        assert_eq!(open(dir.path(), "c2", 1 << 20).get(&MODULE), None);
    }

    #[test]
    fn what_does_not_check_out_is_removed() {
        let check = |what: &str, spoil: &dyn Fn(&Cache, &Path)| {
            let dir = tempfile::tempdir().unwrap();
            let cache = open(dir.path(), "c", 1 << 20);
            cache.put(&MODULE, b"code");
            let path = cache.path(&cache.key(&MODULE));
            spoil(&cache, &path);
            assert_eq!(cache.get(&MODULE), None, "{what}");
            assert!(!path.exists(), "{what}: it is still there");
        };
        check("cut", &|_, path| {
            fs::write(path, &fs::read(path).unwrap()[..35]).unwrap();
        });
        check("shorter than its hash", &|_, path| {
            fs::write(path, b"x").unwrap()
        });
        check("one bit", &|_, path| {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        });
        check("another module's", &|cache, path| {
            cache.put(&[8; 32], b"other");
            fs::rename(cache.path(&cache.key(&[8; 32])), path).unwrap();
        });
        check("of another folder", &|_, path| {
            let other = tempfile::tempdir().unwrap();
            let other = open(other.path(), "c", 1 << 20);
            other.put(&MODULE, b"code");
            fs::copy(other.path(&other.key(&MODULE)), path).unwrap();
        });
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path(), "c", 3 * (1000 + MAC_LEN as u64));
        let code = [0; 1000];
        for n in 0..3_u8 {
            cache.put(&[n; 32], &code);
            let file = File::open(cache.path(&cache.key(&[n; 32]))).unwrap();
            let age = Duration::from_secs(1000 - u64::from(n));
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        assert!(cache.get(&[0; 32]).is_some(), "now the last used");
        cache.put(&[3; 32], &code);
        let there = |n: u8| cache.path(&cache.key(&[n; 32])).exists();
        assert_eq!([0, 1, 2, 3].map(there), [true, false, true, true]);
        cache.put(&[4; 32], &[0; 4000]);
        assert!(!there(4), "larger than the whole");
    }

    #[test]
    fn the_folder_is_closed_to_others_and_a_broken_secret_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let cache = open(dir.path(), "c", 1 << 20);
        cache.put(&MODULE, b"code");
        assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);
        let secret = dir.path().join(SECRET);
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
        fs::write(&secret, b"short").unwrap();
        assert_eq!(open(dir.path(), "c", 1 << 20).get(&MODULE), None);
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = Cache::open(&file, &"c", 1).unwrap_err().to_string();
        assert!(
            error.contains("compiled modules") && error.contains("file"),
            "{error}"
        );
    }
}
