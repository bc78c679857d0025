//! How a task begins: what it asks the store for, and what that answers.

use super::{Done, Task};
use crate::{
    call::{CallResponse, Failure, FailureKind, Outcome},
    journal::{Suspension, Then},
    protocol::{Begin, Begun, Step, Versioned, outgoing, suspension_field},
    run::{Lease, RunRecord},
};

impl Task {
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
}

fn waiting() -> Step {
    Step::Done(Box::default())
}
