//! Exit codes, and the errors that choose one.

use std::process::{ExitCode, Termination};

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: what was asked about has errors: `check` found some, the build or the
    /// invocation failed, the module was refused.
    Failure,
    /// 2: the command was not understood: an unknown option, JSON that is none.
    Usage,
    /// 3: something is missing around the command: the wasm target, the node's
    /// program, a running node.
    Environment,
}

impl Exit {
    /// The code for `error`: that of the first typed cause in its chain.
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(|cause| {
                if cause.is::<Usage>() {
                    Some(Self::Usage)
                } else if cause.is::<Environment>() {
                    Some(Self::Environment)
                } else {
                    match cause.downcast_ref::<crate::client::ClientError>() {
                        Some(crate::client::ClientError::Unreachable { .. }) => {
                            Some(Self::Environment)
                        }
                        _ => None,
                    }
                }
            })
            .unwrap_or(Self::Failure)
    }

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Environment => 3,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The caller asked for something that cannot be ([`Exit::Usage`]).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Something that should be on this machine is not ([`Exit::Environment`]).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Environment(pub String);

/// An [`Usage`] error, ready for `?`.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// An [`Environment`] error, ready for `?`.
pub fn environment(message: impl Into<String>) -> anyhow::Error {
    Environment(message.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_cause_chooses_the_code() {
        let check = |error: anyhow::Error, code: u8| assert_eq!(Exit::of(&error).code(), code);
        check(anyhow::anyhow!("two errors"), 1);
        check(usage("no such option"), 2);
        check(environment("no node"), 3);
        let wrapped: anyhow::Result<()> = Err(environment("no node"));
        check(wrapped.context("cannot start").unwrap_err(), 3);
    }
}
