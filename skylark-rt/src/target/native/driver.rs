//! Drives the protocol's tasks against the store in memory, and delivers what
//! they send.

use super::{
    Fetch, Values, called,
    faults::{Calm, Fault, Faults, Point},
    guarded,
    queue::{Item, Queue},
    registry::{App, Function},
    store::{Memory, micros},
};
use crate::{
    call::{self, Kept},
    wait::http::Response,
};
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Variable},
    journal::{Arrival, HttpRequest, ReplyTo},
    protocol::{
        Begin, Begun, Bounds, Commit, Committed, Completed, Done, OutboxEntry, Outgoing, Plan,
        Promise, Step, Task, Versioned,
    },
    run::{Answer, Errand, Invocation, Message, TaskReport, Waiting},
    schema::{Schema, nearest},
    value::{Codec, fingerprint},
};
use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    ops::ControlFlow,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

/// The name of this process as a node.
pub(super) const NODE: &str = "native";

/// Why a delivery is not over.
#[derive(Debug)]
pub(super) enum Halt {
    /// The process has stopped.
    Crash,
    /// Another attempt has the lease for that long.
    Later(Duration),
}

type Server = dyn Fn(&HttpRequest) -> Response + Send + Sync;

/// An app, its store, and what is under way.
pub(super) struct Host {
    pub(super) app: App,
    schema: Arc<Schema>,
    store: Mutex<Memory>,
    pub(super) queue: Queue,
    faults: Mutex<Arc<dyn Faults>>,
    server: Mutex<Option<Arc<Server>>>,
    bounds: Bounds,
    /// In place of that of `bounds`.
    max_fused: AtomicU32,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("store", &self.store)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// What is locked here is not left half done by a panic.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    pub(super) fn new(app: App) -> Self {
        Self {
            schema: Arc::new(app.schema.clone()),
            app,
            store: Mutex::default(),
            queue: Queue::default(),
            faults: Mutex::new(Arc::new(Calm)),
            server: Mutex::default(),
            max_fused: AtomicU32::new(Bounds::default().max_fused),
            bounds: Bounds::default(),
        }
    }

    pub(super) fn set_max_fused(&self, tasks: u32) {
        self.max_fused.store(tasks, Ordering::Relaxed);
    }

    /// The store, past the seam: to look, and to set things up.
    pub(super) fn store(&self) -> MutexGuard<'_, Memory> {
        lock(&self.store)
    }

    pub(super) fn set_faults(&self, faults: Arc<dyn Faults>) {
        *lock(&self.faults) = faults;
    }

    pub(super) fn set_server(&self, server: Arc<Server>) {
        *lock(&self.server) = Some(server);
    }

    /// Does `act` at this point, unless something goes wrong there.
    fn at<T>(&self, point: &Point<'_>, act: impl FnOnce() -> T) -> Result<T, Halt> {
        let faults = Arc::clone(&*lock(&self.faults));
        self.suffer(faults.before(point))?;
        let done = act();
        self.suffer(faults.after(point))?;
        Ok(done)
    }

    fn suffer(&self, fault: Fault) -> Result<(), Halt> {
        match fault {
            Fault::None | Fault::Twice(_) => Ok(()),
            Fault::Crash => Err(Halt::Crash),
            Fault::Delay(pause) => {
                self.queue.pass(pause);
                Ok(())
            }
        }
    }

    pub(super) fn begin(&self, begin: &Begin) -> Result<Begun, Halt> {
        let now = self.queue.now();
        self.at(&Point::Begin(begin), || self.store().begin(begin, now))
    }

    pub(super) fn commit(&self, commit: &Commit) -> Result<Committed, Halt> {
        let now = self.queue.now();
        self.at(&Point::Commit(commit), || self.store().commit(commit, now))
    }

    /// Which of so many deliveries under way goes on; see [`Faults::turn`].
    pub(super) fn turn(&self, under_way: usize) -> usize {
        let faults = Arc::clone(&*lock(&self.faults));
        faults.turn(under_way)
    }

    /// Delivers one message, unless something goes wrong with it. What is not
    /// acknowledged comes again. Says whether the process goes on.
    pub(super) async fn deliver(self: Arc<Self>, item: Item) -> ControlFlow<()> {
        let Item { entry, copy } = item;
        let (entry, is_copy) = (entry.as_str(), copy.is_some());
        let until = self.queue.now().saturating_add(micros(self.bounds.claim));
        let claimed = copy.or_else(|| self.store().claim(entry, until));
        let Some(payload) = claimed else {
            return ControlFlow::Continue(()); // Another delivery of it was acknowledged.
        };
        let Ok(message) = skylark_abi::decode::<Message>(&payload) else {
            self.store().acknowledge(entry);
            return ControlFlow::Continue(());
        };
        let point = Point::Deliver(entry, &message);
        let faults = Arc::clone(&*lock(&self.faults));
        let delivered = match faults.before(&point) {
            Fault::Crash => Err(Halt::Crash),
            Fault::Delay(pause) => Err(Halt::Later(pause)),
            fault => {
                if let Fault::Twice(pause) = fault
                    && !is_copy
                {
                    let item = Item {
                        entry: entry.to_owned(),
                        copy: Some(payload),
                    };
                    self.queue.push_item(item, pause);
                }
                self.receive(entry, message.clone()).await
            }
        };
        let delivered = delivered.and_then(|()| self.suffer(faults.after(&point)));
        others().await;
        match delivered.and_then(|()| {
            let point = Point::Acknowledge(entry);
            self.at(&point, || self.store().acknowledge(entry))
        }) {
            Ok(()) => {}
            Err(Halt::Later(pause)) => self.queue.push(entry.to_owned(), pause),
            // What it had in memory is gone with it.
            Err(Halt::Crash) => {
                self.queue.clear();
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    async fn receive(self: &Arc<Self>, entry: &str, message: Message) -> Result<(), Halt> {
        match message {
            Message::Invoke(invocation) => {
                let report = self.arrived(&invocation.id.task_id, &invocation.function);
                let task = Task::new(*invocation, Arc::clone(&self.schema), self.plan(entry));
                self.execute(task, report).await
            }
            Message::Answer(answer) => self.answer(entry, *answer).await,
            Message::Await(waiting) => self.wait(entry, &waiting).await,
            Message::Http(errand) => self.ask(entry, *errand).await,
            Message::Complete(completion) => {
                let run = completion.chain_id.clone();
                self.at(&Point::Complete(&run), || {
                    self.store().complete(*completion)
                })
            }
        }
    }

    async fn answer(self: &Arc<Self>, entry: &str, answer: Answer) -> Result<(), Halt> {
        let report = self.arrived(&answer.reply.to.task_id, &answer.reply.function);
        let task = Task::answer(answer, Arc::clone(&self.schema), self.plan(entry));
        self.execute(task, report).await
    }

    /// Has somebody wait for a promise.
    async fn wait(self: &Arc<Self>, entry: &str, waiting: &Waiting) -> Result<(), Halt> {
        loop {
            let (promise, version) = self.promise(&waiting.app, &waiting.promise)?;
            match promise.wait(version, waiting, &self.bounds) {
                Some(Ok(Message::Answer(answer))) => return self.answer(entry, *answer).await,
                Some(Ok(_)) => return Ok(()),
                Some(Err(mut commit)) => {
                    others().await;
                    commit.acks.push(entry.to_owned());
                    if let Committed::Done { .. } = self.commit(&commit)? {
                        return Ok(());
                    }
                }
                None => {
                    let failure = Failure::new(
                        FailureKind::TooLarge,
                        format!("too many wait for the promise `{}`", waiting.promise),
                    );
                    let outcome = Outcome::Err(failure);
                    let answer = self.arrival(&waiting.app, &waiting.reply, outcome);
                    return self.answer(entry, answer).await;
                }
            }
        }
    }

    fn promise(&self, app: &str, id: &str) -> Result<(Promise, u64), Halt> {
        let begun = self.begin(&Promise::begin(app, id, NODE))?;
        let read: Option<Versioned> = match begun {
            Begun::Leased { fields, .. } => fields.into_iter().next(),
            Begun::Recorded(_) | Begun::Over { .. } | Begun::Busy { .. } => None,
        };
        let version = read.as_ref().map_or(0, |r| r.version);
        let promise = read.as_ref().and_then(Promise::of).unwrap_or_default();
        Ok((promise, version))
    }

    /// Completes a promise; whether it had no other value before.
    pub(super) fn complete(&self, app: &str, id: &str, json: &[u8]) -> Result<bool, Halt> {
        loop {
            let (promise, version) = self.promise(app, id)?;
            let value = Arrival {
                position: 0,
                outcome: Outcome::Ok {
                    output: json.to_vec(),
                    codec: Codec::Json,
                },
                unix_us: self.queue.now(),
            };
            match promise.complete(version, (app, id), value, &self.bounds) {
                Completed::Same => return Ok(true),
                Completed::Other => return Ok(false),
                Completed::Commit(commit, answers) => {
                    if let Committed::Done { .. } = self.commit(&commit)? {
                        for (entry, _) in answers {
                            self.queue.push(entry, Duration::ZERO);
                        }
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Asks the server of the test.
    async fn ask(self: &Arc<Self>, entry: &str, errand: Errand) -> Result<(), Halt> {
        let Errand {
            app,
            mut request,
            reply,
        } = errand;
        let key = reply.to.child(reply.position).to_string();
        request.headers.push(("Idempotency-Key".into(), key));
        let server = lock(&self.server).clone();
        let outcome = match server {
            None => Outcome::Err(Failure::new(
                FailureKind::Unavailable,
                format!(
                    "nobody answers `{} {}`: give the runtime a server with `Runtime::serve`",
                    request.method, request.url
                ),
            )),
            Some(server) => {
                let point = Point::Ask(entry);
                let answer = self.at(&point, || guarded(|| server(&request)))?;
                let print = fingerprint("http::Response");
                let output = answer.and_then(|answer| {
                    crate::codec::to_compact(&answer, print)
                        .map_err(|why| Failure::new(FailureKind::Contract, why))
                });
                match output {
                    Ok(output) => Outcome::Ok {
                        output,
                        codec: Codec::Compact,
                    },
                    Err(failure) => Outcome::Err(failure),
                }
            }
        };
        others().await;
        let answer = self.arrival(&app, &reply, outcome);
        self.answer(entry, answer).await
    }

    fn arrival(&self, app: &str, reply: &ReplyTo, outcome: Outcome) -> Answer {
        Answer::new(app, reply.clone(), outcome, self.queue.now())
    }

    /// What the store is asked by whoever delivers this entry: all that is
    /// delivered may be so twice.
    fn plan(&self, entry: &str) -> Plan {
        Plan {
            owner: NODE.to_owned(),
            dedupe: true,
            prefetch: Vec::new(),
            inline: false,
            ahead: false,
            input_hash: None,
            acks: vec![entry.to_owned()],
            bounds: Bounds {
                max_fused: self.max_fused.load(Ordering::Relaxed),
                ..self.bounds.clone()
            },
        }
    }

    async fn execute(self: &Arc<Self>, task: Task, arrived: TaskReport) -> Result<(), Halt> {
        let mut report = arrived.clone();
        // An instance is whatever thread has the turn, and this.
        let mut kept = None;
        let task = Rc::new(RefCell::new(task));
        let mut step = task.borrow_mut().start();
        loop {
            others().await;
            step = match step {
                Step::Begin(begin) => {
                    let begun = self.begin(&begin)?;
                    task.borrow_mut().begun(begun)
                }
                Step::Run(request) => {
                    report.clone_from(&arrived);
                    kept = None;
                    self.run(&task, *request, &mut kept, &mut report)?
                }
                Step::GoOn(request) => {
                    report = self.arrived(&request.id.task_id, &task.borrow().current().function);
                    report.fused = true;
                    self.run(&task, *request, &mut kept, &mut report)?
                }
                Step::Ran(response) => self.ran(&task, *response, &mut report),
                Step::Commit(commit) => {
                    let committed = self.commit(&commit)?;
                    task.borrow_mut().committed(committed, report.clone())
                }
                Step::Wait(pause) => return Err(Halt::Later(pause)),
                Step::Done(done) => {
                    self.send(*done);
                    return Ok(());
                }
            };
        }
    }

    /// What was committed goes on its way.
    fn send(&self, done: Done) {
        for Outgoing { entry, after, .. } in done.messages {
            self.queue.push(entry, after);
        }
    }

    fn ran(
        &self,
        task: &RefCell<Task>,
        mut response: CallResponse,
        report: &mut TaskReport,
    ) -> Step {
        let mut task = task.borrow_mut();
        weigh(report, &response);
        // The commit is to come, and the report goes with it.
        report.round_trips = task.round_trips() + 1;
        report.conflicts = task.conflicts();
        report.input_bytes = task.current().input.len() as u64;
        report.function.clone_from(&task.current().function);
        let starts = task.starts(&response, report).unwrap_or_else(|failure| {
            response = CallResponse::ended(Outcome::Err(failure));
            // Its handler of errors, if there is room for that.
            task.starts(&response, report).unwrap_or_default()
        });
        task.ran(response, starts, report.clone())
    }

    /// Executes a function, unless something goes wrong there.
    fn run(
        self: &Arc<Self>,
        task: &Rc<RefCell<Task>>,
        request: CallRequest,
        kept: &mut Option<Kept>,
        report: &mut TaskReport,
    ) -> Result<Step, Halt> {
        let id = request.id.clone();
        let response = self.at(&Point::Run(&id), || self.call(task, request, kept))?;
        Ok(self.ran(task, response?, report))
    }

    /// Calls the guest. A crash while it reads state ends it there.
    fn call(
        self: &Arc<Self>,
        task: &Rc<RefCell<Task>>,
        request: CallRequest,
        kept: &mut Option<Kept>,
    ) -> Result<CallResponse, Halt> {
        let name = task.borrow().current().function.clone();
        let halted = Rc::new(RefCell::new(None));
        let fetch = {
            let (host, task) = (Arc::clone(self), Rc::clone(task));
            let halted = Rc::clone(&halted);
            Fetch::new(move |variables| {
                host.fetch(&task, variables).unwrap_or_else(|halt| {
                    *halted.borrow_mut() = Some(halt);
                    Err(Failure::new(
                        FailureKind::Unavailable,
                        "the process has stopped",
                    ))
                })
            })
        };
        let response = self.function(&name).and_then(|function| {
            let Function { def, body, .. } = function;
            called(|| call::run(def, *body, request, fetch, kept.take()))
        });
        match halted.take() {
            Some(halt) => Err(halt),
            None => Ok(match response {
                Ok((response, keeps)) => {
                    *kept = keeps;
                    response
                }
                Err(failure) => CallResponse::ended(Outcome::Err(failure)),
            }),
        }
    }

    fn fetch(
        &self,
        task: &RefCell<Task>,
        variables: &[Variable],
    ) -> Result<Result<Values, Failure>, Halt> {
        let missing = task.borrow().miss_all(variables);
        match missing {
            Err(failure) => return Ok(Err(failure)),
            Ok(None) => {}
            Ok(Some(begin)) => match self.begin(&begin)? {
                Begun::Leased { fields, .. } => task.borrow_mut().filled(fields),
                Begun::Recorded(_) | Begun::Over { .. } | Begun::Busy { .. } => {
                    return Ok(Err(Failure::new(
                        FailureKind::Unavailable,
                        "the store answered a plain read with a lease",
                    )));
                }
            },
        }
        let task = task.borrow();
        Ok(variables
            .iter()
            .map(|variable| task.known(variable))
            .collect())
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

    /// The report of a task that begins. Its times are those of the runtime's
    /// clock, by which no execution takes any.
    fn arrived(&self, task_id: &str, function: &str) -> TaskReport {
        TaskReport {
            task_id: task_id.to_owned(),
            function: function.to_owned(),
            node: NODE.to_owned(),
            arrived_unix_us: self.queue.now(),
            ..TaskReport::default()
        }
    }
}

/// Lets other deliveries take their steps, before this one takes its next.
async fn others() {
    let mut passed = false;
    poll_fn(|_| match std::mem::replace(&mut passed, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

/// A message for the outbox that nothing but the outside causes.
pub(super) fn accepted(invocation: Invocation, bounds: &Bounds) -> Commit {
    let entry = invocation.id.to_string();
    let app = invocation.app.clone();
    let message = Message::Invoke(Box::new(invocation));
    Commit {
        outbox: vec![OutboxEntry::new(&entry, &message, Duration::ZERO, bounds)],
        ..Commit::new(app, bounds)
    }
}

fn weigh(report: &mut TaskReport, response: &CallResponse) {
    if let Some(Outcome::Ok { output, .. }) = &response.outcome {
        report.output_bytes = output.len() as u64;
    }
    let values = response.writes.iter().filter_map(|w| w.value.as_ref());
    report.state_bytes = values.map(|v| v.len() as u64).sum();
}
