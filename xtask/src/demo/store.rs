//! What the demo leaves in a store that outlives it: nothing.

use anyhow::{Context as _, Result};
use skylark_abi::keys;

/// Whether the store is a server's, which others may use.
pub(crate) fn is_shared(store: &str) -> bool {
    store.starts_with("redis")
}

/// The store's URL as it may be shown.
pub(crate) fn without_password(store: &str) -> String {
    match store
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)))
    {
        Some((scheme, host)) => format!("{scheme}://{host}"),
        None => store.to_owned(),
    }
}

/// How many keys one step of the search looks at.
const STEP: usize = 1000;

/// Removes the demo's app from a shared store.
///
/// # Errors
/// The store cannot be reached.
pub(crate) async fn clean(store: &str, app: &str) -> Result<()> {
    if !is_shared(store) {
        return Ok(());
    }
    let shown = without_password(store);
    remove(store, app)
        .await
        .with_context(|| format!("cannot remove what `{app}` left in {shown}"))
}

async fn remove(store: &str, app: &str) -> redis::RedisResult<()> {
    let mut redis = redis::Client::open(store)?
        .get_multiplexed_async_connection()
        .await?;
    let mut cursor = 0_u64;
    loop {
        let (next, found): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("sky:{{{app}}}:*"))
            .arg("COUNT")
            .arg(STEP)
            .query_async(&mut redis)
            .await?;
        if !found.is_empty() {
            redis::cmd("DEL").arg(found).exec_async(&mut redis).await?;
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    redis::cmd("SREM")
        .arg(keys::APPS)
        .arg(app)
        .exec_async(&mut redis)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (store, shown) in [
            ("embedded", "embedded"),
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://user:p@ss@host:1/2", "redis://host:1/2"),
        ] {
            assert_eq!(without_password(store), shown);
        }
    }
}
