//! One task, from begin to commit: `abi::protocol::Task` driven between the
//! engine and the store.

use super::{Node, NodeError, apps::App, micros, runs, unix_us};
use crate::{engine::StateSource, store::Store};
use async_trait::async_trait;
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Scope, Variable},
    protocol::{Begun, Bounds, Commit, Done, Miss, Plan, Step, Task},
    run::{Invocation, Message, RunRecord, TaskReport},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

/// What must be known to execute an invocation besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct How {
    /// It may come twice: take a lease and record the outcome.
    pub(super) dedupe: bool,
}

/// A task that has been carried out.
pub(super) struct Executed {
    pub(super) done: Done,
    /// The run's tasks up to this one.
    pub(super) tasks: Vec<TaskReport>,
}

/// Executions under way on this node, so that the same invocation delivered
/// again waits for the first instead of fencing it off.
#[derive(Default)]
pub(super) struct InProgress(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl InProgress {
    /// Waits until no execution of this id is under way here; the guard keeps
    /// others waiting.
    pub(super) async fn enter(&self, id: &str) -> Entered<'_> {
        let lock = {
            let mut table = self.0.lock().unwrap_or_else(|e| e.into_inner());
            match table.get(id).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::new(tokio::sync::Mutex::new(()));
                    table.insert(id.to_owned(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        Entered {
            _guard: lock.lock_owned().await,
            table: self,
            id: id.to_owned(),
        }
    }
}

/// See [`InProgress::enter`].
pub(super) struct Entered<'a> {
    _guard: tokio::sync::OwnedMutexGuard<()>,
    table: &'a InProgress,
    id: String,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut table = self.table.0.lock().unwrap_or_else(|e| e.into_inner());
        // Ours is the one strong reference unless another waits for it.
        if table.get(&self.id).is_some_and(|l| l.strong_count() <= 1) {
            table.remove(&self.id);
        }
    }
}

/// Answers a guest's fetches out of the task's snapshot or the store.
struct Source<'a> {
    task: &'a mut Task,
    store: &'a dyn Store,
}

#[async_trait]
impl StateSource for Source<'_> {
    async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let begin = match self.task.miss(variable)? {
                Miss::Known(value) => return Ok(value),
                Miss::Read(begin) => begin,
            };
            match self.store.begin(&begin).await {
                Ok(Begun::Leased { fields, .. }) => self.task.filled(fields),
                Ok(other) => {
                    let why = format!("the store answered a snapshot read with {other:?}");
                    return Err(Failure::new(FailureKind::Contract, why));
                }
                Err(e) => {
                    return Err(
                        Failure::new(FailureKind::Unavailable, e.to_string()).at(&variable.name)
                    );
                }
            }
        }
    }
}

/// Times of one attempt.
#[derive(Default)]
struct Clock {
    begin: Duration,
    run: Duration,
    commit: Duration,
}

impl Node {
    /// Executes an invocation and commits its effects. A failure of the
    /// function is an outcome; an error here means that nothing is known to
    /// have been committed, and that it may be tried again.
    pub(super) async fn execute(
        &self,
        app: &Arc<App>,
        invocation: Invocation,
        how: How,
    ) -> Result<Executed, NodeError> {
        let arrived = unix_us();
        let function = invocation.function.clone();
        let schema = app.module.schema();
        let limits = &self.0.config.limits;
        let timeout = app.timeout(&function).unwrap_or(limits.timeout);
        let learned = app.learned(&function);
        let _lanes = app.lanes(&learned.written).await;
        let origin_here = invocation.origin == self.name();
        let bounds = &self.0.config.bounds;
        let plan = Plan {
            owner: self.name().to_owned(),
            dedupe: how.dedupe,
            prefetch: learned.touched.iter().cloned().collect(),
            inline: origin_here,
            bounds: Bounds {
                // A lease must not pass while the call may still run.
                lease: bounds.lease.max(timeout * 2),
                ..bounds.clone()
            },
        };
        let mut report = TaskReport {
            task_id: invocation.id.task_id.clone(),
            function: function.clone(),
            node: self.name().to_owned(),
            arrived_unix_us: arrived,
            begin_us: 0,
            run_us: 0,
            commit_us: 0,
            input_bytes: invocation.input.len() as u64,
            output_bytes: 0,
            state_bytes: 0,
            round_trips: 0,
            conflicts: 0,
            placed: invocation.placed.clone(),
        };
        let mut clock = Clock::default();
        let mut ending: Option<(Outcome, bool)> = None;
        let mut task = Task::new(invocation, schema, plan);
        let mut step = task.start();
        let done = loop {
            step = match step {
                Step::Begin(begin) => {
                    let started = Instant::now();
                    let begun = self.0.store.begin(&begin).await?;
                    clock.begin += started.elapsed();
                    task.begun(begun)
                }
                Step::Wait(remaining) => {
                    // Looked at again well before the lease ends: its holder
                    // most likely commits long before that.
                    tokio::time::sleep(remaining.min(Duration::from_millis(50))).await;
                    task.start()
                }
                Step::Run(request) => {
                    let started = Instant::now();
                    let ran = self
                        .run_guest(app, &function, &request, limits, &mut task)
                        .await;
                    clock.run += started.elapsed();
                    fill(&mut report, &clock, &task);
                    match ran {
                        Ok((response, successors)) => {
                            self.account(app, &function, &response, &mut report);
                            ending = Some((response.outcome.clone(), successors.is_empty()));
                            task.ran(response, successors, report.clone())
                        }
                        // Not the function's doing, and perhaps not there the
                        // next time: nothing to record.
                        Err(failure) if failure.kind == FailureKind::Unavailable => {
                            return Err(NodeError::Unavailable(failure.to_string()));
                        }
                        Err(failure) => {
                            ending = Some((Outcome::Err(failure.clone()), true));
                            task.fail(failure, report.clone())
                        }
                    }
                }
                Step::Commit(mut commit) => {
                    let started = Instant::now();
                    self.attach_run(&task, &mut commit, ending.as_ref(), &report, origin_here)
                        .await?;
                    let committed = self.0.store.commit(&commit).await?;
                    clock.commit += started.elapsed();
                    fill(&mut report, &clock, &task);
                    task.committed(committed, report.clone())
                }
                Step::Done(done) => break *done,
            };
        };
        fill(&mut report, &clock, &task);
        Ok(self.finish_task(task, done, report))
    }

    async fn run_guest(
        &self,
        app: &Arc<App>,
        function: &str,
        request: &CallRequest,
        limits: &crate::engine::CallLimits,
        task: &mut Task,
    ) -> Result<(CallResponse, Vec<Invocation>), Failure> {
        let mut source = Source {
            task,
            store: &*self.0.store,
        };
        let response = app
            .module
            .call(function, request, limits, &mut source)
            .await?;
        let schema = app.module.schema();
        let mut successors = task.successors(&response, schema)?;
        for successor in &mut successors {
            let options = schema
                .functions
                .get(&successor.function)
                .map(|e| &e.function.options);
            self.0.placer.place(successor, options)?;
        }
        Ok((response, successors))
    }

    /// Learns from what an execution touched, and puts its sizes into its
    /// report.
    fn account(
        &self,
        app: &Arc<App>,
        function: &str,
        response: &CallResponse,
        report: &mut TaskReport,
    ) {
        let in_app = |v: &Variable| (v.scope == Scope::App).then(|| v.name.clone());
        let touched: BTreeSet<String> = response.touched.iter().filter_map(in_app).collect();
        let written: BTreeSet<String> = response
            .writes
            .iter()
            .filter_map(|w| in_app(&w.variable))
            .collect();
        app.learn(function, &touched, &written);
        if let Outcome::Ok { output, .. } = &response.outcome {
            report.output_bytes = output.len() as u64;
        }
        let state = response.writes.iter().filter_map(|w| w.value.as_ref());
        report.state_bytes = state.map(|v| v.len() as u64).sum();
    }

    /// Lets the commit of a durable run's task carry the run's record along,
    /// where this node is the one that keeps it.
    async fn attach_run(
        &self,
        task: &Task,
        commit: &mut Commit,
        ending: Option<&(Outcome, bool)>,
        report: &TaskReport,
        origin_here: bool,
    ) -> Result<(), NodeError> {
        let invocation = task.invocation();
        if !(invocation.durable && origin_here) {
            return Ok(());
        }
        let id = &invocation.id.chain_id;
        let root = invocation.tasks.is_empty();
        let Some((outcome, last)) = ending else {
            return Ok(());
        };
        if !last && !root {
            return Ok(());
        }
        let begun = match self.0.runs.get(id) {
            Some(record) => Some((*record).clone()),
            None => self.stored_run(id).await?,
        };
        let Some(begun) = begun else {
            return Ok(());
        };
        let record = if *last {
            let mut tasks = invocation.tasks.clone();
            tasks.push(report.clone());
            runs::ended(&begun, outcome.clone(), tasks)
        } else {
            begun
        };
        commit.run = Some((id.clone(), skylark_abi::encode(&record)));
        Ok(())
    }

    fn finish_task(&self, task: Task, mut done: Done, report: TaskReport) -> Executed {
        // The commit's own time is only known now; the durable copy in the
        // outbox goes without it.
        for (_, message) in &mut done.messages {
            let tasks = match message {
                Message::Invoke(i) => &mut i.tasks,
                Message::Complete(c) => &mut c.tasks,
            };
            if let Some(last) = tasks.last_mut() {
                *last = report.clone();
            }
        }
        let mut tasks = task.invocation().tasks.clone();
        tasks.push(report);
        Executed { done, tasks }
    }
}

fn fill(report: &mut TaskReport, clock: &Clock, task: &Task) {
    report.begin_us = micros(clock.begin);
    report.run_us = micros(clock.run);
    report.commit_us = micros(clock.commit);
    report.round_trips = task.round_trips();
    report.conflicts = task.conflicts();
}

/// A run that begins now.
pub(super) fn begun(app: &str, function: &str, input_hash: u64) -> RunRecord {
    RunRecord {
        app: app.to_owned(),
        function: function.to_owned(),
        status: skylark_abi::run::RunStatus::Running,
        tasks: Vec::new(),
        accepted_unix_us: unix_us(),
        input_hash,
    }
}
