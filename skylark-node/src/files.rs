//! Files that the node owns.

use anyhow::{Context, bail};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use uuid::Uuid;

/// Shortest token that is taken from a file, in bytes.
const MIN_TOKEN: usize = 16;

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of the system; the file is as it was.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", Uuid::new_v4().simple()));
    let written = File::create_new(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the one above.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// The token that an operator's file holds.
///
/// # Errors
/// It cannot be read, or is too short to be a secret.
pub(crate) fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the token in {}", path.display()))?;
    let token = text.trim();
    if token.len() < MIN_TOKEN || token.contains(char::is_whitespace) {
        bail!(
            "{} holds no token: one line of at least {MIN_TOKEN} characters without spaces, for example from `openssl rand -hex 32`",
            path.display()
        );
    }
    Ok(token.to_owned())
}

/// The token in the node's own file, made at the first start.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn own_token(path: &Path) -> anyhow::Result<String> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match created {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return read_token(path),
        other => other.with_context(|| format!("creating the token in {}", path.display()))?,
    };
    let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    file.write_all(token.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("writing the token in {}", path.display()))?;
    tracing::info!(file = %path.display(), "a token was made");
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = own_token(&path).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(own_token(&path).unwrap(), token);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        for text in ["", "short\n", "two words that are long enough"] {
            std::fs::write(&path, text).unwrap();
            let error = read_token(&path).unwrap_err().to_string();
            assert!(error.contains("holds no token"), "{text}: {error}");
        }
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        assert_eq!(read_token(&path).unwrap(), "0123456789abcdef");
    }
}
