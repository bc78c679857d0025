//! How a task ends a stretch: what it commits, and what follows from that.

use super::{Done, Outgoing, Started, Task, shared_field};
use crate::{
    call::{CallResponse, Failure, FailureKind, Field, Outcome},
    journal::{Stretch, Suspension, Then},
    keys::{Bundle, Part},
    protocol::{BundleField, Commit, Committed, OutboxEntry, Step, outgoing},
    run::{Message, Placement, TaskReport},
};
use std::{collections::BTreeMap, time::Duration};

/// Pause before the first of a function's `retries`, if it names none.
const DEFAULT_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause before one.
const MAX_BACKOFF: Duration = Duration::from_secs(300);

impl Task {
    /// It ended with an outcome.
    pub(super) fn ended(
        &mut self,
        response: CallResponse,
        starts: Vec<Started>,
        report: TaskReport,
    ) -> Step {
        let Some(outcome) = &response.outcome else {
            return self.suspend(&response, starts, &report);
        };
        let mut writes = self.writes(&response);
        // Without a write or a record there is nothing that an older snapshot
        // could spoil: what was read was one consistent state.
        let consistent = writes.is_empty()
            && !self.plan.dedupe
            && !self.plan.ahead
            && starts.is_empty()
            && response.effects.is_empty()
            && self.sent().is_empty()
            && self.round_trips <= 1;
        let checks = if consistent {
            Vec::new()
        } else {
            self.checks(&response)
        };
        let mut tasks = self.current().tasks.clone();
        outgoing::append(&mut tasks, std::slice::from_ref(&report));
        let goes_on = starts.iter().any(|s| s.successor);
        let mut messages = self.sent().to_vec();
        messages.extend(self.effects(&response, starts, &tasks, now_us(&report)));
        // What is recorded of fused tasks is how the first ended: whoever comes
        // twice could not tell from it how the run did.
        let untold = self.tail.is_some() && self.plan.dedupe && !self.invocation.durable;
        let inline = self.plan.inline && self.plan.owner == self.invocation.origin;
        let completion = outgoing::completion(
            self.current(),
            inline && !untold,
            outcome,
            &tasks,
            now_us(&report),
        );
        let ends_run = !goes_on && completion.is_none();
        messages.extend(completion.filter(|_| !goes_on));
        if self.suspension_version > 0 {
            writes.push((self.own_field(), None));
        }
        let outcome = outcome.clone();
        self.pending = Some(Done {
            outcome: Some(outcome.clone()),
            messages,
            ends_run,
            ..Done::default()
        });
        let recorded = self.tail.as_ref().map(|t| t.outcome.clone());
        self.commit(Some(recorded.unwrap_or(outcome)), checks, writes)
    }

    /// It waits: what it did so far takes effect, and what is needed to go on
    /// is kept.
    pub(super) fn suspend(
        &mut self,
        response: &CallResponse,
        starts: Vec<Started>,
        report: &TaskReport,
    ) -> Step {
        let reads = response.touched.iter().filter_map(|v| {
            let known = self.snapshot.get(&shared_field(v)?)?;
            Some(Field {
                variable: v.clone(),
                value: known.value.clone(),
            })
        });
        let stretch = Stretch {
            arrived: self.arrived.clone(),
            reads: reads.collect(),
            effects: response.effects.iter().map(|e| e.trace()).collect(),
        };
        let checks = self.checks(response);
        let mut writes = shared_writes(response);
        let mut invocation = self.invocation.clone();
        outgoing::append(&mut invocation.tasks, std::slice::from_ref(report));
        let effects = u32::try_from(response.effects.len()).unwrap_or(u32::MAX);
        let mut open: Vec<u32> = self
            .suspension
            .as_ref()
            .map(|s| s.open.clone())
            .unwrap_or_default();
        open.extend(outgoing::answered(&response.effects, self.positions));
        let (then, need) = match &response.fan {
            None => {
                let mut past = std::mem::take(&mut self.past);
                past.push(stretch);
                (Then::Execute { past }, response.need.max(1))
            }
            Some(_) => {
                let branches = starts.iter().filter(|s| s.successor);
                open = branches
                    .filter_map(|s| s.invocation.reply.as_ref().map(|r| r.position))
                    .collect();
                // Chain state as it is now goes on after the branches.
                invocation.chain_state = outgoing::chain_state(&self.invocation, response);
                let join = self.schema.functions.get(&invocation.function);
                let join = join.and_then(|e| e.function.join.clone());
                let need = u32::try_from(open.len()).unwrap_or(u32::MAX);
                (Then::Gather { join }, need)
            }
        };
        let branches = response.fan.as_ref().map_or(0, |_| response.next.len());
        let suspension = Suspension {
            invocation,
            then,
            arrived: Vec::new(),
            need,
            open,
            positions: self
                .positions
                .saturating_add(effects)
                .saturating_add(u32::try_from(branches).unwrap_or(u32::MAX)),
        };
        let kept = crate::encode(&suspension);
        writes.push((self.own_field(), Some(kept)));
        let tasks = suspension.invocation.tasks;
        let messages = self.effects(response, starts, &tasks, now_us(report));
        self.pending = Some(Done {
            outcome: None,
            messages,
            ..Done::default()
        });
        self.commit(None, checks, writes)
    }

    /// The pause before it is executed again, if its failure is one that its
    /// function's `retries` are for.
    pub(super) fn attempts_again(&self, response: &CallResponse) -> Option<Duration> {
        let Some(Outcome::Err(failure)) = &response.outcome else {
            return None;
        };
        let transient = matches!(
            failure.kind,
            FailureKind::Trap | FailureKind::Timeout | FailureKind::Memory | FailureKind::Conflict
        );
        let function = self.schema.functions.get(&self.invocation.function)?;
        let options = &function.function.options;
        let attempt = self.invocation.attempt;
        if !transient || attempt >= options.retries.unwrap_or(0) {
            return None;
        }
        let first = options.backoff.unwrap_or(DEFAULT_BACKOFF);
        Some(first.saturating_mul(1 << attempt.min(16)).min(MAX_BACKOFF))
    }

    pub(super) fn attempt_again(&mut self, pause: Duration) -> Step {
        let mut again = self.invocation.clone();
        again.attempt += 1;
        // On this very node, in whose store it may wait.
        again.placed = Some(Placement {
            policy: "retry".into(),
            node: self.plan.owner.clone(),
            reason: format!("attempt {} after {pause:?}", again.attempt + 1),
            expected_us: 0,
            bytes: 0,
        });
        let entry = format!("{}#{}", again.id, again.attempt);
        let mut writes = Vec::new();
        if let Some(suspension) = &mut self.suspension {
            suspension.invocation.attempt = again.attempt;
            let kept = crate::encode(suspension);
            writes.push((self.own_field(), Some(kept)));
        }
        self.pending = Some(Done {
            outcome: None,
            messages: vec![Outgoing {
                entry,
                message: Message::Invoke(Box::new(again)),
                after: pause,
            }],
            ..Done::default()
        });
        self.commit(None, Vec::new(), writes)
    }

    /// After [`Step::Commit`].
    pub fn committed(&mut self, committed: Committed, report: TaskReport) -> Step {
        self.round_trips += 1;
        match committed {
            Committed::Done { .. } => {
                Step::Done(Box::new(self.pending.take().unwrap_or_else(lost)))
            }
            // Another attempt took over: begin tells how it stands.
            Committed::Fenced => self.again(),
            Committed::Conflict(field) if field == self.own_field() => self.again(),
            Committed::Unfit(field) => {
                let name = field.variable();
                let failure = Failure::new(
                    FailureKind::State,
                    format!(
                        "state `{name}` holds a value that was stored when it was no collection; it is \
                         kept as it is: store the collection under another name with `rename = \"…\"`"
                    ),
                )
                .at(name);
                let response = CallResponse::ended(Outcome::Err(failure));
                self.snapshot.clear();
                self.ran(response, Vec::new(), report)
            }
            Committed::Conflict(field) => {
                self.conflicts += 1;
                if self.conflicts > self.plan.bounds.max_conflicts {
                    let failure = Failure::new(
                        FailureKind::Conflict,
                        format!(
                            "state `{}` changed under every one of {} executions (`max_conflicts`)",
                            field.variable(),
                            self.conflicts
                        ),
                    )
                    .at(field.variable());
                    let response = CallResponse::ended(Outcome::Err(failure));
                    // What was read has passed, and does not matter to this.
                    self.snapshot.clear();
                    self.tail = None;
                    return self.ran(response, Vec::new(), report);
                }
                self.again()
            }
        }
    }

    /// Begins again, with everything that was read so far.
    pub(super) fn again(&mut self) -> Step {
        self.tail = None;
        for field in self.snapshot.keys() {
            // A scan's pages may begin elsewhere the next time, and count.
            let is_page = matches!(field.bundle, Bundle::Part(_, Part::Range));
            if !is_page && !self.plan.prefetch.contains(field) {
                self.plan.prefetch.push(field.clone());
            }
        }
        self.past.clear();
        self.arrived.clear();
        self.positions = 0;
        self.pending = None;
        // Had it begun without a lease, its first stretch may have been
        // committed by now all the same: the answer to that commit was lost.
        self.start()
    }

    /// The versions of all that the response touched; of all that was read, if
    /// that may never come to be.
    fn checks(&self, response: &CallResponse) -> Vec<(BundleField, u64)> {
        if self.plan.ahead {
            let read = self.snapshot.iter();
            return read.map(|(field, v)| (field.clone(), v.version)).collect();
        }
        // Parts of collections are written blindly: such writes do not conflict.
        let written = response.writes.iter().map(|w| &w.variable);
        let written = written.filter(|v| v.part.is_none());
        let before = self.tail.iter().flat_map(|t| t.touched.iter().cloned());
        let mut touched: Vec<_> = response
            .touched
            .iter()
            .chain(written)
            .filter_map(shared_field)
            .chain(before)
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
    }

    /// The outbox of a response: what it starts, and what it waits for besides.
    pub(super) fn effects(
        &self,
        response: &CallResponse,
        starts: Vec<Started>,
        tasks: &[TaskReport],
        now_us: u64,
    ) -> Vec<Outgoing> {
        let started = starts.into_iter().map(|mut s| {
            // What is called reports to its caller; a successor goes on with
            // the run's story.
            if s.successor && response.fan.is_none() {
                s.invocation.tasks = tasks.to_vec();
            }
            Outgoing {
                entry: s.invocation.id.to_string(),
                message: Message::Invoke(Box::new(s.invocation)),
                after: s.after,
            }
        });
        let mut messages: Vec<Outgoing> = started.collect();
        messages.extend(outgoing::waits(
            &response.effects,
            self.current(),
            &self.plan.owner,
            self.first(),
            now_us,
        ));
        messages
    }

    pub(super) fn commit(
        &self,
        outcome: Option<Outcome>,
        mut checks: Vec<(BundleField, u64)>,
        writes: Vec<(BundleField, Option<Vec<u8>>)>,
    ) -> Step {
        let messages = self.outgoing();
        if !self.plan.dedupe
            && checks.is_empty()
            && writes.is_empty()
            && messages.is_empty()
            && let Some(done) = &self.pending
        {
            return Step::Done(Box::new(done.clone()));
        }
        let own = self.own_field();
        if writes.iter().any(|(field, _)| *field == own) {
            checks.push((own, self.suspension_version));
        }
        let bounds = &self.plan.bounds;
        Step::Commit(Box::new(Commit {
            id: self.plan.dedupe.then(|| self.invocation.id.clone()),
            epoch: self.epoch,
            checks,
            lasts: self.lasts(&writes),
            writes,
            outcome: outcome.filter(|_| self.plan.dedupe),
            outbox: messages
                .iter()
                .map(|m| OutboxEntry::new(&m.entry, &m.message, m.after, bounds))
                .collect(),
            acks: self.plan.acks.clone(),
            ..Commit::new(&self.invocation.app, bounds)
        }))
    }

    /// Which of the variables written do not last.
    fn lasts(&self, writes: &[(BundleField, Option<Vec<u8>>)]) -> BTreeMap<String, Duration> {
        let shared = writes
            .iter()
            .filter(|(field, _)| !matches!(field.bundle, Bundle::Chain(_)));
        let of = |(field, _): &(BundleField, _)| {
            let state = &self.schema.state(field.variable())?.state;
            Some((field.variable().to_owned(), state.ttl?))
        };
        shared.filter_map(of).collect()
    }
}

/// When the execution of this report was over.
pub(super) fn now_us(report: &TaskReport) -> u64 {
    report.arrived_unix_us + report.begin_us + report.run_us
}

pub(super) fn shared_writes(response: &CallResponse) -> Vec<(BundleField, Option<Vec<u8>>)> {
    response
        .writes
        .iter()
        .filter_map(|w| Some((shared_field(&w.variable)?, w.value.clone())))
        .collect()
}

/// Only a driver that reports a commit it was not asked for comes here.
fn lost() -> Done {
    Done {
        outcome: Some(Outcome::Err(Failure::new(
            FailureKind::Contract,
            "a commit was reported that was never asked for",
        ))),
        ..Done::default()
    }
}
