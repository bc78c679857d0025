//! Which store a text names.

use super::StoreError;
use std::path::PathBuf;

/// A store, named and not yet opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Memory,
    Embedded(PathBuf),
    /// The whole URL: it may hold a password, so it is printed nowhere.
    Redis(String),
}

/// Reads a store's name; its grammar is in [`super::open`].
pub(super) fn parse(url: &str) -> Result<Target, StoreError> {
    let fail = |why: String| Err(StoreError::Url { why });
    match url.split_once(':') {
        None if url == "memory" => Ok(Target::Memory),
        Some(("memory", "")) => Ok(Target::Memory),
        Some(("embedded", "")) => fail("`embedded:` lacks its directory".into()),
        Some(("embedded", rest)) if rest.starts_with("//") && !rest.starts_with("///") => {
            fail(format!(
                "`{url}` names no directory; write `embedded:{}`",
                &rest[2..]
            ))
        }
        Some(("embedded", directory)) => Ok(Target::Embedded(directory.into())),
        Some(("redis" | "unix", rest)) if rest.starts_with("//") => Ok(Target::Redis(url.into())),
        Some(("rediss", _)) => fail(
            "this build has no TLS for Redis; use redis:// over a private network or a tunnel"
                .into(),
        ),
        // What follows the scheme may hold a password.
        Some((scheme, _)) => fail(format!("`{scheme}:…` names no store")),
        None => fail(format!("`{url}` names no store")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let embedded = |path: &str| Ok(Target::Embedded(path.into()));
        let redis = |url: &str| Ok(Target::Redis(url.into()));
        let rows: [(&str, Result<Target, &str>); 13] = [
            ("memory", Ok(Target::Memory)),
            ("memory:", Ok(Target::Memory)),
            ("embedded:/var/lib/skylark", embedded("/var/lib/skylark")),
            ("embedded:data", embedded("data")),
            ("embedded:///srv/a", embedded("/srv/a")),
            ("embedded://data", Err("write `embedded:data`")),
            ("embedded:", Err("lacks its directory")),
            ("redis://localhost", redis("redis://localhost")),
            ("unix:///run/redis.sock", redis("unix:///run/redis.sock")),
            ("rediss://u:secret@h", Err("no TLS")),
            ("redis:u:secret@h", Err("`redis:…` names no store")),
            (
                "postgres://u:secret@h/db",
                Err("`postgres:…` names no store"),
            ),
            (
                "somewhere",
                Err("`somewhere` names no store; a store is one of: memory, embedded:"),
            ),
        ];
        for (url, expected) in rows {
            match (parse(url), expected) {
                (Ok(target), Ok(expected)) => assert_eq!(target, expected, "{url}"),
                (Err(error), Err(part)) => {
                    let text = error.to_string();
                    assert!(text.contains(part), "{url}: {text}");
                    assert!(!text.contains("secret"), "{url}: {text}");
                }
                (got, expected) => panic!("{url}: {got:?}, expected {expected:?}"),
            }
        }
    }
}
