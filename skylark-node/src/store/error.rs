//! What can go wrong with a store, said so that a person can mend it.

/// An error of a [`super::Store`]. Its text says what, where and how to mend,
/// and never holds a password or a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The text given as the store is none.
    #[error(
        "{why}; a store is one of: memory, embedded:DIRECTORY, redis://[user:password@]host[:port][/db]"
    )]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be reached, went away, or is too slow; trying again may help.
    #[error("{store}: {why}")]
    Unavailable {
        /// Which store ([`super::Store::describe`]).
        store: String,
        /// What happened and what to look at.
        why: String,
    },
    /// It is there, but will not do until somebody changes something.
    #[error("{store} cannot be used: {why}")]
    Unfit {
        /// Which store.
        store: String,
        /// What to change.
        why: String,
    },
    /// What it holds is not what was written.
    #[error("{store} is damaged: {why}")]
    Corrupt {
        /// Which store.
        store: String,
        /// Where, and what to do.
        why: String,
    },
    /// Larger than a limit; nothing was read or written.
    #[error("{what} is {size} bytes, more than the limit of {limit} (option `{option}`)")]
    TooLarge {
        /// Which value.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
        /// The node's option that sets the limit.
        option: &'static str,
    },
}
