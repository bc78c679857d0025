//! Drives one task of the protocol against the store in memory.

use super::{
    Fetch, guarded,
    registry::{App, Function},
    store::Memory,
};
use crate::call;
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Variable},
    protocol::{Begun, Bounds, Done, Miss, Plan, Step, Task},
    run::{Invocation, Message, TaskReport},
    schema::nearest,
};
use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// The name of this process as a node.
pub(super) const NODE: &str = "native";

/// A task that is over, with the reports of its path.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) done: Done,
    pub(super) tasks: Vec<TaskReport>,
}

/// An app and its store.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) app: App,
    store: Mutex<Memory>,
}

impl Host {
    pub(super) fn new(app: App) -> Self {
        Self {
            app,
            store: Mutex::default(),
        }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Memory> {
        // Its methods do not panic half way.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The function of that name.
    pub(super) fn function(&self, name: &str) -> Result<&'static Function, Failure> {
        let functions = &self.app.functions;
        functions.get(name).copied().ok_or_else(|| {
            let hint = match nearest(name, functions.keys().copied()) {
                Some(meant) => format!("; did you mean `{meant}`?"),
                None if functions.is_empty() => {
                    "; no annotated function is linked into this program: does it use the app's crate?".into()
                }
                None => String::new(),
            };
            Failure::new(FailureKind::NotFound, format!("there is no function `{name}`{hint}"))
        })
    }

    /// Executes one invocation. What was `delivered` from the outbox has its
    /// outcome recorded, since an outbox may deliver twice.
    pub(super) fn execute(self: &Arc<Self>, invocation: Invocation, delivered: bool) -> Executed {
        let mut report = arrived(&invocation);
        let plan = Plan {
            owner: NODE.to_owned(),
            dedupe: delivered,
            prefetch: Vec::new(),
            // The run began here, where its end is waited for.
            inline: true,
            bounds: Bounds::default(),
        };
        let task = Rc::new(RefCell::new(Task::new(invocation, &self.app.schema, plan)));
        let mut step = task.borrow_mut().start();
        let mut done = loop {
            step = match step {
                Step::Begin(begin) => {
                    let begun = self.store().begin(&begin);
                    task.borrow_mut().begun(begun)
                }
                Step::Run(request) => self.step_run(&task, request, &mut report),
                Step::Commit(commit) => {
                    let committed = self.store().commit(&commit);
                    task.borrow_mut().committed(committed, report.clone())
                }
                Step::Wait(pause) => {
                    std::thread::sleep(pause);
                    task.borrow_mut().start()
                }
                Step::Done(done) => break *done,
            };
        };
        report.round_trips = task.borrow().round_trips();
        report.conflicts = task.borrow().conflicts();
        let mut tasks = task.borrow().invocation().tasks.clone();
        tasks.push(report);
        // What a commit cost is known after it: its messages were too early.
        for (_, message) in &mut done.messages {
            if let Message::Invoke(next) = message {
                next.tasks.clone_from(&tasks);
            }
        }
        Executed { done, tasks }
    }

    fn step_run(
        self: &Arc<Self>,
        task: &Rc<RefCell<Task>>,
        request: CallRequest,
        report: &mut TaskReport,
    ) -> Step {
        let clock = Instant::now();
        let ran = self.call(task, request);
        report.run_us = micros(clock.elapsed());
        let mut task = task.borrow_mut();
        let placed = ran.and_then(|response| {
            let successors = task.successors(&response, &self.app.schema)?;
            Ok((response, successors))
        });
        match placed {
            Ok((response, successors)) => {
                weigh(report, &response);
                task.ran(response, successors, report.clone())
            }
            Err(failure) => task.fail(failure, report.clone()),
        }
    }

    fn call(
        self: &Arc<Self>,
        task: &Rc<RefCell<Task>>,
        request: CallRequest,
    ) -> Result<CallResponse, Failure> {
        let Function { def, body, .. } = self.function(&task.borrow().invocation().function)?;
        let fetch = {
            let (host, task) = (Arc::clone(self), Rc::clone(task));
            Fetch::new(move |variable| host.fetch(&task, variable))
        };
        guarded(|| call::run(def, *body, request, fetch))
    }

    fn fetch(&self, task: &RefCell<Task>, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let miss = task.borrow().miss(variable)?;
            match miss {
                Miss::Known(value) => return Ok(value),
                Miss::Read(begin) => match self.store().begin(&begin) {
                    Begun::Leased { fields, .. } => task.borrow_mut().filled(fields),
                    Begun::Recorded(_) | Begun::Busy { .. } => {
                        return Err(Failure::new(
                            FailureKind::Unavailable,
                            "the store answered a plain read with a lease",
                        ));
                    }
                },
            }
        }
    }
}

fn arrived(invocation: &Invocation) -> TaskReport {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    TaskReport {
        task_id: invocation.id.task_id.clone(),
        function: invocation.function.clone(),
        node: NODE.to_owned(),
        arrived_unix_us: micros(now.unwrap_or_default()),
        begin_us: 0,
        run_us: 0,
        commit_us: 0,
        input_bytes: invocation.input.len() as u64,
        output_bytes: 0,
        state_bytes: 0,
        round_trips: 0,
        conflicts: 0,
        placed: None,
    }
}

fn weigh(report: &mut TaskReport, response: &CallResponse) {
    if let Outcome::Ok { output, .. } = &response.outcome {
        report.output_bytes = output.len() as u64;
    }
    let values = response.writes.iter().filter_map(|w| w.value.as_ref());
    report.state_bytes = values.map(|v| v.len() as u64).sum();
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
