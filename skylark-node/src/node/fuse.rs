//! What this node fuses: which successors are elected to it, have the time, and have
//! not fallen lately.

use super::{Node, apps::App};
use skylark_abi::{
    call::CallRequest,
    protocol::{Apart, Started, Task},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a function that fell when it was fused is left alone: long enough that
/// what always falls costs nothing, short enough that one bad input does not either.
const REST: Duration = Duration::from_secs(60);

/// The functions of an app that fell; one entry for each at most.
#[derive(Debug, Default)]
pub(super) struct Fallen(Mutex<BTreeMap<String, (Instant, bool)>>);

impl Fallen {
    fn note(&self, apart: &Apart) {
        let mut fallen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fell = (Instant::now(), apart.for_input);
        fallen.insert(apart.function.clone(), fell);
    }

    /// Whether it is to be left alone, and whether at least its input is to be
    /// encoded.
    fn rests(&self, function: &str) -> (bool, bool) {
        let fallen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fallen.get(function) {
            Some((at, for_input)) if at.elapsed() < REST => (!for_input, true),
            _ => (false, false),
        }
    }
}

impl Node {
    /// Leaves to a request those successors whose input may stay in the instance:
    /// that will be fused, whatever its size.
    pub(super) fn keep(&self, app: &App, task: &Task, request: &mut CallRequest) {
        let current = task.current();
        if request.keep.is_empty() {
            return;
        }
        let rests = app.fallen.rests(&current.function).0;
        request.keep.retain(|place| {
            let Some(next) = task.successor(*place).filter(|_| !rests) else {
                return false;
            };
            let options = app.schema.functions.get(next).map(|e| &e.function.options);
            !app.fallen.rests(next).1 && self.0.placer.stays(current, options)
        });
    }

    /// Takes back what must not be fused: what has fallen lately, and what might
    /// outlast the lease that was taken at `begun`.
    pub(super) fn restrain(&self, app: &App, task: &Task, begun: Instant, starts: &mut [Started]) {
        let rests = app.fallen.rests(&task.current().function).0;
        for start in starts.iter_mut().filter(|start| start.fuse) {
            let function = &start.invocation.function;
            let timeout = app.timeout(function);
            let timeout = timeout.unwrap_or(self.0.config.limits.timeout);
            let in_time = begun.elapsed() + timeout <= task.plan().bounds.lease;
            start.fuse = in_time && !rests && !app.fallen.rests(function).0;
        }
    }

    /// Counts what was fused, and remembers why a task was executed apart, if it was.
    pub(super) fn note_fusion(app: &App, task: &Task) {
        let fused = task
            .current()
            .tasks
            .len()
            .saturating_sub(task.invocation().tasks.len());
        if fused > 0 {
            metrics::counter!(crate::metrics::FUSED).increment(fused as u64);
        }
        if let Some(apart) = task.fell_apart() {
            tracing::debug!(app = app.name, function = apart.function, "executed apart");
            metrics::counter!(crate::metrics::APART).increment(1);
            app.fallen.note(apart);
        }
    }
}
