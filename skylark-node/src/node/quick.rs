//! Calls that cost no more than the call: of functions that touch no state and
//! have no successors, by callers without an idempotency key. Such a run is
//! one task with nothing to begin, commit or deliver, and nobody knows its id
//! before it has ended.

use super::{
    Node, NodeError, apps::App, brief::Brief, guest::log_fall, invoke::Input, micros, unix_us,
    views::Reply,
};
use crate::engine::StateSource;
use async_trait::async_trait;
use skylark_abi::{
    InvocationId,
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Scope, Variable},
    journal::Seen,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Instant,
};

/// Whether a function is called quickly.
#[derive(Debug)]
pub(super) struct Quick(AtomicU8);

impl Quick {
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;

    /// What is known before the first call.
    pub(super) fn new(has_successors: bool, app_has_state: bool) -> Self {
        Self(AtomicU8::new(match (has_successors, app_has_state) {
            (true, _) => Self::NO,
            (false, true) => Self::UNKNOWN,
            (false, false) => Self::YES,
        }))
    }

    /// An execution has touched no state: from now on it is taken at its word,
    /// unless it was seen to touch some.
    pub(super) fn touched_none(&self) {
        // Either way it is known from now on.
        let _ = self
            .0
            .compare_exchange(Self::UNKNOWN, Self::YES, Relaxed, Relaxed);
    }

    pub(super) fn is_yes(&self) -> bool {
        self.0.load(Relaxed) == Self::YES
    }

    /// It touches state, or may.
    pub(super) fn never_again(&self) {
        self.0.store(Self::NO, Relaxed);
    }
}

/// Answers no fetch: the call must then be made again the long way.
#[derive(Default)]
struct Stateless {
    asked: bool,
}

#[async_trait]
impl StateSource for Stateless {
    async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        self.asked = true;
        Err(Failure::new(FailureKind::State, "").at(&variable.name))
    }
}

impl Node {
    /// Runs a function of which [`Quick::is_yes`]. `None` if it turns out to
    /// touch state or to start something after all: none of it has taken
    /// effect, and it must be executed the long way.
    pub(super) async fn invoke_quickly(
        &self,
        app: &Arc<App>,
        function: &str,
        input: &Input,
        tasks: bool,
    ) -> Option<Result<Reply, NodeError>> {
        let known = app.known(function)?;
        let uuid = uuid::Uuid::now_v7();
        let id = super::invoke::run_id_of(&app.name, uuid);
        let arrived_unix_us = unix_us();
        let request = CallRequest {
            id: InvocationId::root(&*id),
            input: input.bytes.to_vec(),
            input_codec: input.codec,
            output_codec: known.result,
            fields: Vec::new(),
            complete: vec![Scope::Chain],
            past: Vec::new(),
            arrived: Vec::new(),
            seen: Seen {
                unix_us: arrived_unix_us,
                seed: uuid::Uuid::new_v4().as_u64_pair(),
            },
            keep: Vec::new(),
            kept: false,
        };
        let mut state = Stateless::default();
        let started = Instant::now();
        let called = app
            .module
            .call(function, &request, &self.0.config.limits, &mut state)
            .await;
        let run_us = micros(started.elapsed());
        let outcome = match called {
            _ if state.asked => None,
            Ok(response) => outcome(response),
            // Not the function's doing, and perhaps not there the next time:
            // nothing to record.
            Err(failure) if failure.kind == FailureKind::Unavailable => {
                return Some(Err(NodeError::Unavailable(failure.to_string())));
            }
            Err(failure) => {
                log_fall(&id, function, &failure);
                Some(Err(failure))
            }
        };
        let Some(outcome) = outcome else {
            known.quick.never_again();
            return None;
        };
        let brief = Brief {
            uuid: uuid.as_u128(),
            names: known.names.clone(),
            arrived_unix_us,
            run_us,
            input_bytes: input.bytes.len() as u64,
            outcome: &outcome,
        };
        self.0.briefs.keep(&brief);
        let tasks = if tasks || outcome.is_err() {
            vec![brief.report(self.name())]
        } else {
            Vec::new()
        };
        Some(match outcome {
            Ok(output) => Ok(Reply {
                run_id: id,
                output,
                tasks,
                replayed: false,
            }),
            Err(failure) => Err(NodeError::Failed {
                run_id: id,
                failure,
                tasks,
            }),
        })
    }
}

/// How it ended, if that is all there is to its response.
fn outcome(response: CallResponse) -> Option<Result<Vec<u8>, Failure>> {
    let nothing_else = response.touched.is_empty()
        && response.writes.is_empty()
        && response.next.is_empty()
        && response.effects.is_empty()
        && response.fan.is_none();
    let outcome = response.outcome.filter(|_| nothing_else)?;
    Some(match outcome {
        Outcome::Ok { output, .. } => Ok(output),
        Outcome::Err(failure) => Err(failure),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_quickly_until_it_is_seen_to_touch_state() {
        let check = |successors, state, want: [bool; 3]| {
            let quick = Quick::new(successors, state);
            let first = quick.is_yes();
            quick.touched_none();
            let second = quick.is_yes();
            quick.never_again();
            quick.touched_none();
            assert_eq!([first, second, quick.is_yes()], want);
        };
        check(false, false, [true, true, false]);
        check(false, true, [false, true, false]);
        check(true, false, [false, false, false]);
    }
}
