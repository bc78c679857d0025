//! One invocation, from begin to commit: what it reads and runs. What it commits
//! is in [`commit`], what is executed with it in [`fuse`].

mod commit;
mod fuse;

pub use fuse::Apart;

use commit::now_us;

use super::{
    Begin, Begun, Bounds, BundleField, Step, Versioned, app_field, outgoing, suspension_field,
};
use crate::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope, Variable},
    journal::{Arrival, Stretch, Suspension, Then},
    keys::{Bundle, Collection, Part},
    names::{MAX_KEY, MAX_PAGE},
    run::{Answer, Invocation, Lease, Message, RunRecord, TaskReport},
    schema::Schema,
    span::{Scanned, Span},
    value::Codec,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The end of a task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Done {
    /// How it ended; `None` if it has not: it waits, or is to be executed again
    /// later.
    pub outcome: Option<Outcome>,
    /// What was put into the outbox.
    pub messages: Vec<Outgoing>,
    /// Whether the outcome had been recorded by an earlier attempt.
    pub replayed: bool,
    /// The run ended where it began, and no message says so.
    pub ends_run: bool,
    /// Nothing was done: a run of this id has another input.
    pub other_input: bool,
}

/// A message that was put into the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The entry's id.
    pub entry: String,
    /// What it says.
    pub message: Message,
    /// It is not due before this long has passed.
    pub after: Duration,
}

/// Something that an execution starts, for which a node is to be elected.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// What; the driver sets [`Invocation::placed`].
    pub invocation: Invocation,
    /// It begins this much later.
    pub after: Duration,
    /// The run goes on with it, rather than waits for it or lets it go.
    pub successor: bool,
    /// It may be fused, if it is elected to this very node. The driver takes this
    /// back if there is no time for it in this task's lease.
    pub fuse: bool,
}

/// How the driver wants a task done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The node that runs it.
    pub owner: String,
    /// Take a lease and record the outcome: for what may be delivered twice.
    pub dedupe: bool,
    /// Variables to read before the run.
    pub prefetch: Vec<BundleField>,
    /// The end of a run that began on this very node is told by [`Done`], not by
    /// a message.
    pub inline: bool,
    /// It is known to write, so that it commits whatever it does: see
    /// [`Begin::ahead`].
    pub ahead: bool,
    /// What the record of its run, if there is one, must say of its input.
    pub input_hash: Option<u64>,
    /// Outbox entries that its end makes needless: the message that started it.
    pub acks: Vec<String>,
    /// Bounds.
    pub bounds: Bounds,
}

/// One execution of one invocation, from begin to commit.
#[derive(Debug)]
pub struct Task {
    schema: Arc<Schema>,
    invocation: Invocation,
    plan: Plan,
    /// What it waited for, if that is why it is executed.
    arrival: Option<Arrival>,
    /// What was executed for the arrival.
    arrived_tasks: Vec<TaskReport>,
    epoch: u64,
    snapshot: BTreeMap<BundleField, Versioned>,
    suspension: Option<Suspension>,
    suspension_version: u64,
    past: Vec<Stretch>,
    arrived: Vec<Arrival>,
    positions: u32,
    conflicts: u32,
    round_trips: u32,
    /// Entries of collections in the snapshot that were scanned.
    scanned: usize,
    /// What becomes of it once the commit is done.
    pending: Option<Done>,
    run_record: Option<RunRecord>,
    /// What was fused with it, and is executed now.
    tail: Option<Box<fuse::Tail>>,
    /// Why it is executed without what could be fused with it.
    apart: Option<fuse::Apart>,
}

/// Answer to [`Task::miss`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The value is known; `None` if it was never written.
    Known(Option<Vec<u8>>),
    /// Ask the store, then [`Task::filled`], then [`Task::miss`] again.
    Read(Begin),
}

impl Task {
    /// A task for this invocation of an app with this schema.
    pub fn new(invocation: Invocation, schema: Arc<Schema>, plan: Plan) -> Self {
        Self {
            schema,
            invocation,
            plan,
            arrival: None,
            arrived_tasks: Vec::new(),
            epoch: 0,
            snapshot: BTreeMap::new(),
            suspension: None,
            suspension_version: 0,
            past: Vec::new(),
            arrived: Vec::new(),
            positions: 0,
            conflicts: 0,
            round_trips: 0,
            scanned: 0,
            pending: None,
            run_record: None,
            tail: None,
            apart: None,
        }
    }

    /// A task that goes on with what waits for this answer. What waits is
    /// known once the begin has been answered.
    pub fn answer(answer: Answer, schema: Arc<Schema>, plan: Plan) -> Self {
        let Answer {
            app,
            reply,
            arrival,
            tasks,
        } = answer;
        let unknown = Invocation {
            app,
            function: reply.function,
            id: reply.to,
            input: Vec::new(),
            input_codec: Codec::Compact,
            chain_state: Vec::new(),
            origin: plan.owner.clone(),
            durable: false,
            policy: None,
            placed: None,
            tasks: Vec::new(),
            reply: None,
            seen: Default::default(),
            attempt: 0,
        };
        Self {
            arrival: Some(arrival),
            arrived_tasks: tasks,
            ..Self::new(
                unknown,
                schema,
                Plan {
                    dedupe: true,
                    ..plan
                },
            )
        }
    }

    /// The invocation: what was begun, and is committed.
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// What is executed: the invocation, or what was fused with it last.
    pub fn current(&self) -> &Invocation {
        match &self.tail {
            Some(tail) => &tail.invocation,
            None => &self.invocation,
        }
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Discarded executions so far; those of what was fused with it are its own.
    pub fn conflicts(&self) -> u32 {
        match self.tail {
            Some(_) => 0,
            None => self.conflicts,
        }
    }

    /// Store round trips so far, of what is executed.
    pub fn round_trips(&self) -> u32 {
        let before = self.tail.as_ref().map_or(0, |t| t.round_trips);
        self.round_trips - before
    }

    /// What the commit under way puts into the outbox.
    pub fn outgoing(&self) -> &[Outgoing] {
        self.pending.as_ref().map_or(&[], |done| &done.messages)
    }

    /// The first step. A function that needs neither lease nor state runs at
    /// once, without a round trip.
    pub fn start(&mut self) -> Step {
        self.snapshot.clear();
        self.scanned = 0;
        self.suspension = None;
        self.suspension_version = 0;
        let mut reads = self.plan.prefetch.clone();
        if !self.plan.dedupe && reads.is_empty() {
            return self.run();
        }
        let function = self.schema.functions.get(&self.invocation.function);
        if self.plan.dedupe && function.is_some_and(|e| e.function.may_wait()) {
            reads.push(suspension_field(&self.invocation.id));
        }
        Step::Begin(Begin {
            app: self.invocation.app.clone(),
            id: self.plan.dedupe.then(|| self.invocation.id.clone()),
            owner: self.plan.owner.clone(),
            lease: self.plan.bounds.lease,
            reads,
            ahead: self.plan.ahead,
        })
    }

    /// After [`Step::Begin`].
    pub fn begun(&mut self, begun: Begun) -> Step {
        self.round_trips += 1;
        self.begun_along(begun)
    }

    /// After [`Step::Begin`] that went along with another task's commit.
    pub fn begun_along(&mut self, begun: Begun) -> Step {
        match begun {
            Begun::Recorded(outcome) => self.replayed(Some(outcome)),
            Begun::Over { run } => match crate::decode::<RunRecord>(&run) {
                Ok(run) if self.has_other_input(&run) => Step::Done(Box::new(Done {
                    other_input: true,
                    ..Done::default()
                })),
                Ok(run) => self.replayed(run.outcome()),
                Err(_) => self.replayed(None),
            },
            Begun::Busy { remaining } => Step::Wait(remaining),
            Begun::Leased { epoch, fields, run } => {
                self.epoch = epoch;
                let run = run.and_then(|run| crate::decode::<RunRecord>(&run).ok());
                if run.as_ref().is_some_and(|run| self.has_other_input(run)) {
                    self.pending = Some(Done {
                        other_input: true,
                        ..Done::default()
                    });
                    // Only gives the lease back.
                    return self.commit(None, Vec::new(), Vec::new());
                }
                self.run_record = run;
                self.remember(fields);
                let field = suspension_field(&self.invocation.id);
                let found = self.snapshot.remove(&field);
                match found {
                    Some(Versioned {
                        value: Some(bytes),
                        version,
                        ..
                    }) => self.resume(&bytes, version),
                    // What it waited for comes late, or again.
                    _ if self.arrival.is_some() => waiting(),
                    _ => self.run(),
                }
            }
        }
    }

    fn replayed(&self, outcome: Option<Outcome>) -> Step {
        Step::Done(Box::new(Done {
            outcome: outcome.filter(|_| self.is_known()),
            replayed: true,
            ..Done::default()
        }))
    }

    fn has_other_input(&self, run: &RunRecord) -> bool {
        let wanted = self.plan.input_hash;
        wanted.is_some_and(|wanted| wanted != run.input_hash)
    }

    /// The record of the run that it is the first task of, if there is one.
    pub fn run_record(&self) -> Option<&RunRecord> {
        self.run_record.as_ref()
    }

    /// Instead of [`Task::start`]: what an earlier commit began for it. `None` if
    /// that does not do, and it must be begun anew.
    pub fn start_with(&mut self, lease: Lease) -> Option<Step> {
        let Step::Begin(begin) = self.start() else {
            return None;
        };
        // Another variable that is missing is read when it is touched.
        let own = self.own_field();
        let misses_own =
            begin.reads.contains(&own) && !lease.fields.iter().any(|read| read.field == own);
        (!misses_own && begin.id.is_some()).then(|| {
            self.begun_along(Begun::Leased {
                epoch: lease.epoch,
                fields: lease.fields,
                run: None,
            })
        })
    }

    /// Whether it is known whose outcome a record of it is. What an answer comes
    /// to when all is over is gone from the store, and may have been called: then
    /// its outcome is its caller's, not the run's. Only the first task never was.
    fn is_known(&self) -> bool {
        self.arrival.is_none() || self.invocation.id.depth() == 0
    }

    /// Goes on with what the store holds of this invocation, if enough of what
    /// it waits for is there.
    fn resume(&mut self, bytes: &[u8], version: u64) -> Step {
        let Ok(mut suspension) = crate::decode::<Suspension>(bytes) else {
            let failure = Failure::new(
                FailureKind::Contract,
                "what was kept of the waiting invocation cannot be read",
            );
            let response = CallResponse::ended(Outcome::Err(failure));
            return Step::Ran(Box::new(response));
        };
        self.suspension_version = version;
        let is_new = match &self.arrival {
            Some(arrival) => suspension.take(arrival.clone()),
            None => false,
        };
        if is_new {
            outgoing::append(&mut suspension.invocation.tasks, &self.arrived_tasks);
        }
        self.invocation = suspension.invocation.clone();
        self.positions = suspension.positions;
        if !suspension.is_ready() {
            if !is_new {
                return waiting();
            }
            let kept = crate::encode(&suspension);
            self.pending = Some(Done::default());
            return self.commit(None, Vec::new(), vec![(self.own_field(), Some(kept))]);
        }
        self.arrived = suspension.arrived.clone();
        let step = match &suspension.then {
            Then::Execute { past } => {
                self.past.clone_from(past);
                self.run()
            }
            Then::Gather { join } => {
                let codec = outgoing::wanted_codec(&self.invocation, join.is_some());
                let response = outgoing::gathered(&self.arrived, join.as_deref(), codec);
                Step::Ran(Box::new(response))
            }
        };
        self.suspension = Some(suspension);
        step
    }

    /// The guest reads a variable that its request did not carry: what to read
    /// from the store, or at once the value.
    ///
    /// The first miss reads all app-scoped variables in one snapshot, or all of the
    /// same key, so that later ones cost nothing; the driver may learn from it what
    /// to prefetch.
    ///
    /// # Errors
    /// The module has no such variable.
    pub fn miss(&self, variable: &Variable) -> Result<Miss, Failure> {
        let reads = self.missing(variable)?;
        if reads.is_empty() {
            return self.known(variable).map(Miss::Known);
        }
        Ok(Miss::Read(self.plain_read(reads)))
    }

    /// The same of several, as far as something is to be read for them.
    ///
    /// # Errors
    /// The module has no such variable.
    pub fn miss_all(&self, variables: &[Variable]) -> Result<Option<Begin>, Failure> {
        let mut reads = Vec::new();
        for variable in variables {
            reads.extend(self.missing(variable)?);
        }
        reads.sort();
        reads.dedup();
        Ok((!reads.is_empty()).then(|| self.plain_read(reads)))
    }

    fn plain_read(&self, reads: Vec<BundleField>) -> Begin {
        Begin {
            ahead: self.plan.ahead,
            app: self.invocation.app.clone(),
            id: None,
            owner: self.plan.owner.clone(),
            lease: self.plan.bounds.lease,
            reads,
        }
    }

    /// The value of a variable for which nothing is missing any more.
    ///
    /// # Errors
    /// More was scanned than the bound.
    pub fn known(&self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        let most = self.plan.bounds.max_scan;
        if variable.part == Some(Part::Range) && self.scanned > most {
            let name = &variable.name;
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the call scanned {} entries, more than the limit (`max_scan`) of {most}, the last of \
                     them in state `{name}`; say how many it needs by `.limit(n)`, or scan a narrower range",
                    self.scanned
                ),
            )
            .at(name));
        }
        let known = match shared_field(variable) {
            Some(field) => match self.tail.as_ref().and_then(|t| t.written(&field)) {
                Some(written) => written.clone(),
                None => self.snapshot.get(&field).and_then(|v| v.value.clone()),
            },
            None => {
                let mut chain = self.current().chain_state.iter();
                let found = chain.find(|f| f.variable == *variable);
                found.and_then(|f| f.value.clone())
            }
        };
        Ok(known)
    }

    /// What is to be read from the store before the value of a variable is known.
    fn missing(&self, variable: &Variable) -> Result<Vec<BundleField>, Failure> {
        if !self.declares(variable) {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "the guest asks for state `{}`, which its schema does not declare",
                    variable.name
                ),
            )
            .at(&variable.name));
        }
        let Some(field) = shared_field(variable) else {
            return Ok(Vec::new());
        };
        let written = self.tail.as_ref().and_then(|t| t.written(&field));
        if written.is_some() || self.snapshot.contains_key(&field) {
            return Ok(Vec::new());
        }
        if variable.part.is_some() {
            return Ok(vec![field]);
        }
        Ok(match variable.scope {
            Scope::App => self
                .schema
                .states_in(Scope::App)
                .map(app_field)
                .filter(|f| !self.snapshot.contains_key(f))
                .collect(),
            // What belongs to the same key, as an object's fields do.
            _ => {
                let states = self.schema.states.values();
                let key = self.schema.state(&variable.name).map(|e| &e.state.key);
                let of_key = states
                    .filter(|e| e.state.scope == Scope::Key && Some(&e.state.key) == key)
                    .filter(|e| e.state.is_whole())
                    .flat_map(|e| e.state.names())
                    .map(|name| BundleField {
                        bundle: field.bundle.clone(),
                        name: name.to_owned(),
                    });
                of_key.filter(|f| !self.snapshot.contains_key(f)).collect()
            }
        })
    }

    /// After [`Miss::Read`]. The versions are checked at commit, all together,
    /// so two snapshots that do not fit each other cannot commit.
    pub fn filled(&mut self, fields: Vec<Versioned>) {
        self.round_trips += 1;
        self.remember(fields);
    }

    /// What the guest's response starts, in the order of its effects: calls,
    /// then successors.
    ///
    /// # Errors
    /// A function that the schema does not know, too many effects, or a run that
    /// is too deep; the task ends with that failure, by [`CallResponse::ended`].
    pub fn starts(
        &self,
        response: &CallResponse,
        report: &TaskReport,
    ) -> Result<Vec<Started>, Failure> {
        if self.is_to_be_apart(response) || self.attempts_again(response).is_some() {
            return Ok(Vec::new());
        }
        let mut starts = outgoing::Starts {
            schema: &self.schema,
            invocation: self.current(),
            bounds: &self.plan.bounds,
            owner: &self.plan.owner,
            first: self.first(),
            now_us: now_us(report),
        }
        .of(response)?;
        self.mark(response, &mut starts);
        Ok(starts)
    }

    /// After [`Step::Run`] or [`Step::Ran`]: what came of it, what it starts with
    /// the elected nodes, and this task's report.
    pub fn ran(
        &mut self,
        response: CallResponse,
        starts: Vec<Started>,
        report: TaskReport,
    ) -> Step {
        if self.is_to_be_apart(&response) {
            return self.fall_apart(&response);
        }
        if let Some(pause) = self.attempts_again(&response) {
            return self.attempt_again(pause);
        }
        if let Err(failure) = self.admit(&response) {
            if self.tail.is_some() {
                return self.apart();
            }
            let response = CallResponse::ended(Outcome::Err(failure));
            // Nothing of it happens; a handler of errors is not asked either.
            return self.ended(response, Vec::new(), report);
        }
        if let Some(successor) = self.follower(&starts) {
            return self.go_on(&response, starts, successor, &report);
        }
        if response.kept && starts.iter().any(|s| s.successor) {
            // Somebody else takes it, and needs it encoded.
            return self.apart();
        }
        let branches = response.fan.is_some() && starts.iter().any(|s| s.successor);
        if response.outcome.is_none() || branches {
            return self.suspend(&response, starts, &report);
        }
        self.ended(response, starts, report)
    }

    /// What a response may not do.
    fn admit(&self, response: &CallResponse) -> Result<(), Failure> {
        let state_bytes: usize = response
            .writes
            .iter()
            .filter_map(|w| w.value.as_ref().map(Vec::len))
            .sum();
        if state_bytes > self.plan.bounds.max_state {
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the call wrote {state_bytes} bytes of state, more than the limit (`max_state`) of {}",
                    self.plan.bounds.max_state
                ),
            ));
        }
        let written = response.writes.iter().map(|w| &w.variable);
        let written = written.map(|v| (v, v.part.is_none()));
        let touched = response.touched.iter().map(|v| (v, true));
        for (variable, needs_read) in touched.chain(written) {
            // A part of a collection is written without being read.
            let unread = needs_read
                && shared_field(variable).is_some_and(|f| !self.snapshot.contains_key(&f));
            if unread || !self.declares(variable) {
                return Err(Failure::new(
                    FailureKind::Contract,
                    format!(
                        "the guest touched state `{}` without reading it first",
                        variable.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn run(&self) -> Step {
        Step::Run(Box::new(self.request()))
    }

    fn request(&self) -> CallRequest {
        let current = self.current();
        let chain = current.chain_state.iter().cloned();
        let shared = self.snapshot.values().filter_map(|v| {
            let newer = self.tail.as_ref().and_then(|t| t.written(&v.field));
            Some(Field {
                variable: variable(&v.field)?,
                value: newer.unwrap_or(&v.value).clone(),
            })
        });
        let fields: Vec<Field> = chain.chain(shared).collect();
        let in_app = |f: &&Field| f.variable.scope == Scope::App && f.variable.part.is_none();
        let known = fields.iter().filter(in_app).count();
        let all = self.schema.states_in(Scope::App).count();
        let mut complete = vec![Scope::Chain];
        if known == all {
            complete.push(Scope::App);
        }
        let (past, arrived) = match &self.tail {
            None => (self.past.clone(), self.arrived.clone()),
            Some(_) => Default::default(),
        };
        CallRequest {
            id: current.id.clone(),
            input: current.input.clone(),
            input_codec: current.input_codec,
            output_codec: self.output_codec(),
            fields,
            complete,
            past,
            arrived,
            seen: current.seen,
            keep: self.keepable(),
            kept: self.tail.as_ref().is_some_and(|t| t.kept),
        }
    }

    /// As its caller wants it; bytes that end a run stay bytes.
    fn output_codec(&self) -> Codec {
        let current = self.current();
        match self.schema.functions.get(&current.function) {
            Some(f) if current.reply.is_none() => f.function.result_codec(),
            _ => outgoing::wanted_codec(current, false),
        }
    }

    fn remember(&mut self, fields: Vec<Versioned>) {
        for field in &fields {
            if let Bundle::Part(_, Part::Range) = field.field.bundle
                && let Some(value) = &field.value
                && let Ok(scanned) = crate::decode::<Scanned>(value)
            {
                self.scanned += scanned.entries.len();
            }
        }
        self.snapshot
            .extend(fields.into_iter().map(|v| (v.field.clone(), v)));
    }

    fn declares(&self, variable: &Variable) -> bool {
        let declared = self.schema.state(&variable.name);
        let Some(state) = declared.map(|e| &e.state) else {
            return false;
        };
        let fits = match variable.part {
            None => state.is_whole(),
            Some(part) => {
                state.collection().is_some_and(|kind| kind.has(part))
                    && match part {
                        Part::Entry => variable.at.len() <= MAX_KEY,
                        Part::Range => {
                            let span = Span::parse(&variable.at);
                            span.is_some_and(|span| span.limit <= MAX_PAGE)
                        }
                        Part::Len | Part::End | Part::Sum => variable.at.is_empty(),
                    }
            }
        };
        state.scope == variable.scope && fits
    }

    fn own_field(&self) -> BundleField {
        suspension_field(&self.invocation.id)
    }
}

fn waiting() -> Step {
    Step::Done(Box::default())
}

/// Where a variable, or a part of one, is, if it is shared: all but chain-scoped
/// ones.
pub fn shared_field(variable: &Variable) -> Option<BundleField> {
    let key = match variable.scope {
        Scope::App => None,
        Scope::Key => Some(&variable.key),
        Scope::Chain => return None,
    };
    let bundle = match (variable.part, key) {
        (None, None) => Bundle::App,
        (None, Some(key)) => Bundle::Key(key.clone()),
        (Some(part), key) => {
            let of = Collection {
                key: key.cloned(),
                name: variable.name.clone(),
            };
            return Some(BundleField {
                bundle: Bundle::Part(of, part),
                name: variable.at.clone(),
            });
        }
    };
    Some(BundleField {
        bundle,
        name: variable.name.clone(),
    })
}

/// Undoes [`shared_field`].
fn variable(field: &BundleField) -> Option<Variable> {
    let of = |key: Option<&String>, name: &String| Variable {
        scope: if key.is_some() {
            Scope::Key
        } else {
            Scope::App
        },
        name: name.clone(),
        key: key.cloned().unwrap_or_default(),
        ..Variable::default()
    };
    match &field.bundle {
        Bundle::App => Some(of(None, &field.name)),
        Bundle::Key(key) => Some(of(Some(key), &field.name)),
        Bundle::Chain(_) => None,
        Bundle::Part(collection, part) => {
            let whole = of(collection.key.as_ref(), &collection.name);
            Some(whole.part(*part, &field.name))
        }
    }
}
