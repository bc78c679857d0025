//! The steps of an exactly-once invocation, without I/O (design: Beldi, OSDI
//! 2020, for the guarantee; here one atomic commit instead of a log entry per
//! operation).
//!
//! A driver (node, native test runtime, a guest over sockets) feeds a [`Task`]
//! and carries out the [`Step`]s it answers with:
//!
//! ```text
//! start ─► Begin ─► begun ─► Run ─► ran ─► Commit ─► committed ─► Done
//!   │                 │       ▲ │                        │
//!   └── stateless ────┼───────┘ └─ nothing to commit ────┼─────► Done
//!                     └─ recorded ───────────────────────┼─────► Done
//!                             └───────── conflict ◄──────┘
//! ```

use crate::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope, Variable},
    id::InvocationId,
    keys::Bundle,
    run::{Completion, Invocation, Message, TaskReport},
    schema::Schema,
    value::Codec,
};
use minicbor::{Decode, Encode};
use std::{collections::BTreeMap, time::Duration};

/// Takes a lease on an invocation and reads what it is known to need, in one
/// atomic round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The app.
    pub app: String,
    /// Take a lease and look for a recorded outcome under this id; `None` for
    /// a plain snapshot read.
    pub id: Option<InvocationId>,
    /// The node that asks.
    pub owner: String,
    /// How long the lease lasts.
    pub lease: Duration,
    /// What to read.
    pub reads: Vec<BundleField>,
}

/// A variable in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct BundleField {
    /// The bundle.
    #[n(0)]
    pub bundle: Bundle,
    /// The variable.
    #[n(1)]
    pub name: String,
}

/// A variable as read: its version is 0 and its value `None` if it was never
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Which one.
    pub field: BundleField,
    /// Grows by one with every write.
    pub version: u64,
    /// Tagged bytes.
    pub value: Option<Vec<u8>>,
}

/// What begin answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Run: the lease (epoch 0 without an id) and what was read, in the order
    /// asked for.
    Leased {
        /// Number of this lease on the invocation; an older one cannot commit.
        epoch: u64,
        /// The snapshot.
        fields: Vec<Versioned>,
    },
    /// It has been done; run nothing.
    Recorded(Outcome),
    /// Another node's lease has this long to go.
    Busy {
        /// Until then.
        remaining: Duration,
    },
}

/// Makes an invocation's effects visible, all or none, in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The app.
    pub app: String,
    /// Check the epoch, and record the outcome, under this id.
    pub id: Option<InvocationId>,
    /// The lease that [`Begun::Leased`] gave.
    pub epoch: u64,
    /// Versions that must still hold: everything read or written.
    pub checks: Vec<(BundleField, u64)>,
    /// Changed variables only; `None` deletes.
    pub writes: Vec<(BundleField, Option<Vec<u8>>)>,
    /// What to remember under `id`.
    pub outcome: Option<Outcome>,
    /// What to start, by entry id.
    pub outbox: Vec<OutboxEntry>,
    /// The run's record to keep, if this ends a durable run at its origin
    /// (encoded `run::RunRecord`).
    pub run: Option<(String, Vec<u8>)>,
    /// How long records are kept.
    pub retention: Duration,
}

/// A message to be delivered until acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Unique in the app: the id of what it starts.
    pub id: String,
    /// Encoded [`Message`].
    pub payload: Vec<u8>,
    /// Nobody but the committing node delivers it before this long has passed.
    pub claim: Duration,
}

/// What commit answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All of it is visible.
    Done,
    /// Nothing is: this variable has changed since it was read.
    Conflict(BundleField),
    /// Nothing is: another lease was given, or the outcome is recorded.
    Fenced,
}

/// Bounds that the protocol keeps; every one is an option of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// How long a lease lasts.
    pub lease: Duration,
    /// How long records are kept.
    pub retention: Duration,
    /// How long the committing node alone delivers.
    pub claim: Duration,
    /// Re-runs for version conflicts before the invocation fails.
    pub max_conflicts: u32,
    /// Tasks on one path of a run.
    pub max_depth: usize,
    /// Bytes of state that one invocation may write.
    pub max_state: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            retention: Duration::from_secs(24 * 3600),
            claim: Duration::from_secs(15),
            max_conflicts: 100,
            max_depth: 64,
            max_state: 16 << 20,
        }
    }
}

/// What the driver shall do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask the store, then [`Task::begun`].
    Begin(Begin),
    /// Call the guest, then [`Task::ran`]; while it runs, answer its fetches
    /// by [`Task::miss`].
    Run(CallRequest),
    /// Elect a node for each successor with [`Task::successors`], then ask the
    /// store, then [`Task::committed`].
    Commit(Box<Commit>),
    /// Another attempt holds the lease; wait this long and start again.
    Wait(Duration),
    /// It is over; nothing of this task remains to be done but delivery.
    Done(Box<Done>),
}

/// The end of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// How it ended.
    pub outcome: Outcome,
    /// What was put into the outbox.
    pub messages: Vec<(String, Message)>,
    /// Whether the outcome had been recorded by an earlier attempt.
    pub replayed: bool,
}

/// How the driver wants a task done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The node that runs it.
    pub owner: String,
    /// Take a lease and record the outcome: for what may be delivered twice.
    pub dedupe: bool,
    /// App-scoped variables to read before the run.
    pub prefetch: Vec<String>,
    /// The caller waits for the outcome in place: no completion is sent.
    pub inline: bool,
    /// Bounds.
    pub bounds: Bounds,
}

/// One execution of one invocation, from begin to commit.
#[derive(Debug)]
pub struct Task {
    invocation: Invocation,
    plan: Plan,
    /// Declared state by scope, so that a guest cannot name what it has not.
    declared: BTreeMap<Variable, ()>,
    epoch: u64,
    snapshot: BTreeMap<BundleField, Versioned>,
    conflicts: u32,
    round_trips: u32,
    pending: Option<(Outcome, Vec<(String, Message)>)>,
}

impl Task {
    /// A task for this invocation of an app with this schema.
    pub fn new(invocation: Invocation, schema: &Schema, plan: Plan) -> Self {
        let declared = schema
            .states
            .values()
            .map(|e| {
                let variable = Variable {
                    scope: e.state.scope,
                    name: e.state.name.clone(),
                };
                (variable, ())
            })
            .collect();
        Self {
            invocation,
            plan,
            declared,
            epoch: 0,
            snapshot: BTreeMap::new(),
            conflicts: 0,
            round_trips: 0,
            pending: None,
        }
    }

    /// The invocation.
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// Discarded executions so far.
    pub fn conflicts(&self) -> u32 {
        self.conflicts
    }

    /// Store round trips so far.
    pub fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// The first step. A function that needs neither lease nor state runs at
    /// once, without a round trip.
    pub fn start(&mut self) -> Step {
        self.snapshot.clear();
        let reads: Vec<BundleField> = self.plan.prefetch.iter().map(|n| app_field(n)).collect();
        if !self.plan.dedupe && reads.is_empty() {
            return self.run();
        }
        Step::Begin(Begin {
            app: self.invocation.app.clone(),
            id: self.plan.dedupe.then(|| self.invocation.id.clone()),
            owner: self.plan.owner.clone(),
            lease: self.plan.bounds.lease,
            reads,
        })
    }

    /// After [`Step::Begin`].
    pub fn begun(&mut self, begun: Begun) -> Step {
        self.round_trips += 1;
        match begun {
            Begun::Recorded(outcome) => Step::Done(Box::new(Done {
                outcome,
                messages: Vec::new(),
                replayed: true,
            })),
            Begun::Busy { remaining } => Step::Wait(remaining),
            Begun::Leased { epoch, fields } => {
                self.epoch = epoch;
                self.remember(fields);
                self.run()
            }
        }
    }

    /// The guest reads a variable that its request did not carry: what to read
    /// from the store, or at once the value.
    ///
    /// The first miss reads all app-scoped variables in one snapshot, so that
    /// later ones cost nothing; the driver may learn from it what to prefetch.
    ///
    /// # Errors
    /// The module has no such variable.
    pub fn miss(&self, variable: &Variable) -> Result<Miss, Failure> {
        if !self.declared.contains_key(variable) {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "the guest asks for state `{}`, which its schema does not declare",
                    variable.name
                ),
            )
            .at(&variable.name));
        }
        if variable.scope == Scope::Chain {
            let found = self
                .invocation
                .chain_state
                .iter()
                .find(|f| f.variable == *variable);
            return Ok(Miss::Known(found.and_then(|f| f.value.clone())));
        }
        if let Some(known) = self.snapshot.get(&app_field(&variable.name)) {
            return Ok(Miss::Known(known.value.clone()));
        }
        let reads = self
            .declared
            .keys()
            .filter(|v| v.scope == Scope::App)
            .map(|v| app_field(&v.name))
            .filter(|f| !self.snapshot.contains_key(f))
            .collect();
        Ok(Miss::Read(Begin {
            app: self.invocation.app.clone(),
            id: None,
            owner: self.plan.owner.clone(),
            lease: self.plan.bounds.lease,
            reads,
        }))
    }

    /// After [`Miss::Read`]. The versions are checked at commit, all together,
    /// so two snapshots that do not fit each other cannot commit.
    pub fn filled(&mut self, fields: Vec<Versioned>) {
        self.round_trips += 1;
        self.remember(fields);
    }

    /// Resolves the successors that the guest named, with their input and the
    /// chain state that goes with them.
    ///
    /// # Errors
    /// A successor that the schema does not know, or a run that is too deep.
    pub fn successors(
        &self,
        response: &CallResponse,
        schema: &Schema,
    ) -> Result<Vec<Invocation>, Failure> {
        if response.next.is_empty() {
            return Ok(Vec::new());
        }
        let Outcome::Ok { output, codec } = &response.outcome else {
            return Ok(Vec::new());
        };
        if self.invocation.id.depth() + 1 >= self.plan.bounds.max_depth {
            return Err(Failure::new(
                FailureKind::Depth,
                format!(
                    "the run is {} tasks deep, the limit (`max_depth`); does its chain go in circles?",
                    self.plan.bounds.max_depth
                ),
            ));
        }
        let chain_state = self.chain_state(response);
        let module = schema
            .functions
            .get(&self.invocation.function)
            .map_or("", |e| e.module.as_str());
        response
            .next
            .iter()
            .zip(0u32..)
            .map(|(successor, position)| {
                let function = schema.resolve(module, &successor.function).map_err(|_| {
                    Failure::new(
                        FailureKind::Contract,
                        format!(
                            "the guest names the successor `{}`, which the schema does not know",
                            successor.function
                        ),
                    )
                })?;
                Ok(Invocation {
                    app: self.invocation.app.clone(),
                    function: function.to_owned(),
                    id: self.invocation.id.child(position),
                    input: successor.input.as_ref().unwrap_or(output).clone(),
                    input_codec: if successor.input.is_some() {
                        Codec::Compact
                    } else {
                        *codec
                    },
                    chain_state: chain_state.clone(),
                    origin: self.invocation.origin.clone(),
                    durable: self.invocation.durable,
                    policy: self.invocation.policy.clone(),
                    placed: None,
                    tasks: Vec::new(),
                })
            })
            .collect()
    }

    /// After [`Step::Run`]: what the guest answered, its successors with their
    /// elected nodes ([`Invocation::placed`]), and this task's report.
    pub fn ran(
        &mut self,
        response: CallResponse,
        successors: Vec<Invocation>,
        report: TaskReport,
    ) -> Step {
        let state_bytes: usize = response
            .writes
            .iter()
            .filter_map(|w| w.value.as_ref().map(Vec::len))
            .sum();
        if state_bytes > self.plan.bounds.max_state {
            return self.fail(
                Failure::new(
                    FailureKind::TooLarge,
                    format!(
                        "the call wrote {state_bytes} bytes of state, more than the limit (`max_state`) of {}",
                        self.plan.bounds.max_state
                    ),
                ),
                report,
            );
        }
        let app = |v: &Variable| v.scope == Scope::App;
        for variable in response
            .touched
            .iter()
            .chain(response.writes.iter().map(|w| &w.variable))
        {
            let unknown = app(variable) && !self.snapshot.contains_key(&app_field(&variable.name));
            if unknown || !self.declared.contains_key(variable) {
                return self.fail(
                    Failure::new(
                        FailureKind::Contract,
                        format!(
                            "the guest touched state `{}` without reading it first",
                            variable.name
                        ),
                    ),
                    report,
                );
            }
        }
        let writes: Vec<_> = response
            .writes
            .iter()
            .filter(|w| app(&w.variable))
            .map(|w| (app_field(&w.variable.name), w.value.clone()))
            .collect();
        // Without a write or a record there is nothing that an older snapshot
        // could spoil: what was read was one consistent state.
        let checks = if writes.is_empty()
            && !self.plan.dedupe
            && successors.is_empty()
            && self.round_trips <= 1
        {
            Vec::new()
        } else {
            let mut touched: Vec<_> = response
                .touched
                .iter()
                .chain(response.writes.iter().map(|w| &w.variable))
                .filter(|v| app(v))
                .map(|v| app_field(&v.name))
                .collect();
            touched.sort();
            touched.dedup();
            touched
                .into_iter()
                .map(|f| {
                    let version = self.snapshot.get(&f).map_or(0, |v| v.version);
                    (f, version)
                })
                .collect()
        };
        let mut tasks = self.invocation.tasks.clone();
        tasks.push(report);
        let messages = if successors.is_empty() {
            self.completion(&response.outcome, tasks)
        } else {
            successors
                .into_iter()
                .map(|mut i| {
                    i.tasks = tasks.clone();
                    (i.id.to_string(), Message::Invoke(Box::new(i)))
                })
                .collect()
        };
        self.commit(response.outcome, checks, writes, messages)
    }

    /// The guest could not be run to its end: nothing it wrote is kept, the
    /// failure is what the run ends with.
    pub fn fail(&mut self, failure: Failure, report: TaskReport) -> Step {
        let outcome = Outcome::Err(failure);
        let mut tasks = self.invocation.tasks.clone();
        tasks.push(report);
        let messages = self.completion(&outcome, tasks);
        self.commit(outcome, Vec::new(), Vec::new(), messages)
    }

    /// After [`Step::Commit`].
    pub fn committed(&mut self, committed: Committed, report: TaskReport) -> Step {
        self.round_trips += 1;
        match committed {
            Committed::Done => {
                let (outcome, messages) =
                    self.pending.take().unwrap_or_else(|| (lost(), Vec::new()));
                Step::Done(Box::new(Done {
                    outcome,
                    messages,
                    replayed: false,
                }))
            }
            // Another attempt took over: begin tells how it stands.
            Committed::Fenced => self.start(),
            Committed::Conflict(field) => {
                self.conflicts += 1;
                if self.conflicts > self.plan.bounds.max_conflicts {
                    let failure = Failure::new(
                        FailureKind::Conflict,
                        format!(
                            "state `{}` changed under every one of {} executions (`max_conflicts`)",
                            field.name, self.conflicts
                        ),
                    )
                    .at(field.name);
                    return self.fail(failure, report);
                }
                self.reread()
            }
        }
    }

    /// Begins again after a conflict, with everything that was read so far.
    fn reread(&mut self) -> Step {
        for field in self.snapshot.keys() {
            if !self.plan.prefetch.contains(&field.name) {
                self.plan.prefetch.push(field.name.clone());
            }
        }
        self.start()
    }

    fn run(&self) -> Step {
        let chain = self.invocation.chain_state.iter().cloned();
        let app = self.snapshot.values().map(|v| Field {
            variable: Variable {
                scope: Scope::App,
                name: v.field.name.clone(),
            },
            value: v.value.clone(),
        });
        let known = self.snapshot.len();
        let all = self
            .declared
            .keys()
            .filter(|v| v.scope == Scope::App)
            .count();
        let mut complete = vec![Scope::Chain];
        if known == all {
            complete.push(Scope::App);
        }
        Step::Run(CallRequest {
            id: self.invocation.id.clone(),
            input: self.invocation.input.clone(),
            input_codec: self.invocation.input_codec,
            output_codec: Codec::Json,
            fields: chain.chain(app).collect(),
            complete,
        })
    }

    fn remember(&mut self, fields: Vec<Versioned>) {
        self.snapshot
            .extend(fields.into_iter().map(|v| (v.field.clone(), v)));
    }

    fn chain_state(&self, response: &CallResponse) -> Vec<Field> {
        let mut state: BTreeMap<Variable, Field> = self
            .invocation
            .chain_state
            .iter()
            .chain(
                response
                    .writes
                    .iter()
                    .filter(|w| w.variable.scope == Scope::Chain),
            )
            .map(|f| (f.variable.clone(), f.clone()))
            .collect();
        state.retain(|_, f| f.value.is_some());
        state.into_values().collect()
    }

    fn completion(&self, outcome: &Outcome, tasks: Vec<TaskReport>) -> Vec<(String, Message)> {
        if self.plan.inline {
            return Vec::new();
        }
        let completion = Completion {
            app: self.invocation.app.clone(),
            chain_id: self.invocation.id.chain_id.clone(),
            outcome: outcome.clone(),
            tasks,
            origin: self.invocation.origin.clone(),
            durable: self.invocation.durable,
        };
        let id = format!("{}!", self.invocation.id);
        vec![(id, Message::Complete(Box::new(completion)))]
    }

    fn commit(
        &mut self,
        outcome: Outcome,
        checks: Vec<(BundleField, u64)>,
        writes: Vec<(BundleField, Option<Vec<u8>>)>,
        messages: Vec<(String, Message)>,
    ) -> Step {
        if !self.plan.dedupe && checks.is_empty() && writes.is_empty() && messages.is_empty() {
            return Step::Done(Box::new(Done {
                outcome,
                messages,
                replayed: false,
            }));
        }
        let commit = Commit {
            app: self.invocation.app.clone(),
            id: self.plan.dedupe.then(|| self.invocation.id.clone()),
            epoch: self.epoch,
            checks,
            writes,
            outcome: self.plan.dedupe.then(|| outcome.clone()),
            outbox: messages
                .iter()
                .map(|(id, message)| OutboxEntry {
                    id: id.clone(),
                    payload: crate::encode(message),
                    claim: self.plan.bounds.claim,
                })
                .collect(),
            run: None,
            retention: self.plan.bounds.retention,
        };
        self.pending = Some((outcome, messages));
        Step::Commit(Box::new(commit))
    }
}

/// Answer to [`Task::miss`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The value is known; `None` if it was never written.
    Known(Option<Vec<u8>>),
    /// Ask the store, then [`Task::filled`], then [`Task::miss`] again.
    Read(Begin),
}

fn app_field(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.to_owned(),
    }
}

/// Only a driver that reports a commit it was not asked for comes here.
fn lost() -> Outcome {
    Outcome::Err(Failure::new(
        FailureKind::Contract,
        "a commit was reported that was never asked for",
    ))
}
