//! The scripts: each is one atomic step on the server.

use redis::Script;

/// All scripts, with their hashes. The `redis` crate calls them by hash, and
/// loads one that the server does not know (any more).
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) begin: Script,
    pub(super) snapshot: Script,
    pub(super) commit: Script,
    pub(super) accept: Script,
    pub(super) acknowledge: Script,
    pub(super) overdue: Script,
    pub(super) value: Script,
    pub(super) states: Script,
    pub(super) put_run: Script,
    pub(super) expire: Script,
}

/// A script that may write: refused as a whole when the server is out of
/// memory. Parts that scripts share come first.
macro_rules! writing {
    ($($part:literal),+) => {
        Script::new(concat!("#!lua\n", $(include_str!($part)),+))
    };
}

/// A script that the server holds to not writing.
macro_rules! reading {
    ($($part:literal),+) => {
        Script::new(concat!("#!lua flags=no-writes\n", $(include_str!($part)),+))
    };
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            begin: writing!(
                "time.lua",
                "lasts.lua",
                "parts.lua",
                "fields.lua",
                "lease.lua",
                "begin.lua"
            ),
            snapshot: reading!(
                "time.lua",
                "lasts.lua",
                "parts.lua",
                "fields.lua",
                "snapshot.lua"
            ),
            commit: writing!(
                "time.lua",
                "lasts.lua",
                "parts.lua",
                "fields.lua",
                "lease.lua",
                "outbox.lua",
                "failed.lua",
                "commit.lua"
            ),
            accept: writing!("time.lua", "outbox.lua", "accept.lua"),
            acknowledge: writing!("acknowledge.lua"),
            overdue: writing!("time.lua", "overdue.lua"),
            value: reading!("value.lua"),
            states: reading!("time.lua", "lasts.lua", "states.lua"),
            put_run: writing!("time.lua", "failed.lua", "put_run.lua"),
            expire: writing!("time.lua", "lasts.lua", "expire.lua"),
        }
    }
}
