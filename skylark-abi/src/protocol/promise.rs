//! Promises: what a run waits for from outside. Each is one variable in a
//! bundle of its own, read and written by the same steps as any other.

use super::{Begin, Bounds, BundleField, Commit, OutboxEntry, Versioned};
use crate::{
    journal::{Arrival, ReplyTo},
    keys::Bundle,
    run::{Answer, Message, Waiting},
};
use minicbor::{Decode, Encode};
use std::time::Duration;

/// A promise as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Promise {
    /// What it was completed with.
    #[n(0)]
    pub value: Option<Arrival>,
    /// Who waits for it.
    #[n(1)]
    pub waiting: Vec<ReplyTo>,
}

/// What came of completing a promise.
#[derive(Debug, Clone, PartialEq)]
pub enum Completed {
    /// Commit this, then deliver the answers.
    Commit(Box<Commit>, Vec<(String, Message)>),
    /// It has this value already; the same again changes nothing.
    Same,
    /// It has another value already.
    Other,
}

/// Most invocations that may wait for one promise.
const MAX_WAITING: usize = 1000;

impl Promise {
    /// Where the promise of that id is.
    pub fn field(id: &str) -> BundleField {
        BundleField {
            bundle: Bundle::Chain(id.to_owned()),
            name: "promise".to_owned(),
        }
    }

    /// Reads it.
    pub fn begin(app: &str, id: &str, owner: &str) -> Begin {
        Begin {
            ahead: false,
            app: app.to_owned(),
            id: None,
            owner: owner.to_owned(),
            lease: Duration::ZERO,
            reads: vec![Self::field(id)],
        }
    }

    /// As it was read; `None` if it cannot be read.
    pub fn of(read: &Versioned) -> Option<Self> {
        match &read.value {
            None => Some(Self::default()),
            Some(bytes) => crate::decode(bytes).ok(),
        }
    }

    /// Somebody waits: the answer, if it is completed, else what to commit;
    /// `None` if too many wait already.
    pub fn wait(
        mut self,
        version: u64,
        waiting: &Waiting,
        bounds: &Bounds,
    ) -> Option<Result<Message, Box<Commit>>> {
        if let Some(value) = &self.value {
            return Some(Ok(answer(&waiting.app, &waiting.reply, value)));
        }
        if !self.waiting.contains(&waiting.reply) {
            if self.waiting.len() >= MAX_WAITING {
                return None;
            }
            self.waiting.push(waiting.reply.clone());
        }
        let commit = self.commit(
            (&waiting.app, &waiting.promise),
            version,
            bounds,
            Vec::new(),
        );
        Some(Err(Box::new(commit)))
    }

    /// Completes it and answers whoever waits.
    pub fn complete(
        mut self,
        version: u64,
        (app, id): (&str, &str),
        value: Arrival,
        bounds: &Bounds,
    ) -> Completed {
        if let Some(before) = &self.value {
            return if before.outcome == value.outcome {
                Completed::Same
            } else {
                Completed::Other
            };
        }
        let answers: Vec<(String, Message)> = std::mem::take(&mut self.waiting)
            .iter()
            .map(|reply| (entry(reply), answer(app, reply, &value)))
            .collect();
        let outbox = answers
            .iter()
            .map(|(id, message)| OutboxEntry::new(id, message, Duration::ZERO, bounds))
            .collect();
        self.value = Some(value);
        let commit = self.commit((app, id), version, bounds, outbox);
        Completed::Commit(Box::new(commit), answers)
    }

    fn commit(
        &self,
        (app, id): (&str, &str),
        version: u64,
        bounds: &Bounds,
        outbox: Vec<OutboxEntry>,
    ) -> Commit {
        let field = Self::field(id);
        Commit {
            checks: vec![(field.clone(), version)],
            writes: vec![(field, Some(crate::encode(self)))],
            outbox,
            retention: bounds.max_wait,
            ..Commit::new(app, bounds)
        }
    }
}

/// The id of an answer's entry in the outbox.
pub(super) fn entry(reply: &ReplyTo) -> String {
    format!("{}!", reply.to.child(reply.position))
}

fn answer(app: &str, reply: &ReplyTo, value: &Arrival) -> Message {
    let outcome = value.outcome.clone();
    let answer = Answer::new(app, reply.clone(), outcome, value.unix_us);
    Message::Answer(Box::new(answer))
}
