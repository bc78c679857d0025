//! One task, from begin to commit: `abi::protocol::Task` driven between the
//! engine and the store.

use super::{
    Node, NodeError,
    apps::App,
    guest::weigh,
    micros,
    prepare::{Handed, Next, Prepared},
    runs, unix_us,
};
use crate::{engine::Live, store::StoreError};
use skylark_abi::{
    call::{CallResponse, Failure, FailureKind, Outcome},
    protocol::{Begun, Commit, Committed, Done, RunWrite, Started, Step, Task},
    run::{Lease, Message, RunRecord, RunStatus, TaskReport},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A task that has been carried out.
pub(super) struct Executed {
    pub(super) done: Done,
    /// The run's tasks up to this one.
    pub(super) tasks: Vec<TaskReport>,
    /// The message that started it is out of the outbox.
    pub(super) acknowledged: bool,
    /// The store keeps how its run ends.
    pub(super) durable: bool,
    /// It had ended its run, which began here, before.
    pub(super) ended_here: bool,
    /// A task that was begun by this one's commit: to be gone on with here,
    pub(super) next: Option<Prepared>,
    /// or to be delivered.
    pub(super) handed: Option<Handed>,
}

/// Times of one attempt.
#[derive(Clone, Default)]
struct Clock {
    begin: Duration,
    run: Duration,
    commit: Duration,
}

impl Node {
    /// Carries a task out and commits its effects. A failure of the function is
    /// an outcome; an error here means that nothing is known to have been
    /// committed, and that it may be tried again.
    pub(super) async fn execute(&self, prepared: Prepared) -> Result<Executed, NodeError> {
        let Prepared {
            app,
            mut task,
            mut report,
            mut lanes,
            _entered,
            _claim,
            came: _,
            first,
        } = prepared;
        let mut clock = Clock::default();
        let mut begun_at = Instant::now();
        // The instance, while another call may follow in it; and how it stood with
        // the task before others were fused with it.
        let mut live: Option<Live<'_>> = None;
        let mut unfused = None;
        let mut ending: Option<(Option<Outcome>, bool)> = None;
        let mut next = None;
        let mut handed = None;
        let mut acknowledged = false;
        let mut outgrown = false;
        let mut step = match first {
            Some((step, took)) => {
                clock.begin = took;
                step
            }
            None => task.start(),
        };
        let done = loop {
            step = match step {
                Step::Begin(begin) => {
                    let started = Instant::now();
                    begun_at = started;
                    let begun = self.0.store.begin(&begin).await?;
                    clock.begin += started.elapsed();
                    task.begun(begun)
                }
                Step::Wait(remaining) => {
                    // Others may write meanwhile. Looked at again well before the
                    // lease ends: its holder most likely commits before that.
                    lanes.clear();
                    tokio::time::sleep(remaining.min(Duration::from_millis(50))).await;
                    let learned = app.learned(&task.invocation().function);
                    lanes = app.lanes(&learned.written).await;
                    task.start()
                }
                Step::Run(request) => {
                    live = None;
                    if let Some(before) = unfused.take() {
                        (report, clock) = before;
                    }
                    let ran = self.run_task(&app, &mut task, request, &mut live, &mut clock.run);
                    let ran = ran.await?;
                    weigh(&mut report, &ran);
                    Step::Ran(ran)
                }
                Step::GoOn(_) if live.is_none() => task.apart(),
                Step::GoOn(request) => {
                    let begun = now_us(&report);
                    let before = (report.clone(), std::mem::take(&mut clock));
                    unfused.get_or_insert(before);
                    report = report_of(&task, self.name(), begun);
                    report.fused = true;
                    let ran = self.run_task(&app, &mut task, request, &mut live, &mut clock.run);
                    let ran = ran.await?;
                    weigh(&mut report, &ran);
                    Step::Ran(ran)
                }
                Step::Ran(response) => {
                    fill(&mut report, &clock, &task);
                    let (response, mut starts) = self.placed(&app, &task, *response, &report);
                    self.restrain(&app, &task, begun_at, &mut starts);
                    let goes_on = starts.iter().any(|s| s.successor);
                    ending = Some((response.outcome.clone(), goes_on));
                    let next = task.ran(response, starts, report.clone());
                    if !matches!(next, Step::GoOn(_)) {
                        live = None;
                    }
                    next
                }
                Step::Commit(mut commit) => {
                    let started = Instant::now();
                    self.attach_run(&task, &mut commit, ending.as_ref(), &report, outgrown)
                        .await?;
                    let successor = self.begin_next(&app, &task, &mut commit);
                    let held = std::mem::take(&mut lanes);
                    let committed = match self.0.store.commit_in(held, &commit).await {
                        // It will be too large each time: that is how it ends.
                        Err(StoreError::TooLarge { .. }) if task.is_fused() => {
                            let learned = app.learned(&task.invocation().function);
                            lanes = app.lanes(&learned.written).await;
                            step = task.apart();
                            continue;
                        }
                        Err(error @ StoreError::TooLarge { .. }) if !outgrown => {
                            outgrown = true;
                            let failure = Failure::new(FailureKind::TooLarge, error.to_string());
                            let response = CallResponse::ended(Outcome::Err(failure));
                            step = Step::Ran(Box::new(response));
                            continue;
                        }
                        committed => committed?,
                    };
                    clock.commit += started.elapsed();
                    fill(&mut report, &clock, &task);
                    let begun = match &committed {
                        Committed::Done { begun } => {
                            acknowledged = true;
                            begun.clone()
                        }
                        _ => None,
                    };
                    match (successor, begun) {
                        (Some(Next::Here(mut here)), Some(begun)) => {
                            let first = here.task.begun_along(begun);
                            here.first = Some((first, Duration::ZERO));
                            next = Some(*here);
                        }
                        (Some(Next::There(entry)), Some(Begun::Leased { epoch, fields, .. })) => {
                            handed = Handed::of(entry, Lease { epoch, fields });
                        }
                        _ => {}
                    }
                    if !matches!(committed, Committed::Done { .. }) {
                        if let Some(before) = unfused.take() {
                            (report, clock) = before;
                        }
                        outgrown = false;
                        let learned = app.learned(&task.invocation().function);
                        lanes = app.lanes(&learned.written).await;
                    }
                    task.committed(committed, report.clone())
                }
                Step::Done(done) => break *done,
            };
        };
        drop(lanes);
        Self::note_fusion(&app, &task);
        fill(&mut report, &clock, &task);
        let ended_here = done.replayed && self.has_ended(&app, &task, done.outcome.as_ref());
        let mut executed = finish(&task, done, report, acknowledged, next);
        executed.ended_here = ended_here;
        executed.handed = handed;
        Ok(executed)
    }

    /// Whether a task of this outcome was the last of a run that began here.
    fn has_ended(&self, app: &App, task: &Task, outcome: Option<&Outcome>) -> bool {
        let invocation = task.invocation();
        let goes_on = app
            .schema
            .functions
            .get(&invocation.function)
            .is_some_and(|entry| match outcome {
                Some(Outcome::Ok { .. }) => !entry.successors.is_empty() || entry.join_to.is_some(),
                _ => entry.handler.is_some(),
            });
        !goes_on && invocation.reply.is_none() && invocation.origin == self.name()
    }

    /// What the response starts, each with its elected node; or the failure that
    /// takes the response's place.
    fn placed(
        &self,
        app: &Arc<App>,
        task: &Task,
        response: CallResponse,
        report: &TaskReport,
    ) -> (CallResponse, Vec<Started>) {
        let starts = task.starts(&response, report).and_then(|mut starts| {
            for start in &mut starts {
                let called = app.schema.functions.get(&start.invocation.function);
                let options = called.map(|e| &e.function.options);
                self.0.placer.place(&mut start.invocation, options)?;
            }
            Ok(starts)
        });
        match starts {
            Ok(starts) => (response, starts),
            Err(failure) => (CallResponse::ended(Outcome::Err(failure)), Vec::new()),
        }
    }

    /// Lets the commit of a durable run's task carry the run's record along,
    /// where this node is the one that keeps it.
    async fn attach_run(
        &self,
        task: &Task,
        commit: &mut Commit,
        ending: Option<&(Option<Outcome>, bool)>,
        report: &TaskReport,
        outgrown: bool,
    ) -> Result<(), NodeError> {
        let (first, invocation) = (task.invocation(), task.current());
        let ours =
            invocation.durable && invocation.origin == self.name() && invocation.reply.is_none();
        let Some((outcome, goes_on)) = ending.filter(|_| ours) else {
            return Ok(());
        };
        let last = outcome
            .as_ref()
            .filter(|_| !goes_on && commit.outcome.is_some());
        if last.is_none() && !first.tasks.is_empty() {
            return Ok(());
        }
        let id = &invocation.id.chain_id;
        let begun = match self.0.runs.get(id) {
            Some(record) => record,
            None => Arc::new(match task.run_record().cloned() {
                Some(record) => record,
                None => match self.stored_run(id).await? {
                    Some(record) => record,
                    // A one-way call: its run begins with its first task.
                    None => begun(&first.app, &first.function, 0),
                },
            }),
        };
        let record = match last {
            Some(outcome) => {
                let mut tasks = invocation.tasks.clone();
                tasks.push(report.clone());
                let mut record = runs::ended(&begun, outcome.clone(), tasks);
                // What is too large to be kept is not tried again either.
                let again = matches!(outcome, Outcome::Err(_)) && !outgrown;
                record.failed = again.then(|| Box::new(invocation.clone()));
                Arc::new(record)
            }
            None => begun,
        };
        let first = first.id.is_first();
        commit.run = Some(RunWrite {
            chain_id: id.clone(),
            listed: runs::listed(&record),
            record: skylark_abi::encode(&*record),
            first_is_over: !first || commit.outcome.is_some(),
            lasts: self.0.config.bounds.keeps(&record),
        });
        if first {
            // The run's record tells: one record for a call is enough.
            commit.outcome = None;
        }
        Ok(())
    }
}

fn finish(
    task: &Task,
    mut done: Done,
    report: TaskReport,
    acknowledged: bool,
    next: Option<Prepared>,
) -> Executed {
    // The commit's own time is only known now; the durable copy in the
    // outbox goes without it.
    for outgoing in &mut done.messages {
        let tasks = match &mut outgoing.message {
            Message::Invoke(i) => &mut i.tasks,
            Message::Complete(c) => &mut c.tasks,
            Message::Answer(a) => &mut a.tasks,
            Message::Await(_) | Message::Http(_) => continue,
        };
        if let Some(last) = tasks.last_mut()
            && last.task_id == report.task_id
        {
            *last = report.clone();
        }
    }
    let mut tasks = task.current().tasks.clone();
    tasks.push(report);
    Executed {
        done,
        tasks,
        acknowledged,
        durable: task.invocation().durable,
        ended_here: false,
        next,
        handed: None,
    }
}

/// The report of a task that begins now.
pub(super) fn report_of(task: &Task, node: &str, arrived_unix_us: u64) -> TaskReport {
    let invocation = task.current();
    TaskReport {
        task_id: invocation.id.task_id.clone(),
        function: invocation.function.clone(),
        node: node.to_owned(),
        arrived_unix_us,
        input_bytes: invocation.input.len() as u64,
        placed: invocation.placed.clone(),
        ..TaskReport::default()
    }
}

/// When the execution of this report was over.
fn now_us(report: &TaskReport) -> u64 {
    report.arrived_unix_us + report.begin_us + report.run_us
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
        status: RunStatus::Running,
        tasks: Vec::new(),
        accepted_unix_us: unix_us(),
        input_hash,
        failed: None,
    }
}
