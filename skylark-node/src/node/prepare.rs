//! A task with what it needs to be carried out: the turn, the lanes, what it was
//! begun with.

use super::{
    Node, apps::App, deliver::target, execute::report_of, in_progress::Entered, outbox::Claim,
    unix_us,
};
use crate::store::Lane;
use skylark_abi::{
    protocol::{Bounds, Commit, Plan, Step, Task, app_field},
    run::{Answer, Invocation, Lease, Message, TaskReport},
};
use std::{sync::Arc, time::Duration};

/// Why something is executed.
pub(super) enum Cause {
    /// It is to be done; `keyed` if it may come twice.
    Invoke(Box<Invocation>, Dedupe),
    /// It waited for this.
    Answer(Box<Answer>),
}

/// Whether an invocation may come twice, and so takes a lease and has its
/// outcome recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dedupe {
    Yes,
    /// And the record of its run, if there is one, must say this of its input.
    Keyed(u64),
    No,
}

/// How a message came.
#[derive(Default)]
pub(super) struct Came {
    /// Its outbox entry, if that is in this node's store.
    pub(super) entry: Option<String>,
    /// What it begins with.
    pub(super) lease: Option<Lease>,
}

impl Came {
    pub(super) fn by(entry: &str) -> Self {
        Self {
            entry: Some(entry.to_owned()),
            lease: None,
        }
    }
}

/// A task on another node of the same store that was begun by a commit here.
pub(super) struct Handed {
    pub(super) entry: String,
    pub(super) lease: Lease,
}

impl Handed {
    /// Most bytes of state that go along with a message; the node reads larger
    /// state itself, by a lease of its own.
    const MAX_STATE: usize = 64 << 10;

    pub(super) fn of(entry: String, lease: Lease) -> Option<Self> {
        let values = lease.fields.iter().filter_map(|f| f.value.as_ref());
        let bytes: usize = values.map(Vec::len).sum();
        (bytes <= Self::MAX_STATE).then_some(Self { entry, lease })
    }
}

/// What a commit begins besides.
pub(super) enum Next {
    Here(Box<Prepared>),
    /// On another node, by this outbox entry.
    There(String),
}

/// A task with what it needs to be carried out.
pub(super) struct Prepared {
    pub(super) app: Arc<App>,
    pub(super) task: Task,
    pub(super) report: TaskReport,
    pub(super) lanes: Vec<Lane>,
    /// Keeps others from carrying it out meanwhile.
    pub(super) _entered: Option<Entered>,
    /// Keeps this node from delivering its message meanwhile.
    pub(super) _claim: Option<Claim>,
    pub(super) came: Came,
    /// What it does first, if it has begun already, and how long that took.
    pub(super) first: Option<(Step, Duration)>,
}

impl Prepared {
    /// The outbox entry that brought it, on this node's store.
    pub(super) fn entry(&self) -> Option<&str> {
        self.came.entry.as_deref()
    }

    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The run that it belongs to.
    pub(super) fn chain_id(&self) -> &str {
        &self.task.invocation().id.chain_id
    }
}

impl Node {
    /// Makes a task of its cause, waiting until no other execution of it is under
    /// way here, and for the lanes of what it is known to write. What it was begun
    /// with is of no use once it had to wait.
    pub(super) async fn prepare(&self, app: &Arc<App>, cause: Cause, mut came: Came) -> Prepared {
        let (id, function) = match &cause {
            Cause::Invoke(i, Dedupe::No) => (None, &i.function),
            Cause::Invoke(i, _) => (Some(&i.id), &i.function),
            Cause::Answer(answer) => (Some(&answer.reply.to), &answer.reply.function),
        };
        let id = id.map(ToString::to_string);
        let written = app.learned(function).written;
        let entered = match &id {
            Some(id) => match self.0.in_progress.enter_if_free(id) {
                Some(entered) => Some(entered),
                None => {
                    came.lease = None;
                    Some(self.0.in_progress.enter(id).await)
                }
            },
            None => None,
        };
        let lanes = match app.free_lanes(&written) {
            Some(lanes) => lanes,
            None => {
                came.lease = None;
                app.lanes(&written).await
            }
        };
        let lease = came.lease.take();
        let mut prepared = self.make(app, cause, came, lanes, entered);
        let first = lease.and_then(|lease| prepared.task.start_with(lease));
        prepared.first = first.map(|step| (step, Duration::ZERO));
        prepared
    }

    fn make(
        &self,
        app: &Arc<App>,
        cause: Cause,
        came: Came,
        lanes: Vec<Lane>,
        entered: Option<Entered>,
    ) -> Prepared {
        let task = self.task(app, cause, came.entry.as_deref(), self.name());
        let report = report_of(&task, self.name(), unix_us());
        Prepared {
            app: app.clone(),
            task,
            report,
            lanes,
            _entered: entered,
            _claim: None,
            came,
            first: None,
        }
    }

    /// The task of this cause, as the node `owner` carries it out.
    fn task(&self, app: &Arc<App>, cause: Cause, entry: Option<&str>, owner: &str) -> Task {
        let (function, dedupe) = match &cause {
            Cause::Invoke(i, dedupe) => (&i.function, *dedupe),
            Cause::Answer(answer) => (&answer.reply.function, Dedupe::Yes),
        };
        let limits = &self.0.config.limits;
        let timeout = app.timeout(function).unwrap_or(limits.timeout);
        let learned = app.learned(function);
        let mut prefetch: Vec<_> = learned.touched.iter().map(|name| app_field(name)).collect();
        if let Cause::Invoke(invocation, _) = &cause {
            prefetch.extend(super::keyed::fields(
                &app.schema,
                &learned.keyed,
                learned.parts(),
                invocation,
            ));
        }
        let bounds = &self.0.config.bounds;
        let plan = Plan {
            owner: owner.to_owned(),
            dedupe: dedupe != Dedupe::No,
            ahead: !learned.written.is_empty(),
            input_hash: match dedupe {
                Dedupe::Keyed(hash) => Some(hash),
                Dedupe::Yes | Dedupe::No => None,
            },
            prefetch,
            inline: true,
            acks: entry.map(str::to_owned).into_iter().collect(),
            bounds: Bounds {
                // A lease must not pass while the call may still run.
                lease: bounds.lease.max(timeout * 2),
                ..bounds.clone()
            },
        };
        match cause {
            Cause::Invoke(invocation, _) => Task::new(*invocation, app.schema.clone(), plan),
            Cause::Answer(answer) => Task::answer(*answer, app.schema.clone(), plan),
        }
    }

    /// Lets the commit begin what comes next, if that is one task on this node
    /// which nothing keeps waiting, or one on a node that shares the store: the
    /// commit of one is the begin of the next.
    pub(super) fn begin_next(
        &self,
        app: &Arc<App>,
        task: &Task,
        commit: &mut Commit,
    ) -> Option<Next> {
        let due = || task.outgoing().iter().filter(|o| o.after.is_zero());
        let here = due().find_map(|o| Some((o, cause_of(&o.message, self.name())?)));
        if let Some((outgoing, cause)) = here {
            let (id, function) = match &cause {
                Cause::Invoke(i, _) => (i.id.to_string(), &i.function),
                Cause::Answer(answer) => (answer.reply.to.to_string(), &answer.reply.function),
            };
            let entered = self.0.in_progress.enter_if_free(&id)?;
            let lanes = app.free_lanes(&app.learned(function).written)?;
            let claim = self.0.outbox.claim(&outgoing.entry)?;
            let came = Came::by(&outgoing.entry);
            let mut next = self.make(app, cause, came, lanes, Some(entered));
            next._claim = Some(claim);
            let Step::Begin(begin) = next.task.start() else {
                return None;
            };
            commit.then = Some(Box::new(begin));
            return Some(Next::Here(Box::new(next)));
        }
        due().find_map(|outgoing| {
            let node = target(&outgoing.message)?;
            let cause = cause_of(&outgoing.message, node)?;
            if !self.0.neighbours.shares(node) {
                return None;
            }
            let mut task = self.task(app, cause, None, node);
            // What the record of its run says is its own node's to see.
            if task.invocation().id.is_first() {
                return None;
            }
            let Step::Begin(begin) = task.start() else {
                return None;
            };
            commit.then = Some(Box::new(begin));
            Some(Next::There(outgoing.entry.clone()))
        })
    }
}

/// What the message makes the node do, if it is one of a task that runs there.
fn cause_of(message: &Message, node: &str) -> Option<Cause> {
    match message {
        Message::Invoke(i) if i.placed.as_ref().is_none_or(|p| p.node == node) => {
            Some(Cause::Invoke(i.clone(), Dedupe::Yes))
        }
        Message::Answer(answer) if answer.reply.node == node => Some(Cause::Answer(answer.clone())),
        _ => None,
    }
}
