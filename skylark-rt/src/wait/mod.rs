//! What a function can start and wait for.

mod callee;
mod calls;
mod external;
pub mod http;
mod join;
mod next;
mod nondet;
mod promise;
mod sleep;
mod transaction;

pub use {
    calls::{Call, call},
    external::{Answer, External, answer, ended_by},
    join::{JoinAll, join_all},
    next::Next,
    nondet::nondet,
    promise::{Promise, promise},
    sleep::{Sleep, sleep},
    transaction::transaction,
};
/// For what the macros expand to.
pub(crate) mod plumbing {
    pub use super::{
        callee::{
            Arguments, Callable, Callee, FutureResult, FutureValue, PlainResult, PlainValue,
            Returns, Yielded, callee, returns,
        },
        calls::{Call as Calling, called},
        join::{Branch, Join, branch, join},
        next::{First, Fourth, Second, Third},
    };
}

use crate::{codec, journal};
use serde::de::DeserializeOwned;
use skylark_abi::{
    call::{Failure, FailureKind, Outcome},
    journal::{Action, Effect},
    value::{Codec, untag},
};
use std::{
    task::{Context, Poll},
    time::Duration,
};

/// Something that begins when it is first polled, and waits for what comes of
/// it.
#[derive(Debug)]
struct Wait {
    what: &'static str,
    effect: Option<Effect>,
    position: Option<u32>,
}

impl Wait {
    fn new(what: &'static str, action: Action) -> Self {
        Self {
            what,
            effect: Some(Effect {
                action,
                after_ms: 0,
            }),
            position: None,
        }
    }

    fn after(&mut self, delay: Duration) {
        if let Some(effect) = &mut self.effect {
            effect.after_ms = millis(delay);
        }
    }

    fn action(&mut self) -> Option<&mut Action> {
        self.effect.as_mut().map(|effect| &mut effect.action)
    }

    /// Begins, if it has not.
    fn start(&mut self) {
        if let Some(effect) = self.effect.take() {
            self.position = Some(journal::start(self.what, effect));
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Outcome> {
        self.start();
        match self.position {
            Some(position) => journal::poll(position, context.waker()),
            None => Poll::Pending,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(position) = self.position {
            journal::forget(position);
        }
    }
}

/// At least as long, in whole milliseconds.
fn millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// What has arrived, as the type that was waited for.
fn arrived<T: DeserializeOwned>(what: &str, outcome: Outcome) -> Result<T, Failure> {
    let (output, codec) = match outcome {
        Outcome::Err(failure) => return Err(failure),
        Outcome::Ok { output, codec } => (output, codec),
    };
    let decoded = match codec {
        Codec::Json => codec::from_json(&output),
        // Nothing at all stands for the unit.
        Codec::Compact => match untag(&output) {
            Some(tagged) => codec::from_payload(tagged.payload),
            None => codec::from_payload(&[0xc0]),
        },
    };
    decoded.map_err(|mismatch| {
        let wanted = std::any::type_name::<T>();
        let failure = Failure::new(
            FailureKind::Contract,
            format!("{what} came to no `{wanted}`: {}", mismatch.message),
        );
        match mismatch.path.as_str() {
            "" => failure,
            path => failure.at(path),
        }
    })
}

#[cfg(test)]
mod tests;
