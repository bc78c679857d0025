//! One execution of a function for a task, in an instance of its own or in that of the
//! task it is fused with.

use super::{Node, NodeError, apps::App};
use crate::{
    engine::{Live, StateSource},
    store::Store,
};
use async_trait::async_trait;
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Scope, Variable},
    protocol::{Begun, Task},
    run::TaskReport,
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Answers a guest's fetches out of the task's snapshot or the store.
struct Source<'a> {
    task: &'a mut Task,
    store: &'a dyn Store,
}

#[async_trait]
impl StateSource for Source<'_> {
    async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        let values = self.fetch_all(std::slice::from_ref(variable)).await?;
        Ok(values.into_iter().next().flatten())
    }

    async fn fetch_all(&mut self, variables: &[Variable]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        if let Some(begin) = self.task.miss_all(variables)? {
            match self.store.begin(&begin).await {
                Ok(Begun::Leased { fields, .. }) => self.task.filled(fields),
                Ok(other) => {
                    let why = format!("the store answered a snapshot read with {other:?}");
                    return Err(Failure::new(FailureKind::Contract, why));
                }
                Err(e) => {
                    let failure = Failure::new(FailureKind::Unavailable, e.to_string());
                    let first = variables.first();
                    return Err(first.map_or(failure.clone(), |v| failure.at(&v.name)));
                }
            }
        }
        variables.iter().map(|v| self.task.known(v)).collect()
    }
}

impl Node {
    /// Executes a function in `live`, or in an instance that is put there for what
    /// may follow in it.
    pub(super) async fn run_task<'a>(
        &self,
        app: &'a App,
        task: &mut Task,
        mut request: Box<CallRequest>,
        live: &mut Option<Live<'a>>,
        took: &mut Duration,
    ) -> Result<Box<CallResponse>, NodeError> {
        self.keep(app, task, &mut request);
        let started = Instant::now();
        let ran = self.run_guest(app, &request, task, live).await;
        *took += started.elapsed();
        let response = match ran {
            Ok(response) => {
                learn(app, task, &response);
                if !response.lasts {
                    *live = None;
                }
                response
            }
            // Not the function's doing, and perhaps not there the next time:
            // nothing to record.
            Err(failure) if failure.kind == FailureKind::Unavailable => {
                return Err(NodeError::Unavailable(failure.to_string()));
            }
            Err(failure) => {
                *live = None;
                let current = task.current();
                log_fall(&current.id.chain_id, &current.function, &failure);
                CallResponse::ended(Outcome::Err(failure))
            }
        };
        Ok(Box::new(response))
    }

    async fn run_guest<'a>(
        &self,
        app: &'a App,
        request: &CallRequest,
        task: &mut Task,
        live: &mut Option<Live<'a>>,
    ) -> Result<CallResponse, Failure> {
        let function = task.current().function.clone();
        let live = match live {
            Some(live) => live,
            None => live.insert(app.module.open().await?),
        };
        let mut source = Source {
            task,
            store: &*self.0.store,
        };
        live.call(&function, request, &self.0.config.limits, &mut source)
            .await
    }
}

/// Learns from what an execution touched: of its function, and of the one that it
/// is fused with, which begins for both.
fn learn(app: &App, task: &Task, response: &CallResponse) {
    // Parts of collections are read and written by those who do not know each
    // other's, and need no lanes.
    let of = |scope: Scope| {
        move |v: &Variable| (v.scope == scope && v.part.is_none()).then(|| v.name.clone())
    };
    let touched: BTreeSet<String> = response.touched.iter().filter_map(of(Scope::App)).collect();
    let keyed: BTreeSet<String> = response.touched.iter().filter_map(of(Scope::Key)).collect();
    let written = response.writes.iter().map(|w| &w.variable);
    let written: BTreeSet<String> = written.filter_map(of(Scope::App)).collect();
    let function = &task.current().function;
    let mut written_variables = response.writes.iter().map(|w| &w.variable);
    if (written_variables.any(|v| v.part.is_some())
        || response.touched.iter().any(|v| v.part.is_some()))
        && let Some(known) = app.known(function)
    {
        known.quick.never_again();
    }
    app.learn(function, &touched, &written, &keyed);
    app.learn_parts(task.current(), &response.touched);
    if task.is_fused() && !touched.is_empty() {
        let first = &task.invocation().function;
        app.learn(first, &touched, &written, &BTreeSet::new());
    }
}

/// Says in the log where a function fell, for the operator of one that nobody asks for
/// the result of. What is the caller's fault is no news.
pub(super) fn log_fall(id: &str, function: &str, failure: &Failure) {
    use FailureKind::{Contract, Memory, Timeout, Trap};
    if matches!(failure.kind, Trap | Timeout | Memory | Contract) {
        tracing::warn!(id, function, %failure, "an execution fell");
    }
}

/// The sizes of what an execution yielded.
pub(super) fn weigh(report: &mut TaskReport, response: &CallResponse) {
    if let Some(Outcome::Ok { output, .. }) = &response.outcome {
        report.output_bytes = output.len() as u64;
    }
    let state = response.writes.iter().filter_map(|w| w.value.as_ref());
    report.state_bytes = state.map(|v| v.len() as u64).sum();
}
