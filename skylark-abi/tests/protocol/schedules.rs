//! Attempts at invocations, in any order, crashed anywhere.

use crate::world::*;
use proptest::prelude::*;
use skylark_abi::{
    Schema,
    call::{CallResponse, Failure, FailureKind, Outcome},
    protocol::{Committed, Step, Task},
    run::{Invocation, Message},
};
use std::sync::Arc;

/// An attempt at an invocation, advanced one step at a time.
struct Attempt {
    task: Task,
    step: Option<Step>,
    /// The invocation it is an attempt at, by its place in the harness.
    of: usize,
}

/// Runs invocations over one model in an order that `choices` decides: which
/// attempt takes its next step, which crashes or runs out of time, which
/// invocation is attempted once more. Ends when every invocation has been done.
struct Harness {
    schema: Arc<Schema>,
    model: Model,
    invocations: Vec<(Invocation, Vec<&'static str>)>,
    attempts: Vec<Attempt>,
    /// How each invocation ended, as its first attempt to end told.
    done: Vec<Option<Outcome>>,
    fuses: bool,
    discarded: usize,
    apart: usize,
}

impl Harness {
    fn new(runs: usize, fuses: bool) -> Self {
        let invocations: Vec<_> = (0..runs)
            .map(|n| {
                let counters = if n % 2 == 0 {
                    vec!["A"]
                } else {
                    vec!["B", "A", "C"]
                };
                (invocation("first", n), counters)
            })
            .collect();
        Self {
            schema: schema(),
            model: Model::default(),
            done: vec![None; invocations.len()],
            invocations,
            attempts: Vec::new(),
            fuses,
            discarded: 0,
            apart: 0,
        }
    }

    fn attempt(&mut self, of: usize) {
        let (invocation, counters) = &self.invocations[of];
        let prefetch: &[&str] = if of.is_multiple_of(3) {
            &counters[..1]
        } else {
            &[]
        };
        let plan = plan(true, prefetch);
        let plan = if self.fuses { fusing(plan) } else { plan };
        let mut task = Task::new(invocation.clone(), self.schema.clone(), plan);
        let step = Some(task.start());
        self.attempts.push(Attempt { task, step, of });
    }

    fn advance(&mut self, which: usize) {
        let attempt = &mut self.attempts[which];
        let next = match attempt.step.take().unwrap() {
            Step::Begin(begin) => attempt.task.begun(self.model.begin(&begin)),
            Step::Wait(_) => attempt.task.start(),
            Step::Run(_) => {
                let counters = self.invocations[attempt.of].1.clone();
                let response = guest(&mut attempt.task, &mut self.model, &counters);
                Step::Ran(Box::new(response))
            }
            Step::GoOn(_) => {
                let response = guest(&mut attempt.task, &mut self.model, &["B", "C"]);
                Step::Ran(Box::new(response))
            }
            Step::Ran(response) => {
                let starts = attempt.task.starts(&response, &report()).unwrap();
                attempt.task.ran(*response, starts, report())
            }
            Step::Commit(commit) => {
                let committed = self.model.commit(&commit);
                self.discarded += usize::from(!matches!(committed, Committed::Done { .. }));
                attempt.task.committed(committed, report())
            }
            Step::Done(done) => {
                let of = attempt.of;
                self.attempts.remove(which);
                let mut outcome = done.outcome.expect("nothing waits here");
                if self.fuses
                    && let Outcome::Ok { output, .. } = &mut outcome
                {
                    // Only whoever committed knows the output of a fused run.
                    output.clear();
                }
                let told = self.done[of].get_or_insert_with(|| outcome.clone());
                assert_eq!(*told, outcome, "two ends of one invocation");
                self.receive();
                return;
            }
        };
        attempt.step = Some(next);
    }

    /// One that was stopped for so long that its time is up when it runs: only
    /// attempts differ in that.
    fn run_out_of_time(&mut self, which: usize) {
        let step = &mut self.attempts[which].step;
        if let Some(Step::Run(_) | Step::GoOn(_)) = step {
            self.apart += usize::from(matches!(step, Some(Step::GoOn(_))));
            let failure = Failure::new(FailureKind::Timeout, "stopped");
            let response = CallResponse::ended(Outcome::Err(failure));
            *step = Some(Step::Ran(Box::new(response)));
        }
    }

    /// Invocations that succeeded, of those whose place is like that.
    fn succeeded(&self, place: impl Fn(usize) -> bool) -> u64 {
        let ended = self.done.iter().enumerate().filter(|(nth, _)| place(*nth));
        let well = ended.filter(|(_, told)| matches!(told, Some(Outcome::Ok { .. })));
        well.count() as u64
    }

    /// Takes what the outbox holds; delivered again and again, as an outbox
    /// that is never acknowledged would be.
    fn receive(&mut self) {
        for payload in self.model.outbox.values() {
            let Message::Invoke(invocation) = skylark_abi::decode(payload).unwrap() else {
                continue;
            };
            if !self.invocations.iter().any(|(i, _)| i.id == invocation.id) {
                self.invocations.push((*invocation, vec!["B", "C"]));
                self.done.push(None);
            }
        }
    }

    /// Past its end a schedule goes on with the oldest attempt alone (6).
    fn run(&mut self, choices: &[u8]) {
        let mut choices = choices.iter().copied().chain(std::iter::repeat(6));
        for _ in 0..100_000 {
            self.receive();
            let Some(pending) = self.done.iter().position(Option::is_none) else {
                return;
            };
            let choice = usize::from(choices.next().unwrap());
            match (choice % 16, self.attempts.len()) {
                (_, 0) => self.attempt(pending),
                (0, n) => drop(self.attempts.remove(choice / 16 % n)),
                (1..=5, n) if n < 6 => self.attempt(choice / 16 % self.invocations.len()),
                (7, n) => self.run_out_of_time(choice / 16 % n),
                (_, n) => self.advance(choice / 16 % n),
            }
        }
        panic!("the schedule did not end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_effect_is_there_once_whatever_crashes(
        runs in 1usize..6,
        fuses in any::<bool>(),
        choices in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut harness = Harness::new(runs, fuses);
        harness.run(&choices);
        // Each run adds one to A; the odd ones add one to B; each successor
        // adds one to B. What ran out of time does nothing.
        let (all, odd) = (harness.succeeded(|n| n < runs), harness.succeeded(|n| n < runs && n % 2 == 1));
        prop_assert_eq!(harness.model.counter("A"), all);
        let alone = (harness.invocations.len() - runs) as u64;
        let fused = all - alone;
        prop_assert_eq!(harness.model.counter("B"), odd + fused + harness.succeeded(|n| n >= runs));
        prop_assert!(fuses || fused == 0);
    }
}

/// The harness itself: schedules as above do discard executions, so that the
/// property is not true for want of conflicts.
#[test]
fn schedules_do_conflict() {
    let mut harness = Harness::new(4, true);
    // Marsaglia's xorshift32: any fixed sequence without a pattern will do.
    let mut x = 2_463_534_242_u32;
    let choices: Vec<u8> = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        (x >> 11) as u8
    })
    .take(400)
    .collect();
    harness.run(&choices);
    assert!(harness.discarded > 0);
    assert!(harness.apart > 0);
}
