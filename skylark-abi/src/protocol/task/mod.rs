//! One invocation, from begin to commit: what it runs. How it begins is in
//! [`begin`], what it reads in [`reads`], what it commits in [`commit`], what is
//! executed with it in [`fuse`].

mod begin;
mod commit;
mod fuse;
mod reads;

pub use fuse::Apart;
pub use reads::{Miss, shared_field};

use commit::now_us;
use reads::variable;

use super::{Bounds, BundleField, Step, Versioned, outgoing, suspension_field};
use crate::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope},
    journal::{Arrival, Stretch, Suspension},
    run::{Answer, Invocation, Message, RunRecord, TaskReport},
    schema::Schema,
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
    /// [`Begin::ahead`](super::Begin::ahead).
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

    fn own_field(&self) -> BundleField {
        suspension_field(&self.invocation.id)
    }
}
