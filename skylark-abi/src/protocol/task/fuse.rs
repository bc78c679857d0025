//! Fusion: a task whose successor is elected to this very node goes on with it,
//! in the same instance, and what both did is one commit.
//!
//! The successor is given exactly what it would be given alone: its own id, clock,
//! randomness and journal, and the state as its predecessors left it. Only its
//! input may stay in the instance instead of being encoded.
//!
//! Nothing is visible before the commit. So whatever a fused task does that alone
//! would leave its predecessor's commit standing (it traps, runs out of time or memory,
//! or breaks the contract) discards all of it, and the first is executed once more,
//! [apart](Task::apart): then each commits, fails and is retried for itself.

use super::{Started, Task, now_us, shared_field};
use crate::{
    call::{CallResponse, FailureKind, Outcome},
    keys::Bundle,
    protocol::{BundleField, Outgoing, Step, outgoing},
    run::{Invocation, TaskReport},
    schema::{Arg, Function, FunctionEntry},
    value::Codec,
};
use std::collections::BTreeSet;

/// What is executed after a task, as part of it.
#[derive(Debug)]
pub(super) struct Tail {
    /// The task that is executed.
    pub(super) invocation: Invocation,
    /// Its input is in the instance.
    pub(super) kept: bool,
    /// Tasks so far, the first included.
    length: u32,
    /// Store round trips of those before it.
    pub(super) round_trips: u32,
    /// How the first of them ended.
    pub(super) outcome: Outcome,
    /// The shared state that those before it touched,
    pub(super) touched: BTreeSet<BundleField>,
    /// and wrote, in that order.
    writes: Writes,
    /// What they put into the outbox.
    messages: Vec<Outgoing>,
}

type Writes = Vec<(BundleField, Option<Vec<u8>>)>;

impl Tail {
    /// What was written to a variable; `None` if nothing was.
    pub(super) fn written(&self, field: &BundleField) -> Option<&Option<Vec<u8>>> {
        let mut writes = self.writes.iter();
        writes.find(|(f, _)| f == field).map(|(_, value)| value)
    }
}

/// Adds writes that come later, each in place of an earlier one to the same variable.
/// Parts of collections come to what was before: all of them stay, in their order.
fn overwrite(writes: &mut Writes, later: Writes) {
    for (field, value) in later {
        let is_part = matches!(field.bundle, Bundle::Part(..));
        let mut earlier = writes.iter_mut().filter(|_| !is_part);
        match earlier.find(|(f, _)| *f == field) {
            Some((_, earlier)) => *earlier = value,
            None => writes.push((field, value)),
        }
    }
}

/// Why fusion was given up. A driver does well to remember it for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The function that did what it must do alone.
    pub function: String,
    /// It may be fused all the same, if its input is encoded.
    pub for_input: bool,
}

impl Task {
    /// Instead of going on: executes the task once more, and nothing with it.
    /// Nothing of what was executed is visible.
    pub fn apart(&mut self) -> Step {
        self.set_apart(false);
        self.again()
    }

    fn set_apart(&mut self, for_input: bool) {
        self.apart = Some(Apart {
            function: self.current().function.clone(),
            for_input,
        });
    }

    /// Why fusion was given up, if it was.
    pub fn fell_apart(&self) -> Option<&Apart> {
        self.apart.as_ref()
    }

    /// Whether what is executed is fused with a task before it.
    pub fn is_fused(&self) -> bool {
        self.tail.is_some()
    }

    /// The function of its successor at this place in `next = …`.
    pub fn successor(&self, place: u32) -> Option<&str> {
        let successors = &self.function(self.current())?.successors;
        Some(successors.get(place as usize)?)
    }

    /// Whether a fused task did what it must do alone.
    pub(super) fn is_to_be_apart(&self, response: &CallResponse) -> bool {
        self.tail.is_some()
            && match &response.outcome {
                None => true,
                Some(Outcome::Ok { .. }) => false,
                Some(Outcome::Err(failure)) => {
                    failure.kind != FailureKind::Returned || self.wants_input(response)
                }
            }
    }

    /// Whether its input is needed once more, to be tried again by an operator, and
    /// was not encoded.
    fn wants_input(&self, response: &CallResponse) -> bool {
        let Some(tail) = self.tail.as_ref().filter(|tail| tail.kept) else {
            return false;
        };
        let failed = matches!(response.outcome, Some(Outcome::Err(_)));
        let handled = self
            .function(&tail.invocation)
            .is_some_and(|e| e.handler.is_some());
        failed && !handled && tail.invocation.durable
    }

    /// A fused task did what it must do alone.
    pub(super) fn fall_apart(&mut self, response: &CallResponse) -> Step {
        let returned = matches!(&response.outcome,
            Some(Outcome::Err(failure)) if failure.kind == FailureKind::Returned);
        self.set_apart(returned && self.wants_input(response));
        self.again()
    }

    /// Places in `next = …` of the successors whose input may stay in the instance.
    pub(super) fn keepable(&self) -> Vec<u32> {
        let Some(entry) = self.function(self.current()) else {
            return Vec::new();
        };
        // Whether it writes to a collection, and so is the last, shows once it has run.
        if entry.function.fans_out() || self.has_collections() {
            return Vec::new();
        }
        let of = |name: &String| self.schema.functions.get(name);
        (0..)
            .zip(&entry.successors)
            .filter(|(_, name)| {
                of(name).is_some_and(|next| {
                    self.fits(&entry.function, &next.function) && self.takes(&entry.function, next)
                })
            })
            .map(|(place, _)| place)
            .collect()
    }

    /// Whether a value in the instance does as its input: what chooses between
    /// successors yields one value, and the key of a state is told from encoded
    /// arguments.
    fn takes(&self, from: &Function, next: &FunctionEntry) -> bool {
        let args = &next.function.args;
        let is_key = |key: &str| {
            let words = key.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.into_iter().any(|word| {
                let named = |arg: &Arg| arg.name.trim_start_matches('_') == word;
                args.iter().any(named)
            })
        };
        let states = self.schema.states.values();
        let keyed = states.filter_map(|e| e.state.key.as_deref()).any(is_key);
        !keyed && (args.len() <= 1 || !from.choice)
    }

    /// Marks the one successor that may be fused.
    pub(super) fn mark(&self, response: &CallResponse, starts: &mut [Started]) {
        let ended = match &response.outcome {
            Some(Outcome::Ok { .. }) => true,
            Some(Outcome::Err(failure)) => failure.kind == FailureKind::Returned,
            None => false,
        };
        // What reads a collection reads the store, which these writes have not reached.
        let writes_parts = response.writes.iter().any(|w| w.variable.part.is_some());
        if !ended || !response.lasts || response.fan.is_some() || writes_parts {
            return;
        }
        let Some(entry) = self.function(self.current()) else {
            return;
        };
        let mut successors = starts.iter_mut().filter(|s| s.successor);
        if let (Some(one), None) = (successors.next(), successors.next()) {
            let next = self.function(&one.invocation);
            one.fuse = next.is_some_and(|next| self.fits(&entry.function, &next.function));
        }
    }

    /// Whether `next` may be executed in the instance that has executed `from`.
    /// What may wait is not: its journal begins with the task.
    fn fits(&self, from: &Function, next: &Function) -> bool {
        let length = self.tail.as_ref().map_or(1, |t| t.length);
        length < self.plan.bounds.max_fused
            && self.apart.is_none()
            && !next.may_wait()
            && from.options.memory == next.options.memory
            && [from, next].iter().all(|f| f.options.fuse != Some(false))
    }

    fn has_collections(&self) -> bool {
        let mut states = self.schema.states.values();
        states.any(|e| e.state.collection().is_some())
    }

    fn function(&self, invocation: &Invocation) -> Option<&FunctionEntry> {
        self.schema.functions.get(&invocation.function)
    }

    /// Which of `starts` it goes on with.
    pub(super) fn follower(&self, starts: &[Started]) -> Option<usize> {
        starts.iter().position(|start| {
            let placed = start.invocation.placed.as_ref();
            start.fuse && placed.is_none_or(|p| p.node == self.plan.owner)
        })
    }

    /// What is executed has ended; its successor is next.
    pub(super) fn go_on(
        &mut self,
        response: &CallResponse,
        mut starts: Vec<Started>,
        successor: usize,
        report: &TaskReport,
    ) -> Step {
        // The commit is the last one's.
        let report = TaskReport {
            round_trips: self.round_trips(),
            ..report.clone()
        };
        let mut next = starts.remove(successor).invocation;
        next.tasks.clone_from(&self.current().tasks);
        outgoing::append(&mut next.tasks, std::slice::from_ref(&report));
        let messages = self.effects(response, starts, &next.tasks, now_us(&report));
        let outcome = match &response.outcome {
            Some(Outcome::Err(failure)) => Outcome::Err(failure.clone()),
            // Its output is its successor's input, and nobody else's.
            _ => Outcome::Ok {
                output: Vec::new(),
                codec: Codec::Compact,
            },
        };
        let mut tail = match self.tail.take() {
            Some(mut tail) => {
                tail.invocation = next;
                tail
            }
            None => Box::new(Tail {
                invocation: next,
                kept: false,
                length: 1,
                round_trips: 0,
                outcome,
                touched: BTreeSet::new(),
                writes: Writes::new(),
                messages: Vec::new(),
            }),
        };
        tail.kept = response.kept;
        tail.length += 1;
        tail.round_trips = self.round_trips;
        tail.messages.extend(messages);
        let written = response.writes.iter().map(|w| &w.variable);
        let touched = response.touched.iter().chain(written);
        tail.touched.extend(touched.filter_map(shared_field));
        overwrite(&mut tail.writes, super::commit::shared_writes(response));
        self.tail = Some(tail);
        Step::GoOn(Box::new(self.request()))
    }

    /// Position of the first effect of what is executed.
    pub(super) fn first(&self) -> u32 {
        match self.tail {
            Some(_) => 0,
            None => self.positions,
        }
    }

    /// What the fused tasks before this one put into the outbox.
    pub(super) fn sent(&self) -> &[Outgoing] {
        self.tail.as_ref().map_or(&[], |t| &t.messages)
    }

    /// Shared state that was written by what is executed and by all before it.
    pub(super) fn writes(&self, response: &CallResponse) -> Writes {
        let own = super::commit::shared_writes(response);
        match &self.tail {
            None => own,
            Some(tail) => {
                let mut writes = tail.writes.clone();
                overwrite(&mut writes, own);
                writes
            }
        }
    }
}
