//! Delivery: what was committed is taken to where it goes, until acknowledged.

use super::{
    Node, NodeError,
    execute::Executed,
    outbox::Claim,
    prepare::{Came, Cause, Dedupe, Handed, Prepared},
    runs, unix_us,
};
use skylark_abi::{
    call::{Failure, FailureKind},
    protocol::{Commit, OutboxEntry, Outgoing, refused},
    run::{Completion, Delivered, Delivery, Lease, Message, RunRecord, Shared},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Entries that are read from the store, or removed from it, in one go.
const BATCH: usize = 256;
/// Records past their retention that are removed in one go.
const EXPIRED: usize = 1024;
/// First and longest pause between attempts to reach a node.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long one delivery is attempted before it is left to a later sweep, so
/// that a node that is gone for long does not fill this one's memory.
const PATIENCE: Duration = Duration::from_secs(60);

impl Node {
    /// Starts to deliver what an execution committed. What is due only after the
    /// claim on it has passed is left to the sweeps.
    pub(super) fn send(&self, app: &str, messages: Vec<Outgoing>, mut handed: Option<Handed>) {
        for Outgoing {
            entry,
            message,
            after,
        } in messages
        {
            if after > self.0.config.bounds.claim {
                continue;
            }
            if let Some(claim) = self.0.outbox.claim(&entry) {
                let lease = handed.take_if(|h| h.entry == entry).map(|h| h.lease);
                self.send_claimed(app, claim, (message, lease), after);
            }
        }
    }

    fn send_claimed(
        &self,
        app: &str,
        claim: Claim,
        (message, lease): (Message, Option<Lease>),
        after: Duration,
    ) {
        let node = self.clone();
        let app = app.to_owned();
        self.0.background.spawn(async move {
            let stop = node.0.stop.clone();
            let delivery = async {
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                node.deliver_until_acknowledged(&app, &claim.entry, message, lease)
                    .await
            };
            let acknowledged = tokio::select! {
                acknowledged = delivery => acknowledged,
                () = stop.cancelled() => false,
            };
            if acknowledged {
                // A full queue drops it: the entry is delivered again then.
                let entry = claim.entry.clone();
                let _ = node.0.outbox.acknowledge.try_send((app, entry));
            }
        });
    }

    /// Goes on with a task that was begun by the commit before it.
    pub(super) fn go_on(&self, next: Prepared) {
        let node = self.clone();
        self.0.background.spawn(async move {
            let stop = node.0.stop.clone();
            let chain = async {
                let mut next = Some(next);
                while let Some(prepared) = next.take() {
                    let (app, entry) = (prepared.app().name.clone(), prepared.entry());
                    let entry = entry.map(str::to_owned);
                    match node.settle(prepared).await {
                        Ok(settled) => {
                            // Without a commit of its own to carry it.
                            if let Some(entry) = entry.filter(|_| !settled.acknowledged) {
                                let _ = node.0.outbox.acknowledge.try_send((app, entry));
                            }
                            next = settled.next;
                        }
                        // Its message is in the outbox until it is done.
                        Err(error) => {
                            tracing::warn!(app, %error, "a task is left to a later sweep")
                        }
                    }
                }
            };
            tokio::select! {
                () = chain => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Whether the target took it, before patience ran out, and the outbox still
    /// has it.
    async fn deliver_until_acknowledged(
        &self,
        app: &str,
        entry: &str,
        message: Message,
        mut lease: Option<Lease>,
    ) -> bool {
        let started = Instant::now();
        let mut pause = BACKOFF.0;
        let target = target(&message).map_or(self.name(), |t| t).to_owned();
        loop {
            let here = target == self.name() || self.replaces(&target, &message);
            let had_lease = lease.is_some();
            let result = if here {
                if let Some(lease) = lease.take() {
                    self.give_back(app, &message, lease.epoch).await;
                }
                let _turn = self.0.outbox.executions.acquire().await;
                self.accept(message.clone(), Came::by(entry)).await
            } else {
                let lease = lease.take();
                let epoch = lease.as_ref().map(|lease| lease.epoch);
                let result = self.deliver_to_peer(&target, &message, entry, lease).await;
                let silent = matches!(result, Err(NodeError::Silent(_)));
                self.0.neighbours.asked(&target, !silent);
                if silent && let Some(epoch) = epoch {
                    self.give_back(app, &message, epoch).await;
                }
                result
            };
            match result {
                Ok(acknowledged) => return !acknowledged,
                // Perhaps it was what went along; alone it may be taken.
                Err(_) if had_lease && !here => continue,
                Err(error) if is_final(&error) => {
                    match self.give_up(app, entry, &message, &error).await {
                        Ok(()) => return false,
                        Err(error) => tracing::warn!(target, %error, "giving a message up failed"),
                    }
                }
                Err(error) if self.is_stale(&message) => {
                    tracing::warn!(target, %error, "a result was not delivered in time; nobody waits for it any more");
                    return true;
                }
                Err(error) if started.elapsed() > PATIENCE => {
                    tracing::warn!(target, %error, "delivery failed; it is left to a later sweep");
                    return false;
                }
                Err(error) => {
                    metrics::counter!("skylark_delivery_retries_total").increment(1);
                    tracing::warn!(target, %error, ?pause, "delivery failed; it is tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Whether this node does what the message asks of the silent `target`. Who
    /// waits in memory for a run that is not kept is only there.
    fn replaces(&self, target: &str, message: &Message) -> bool {
        let only_there = matches!(message, Message::Complete(c) if !c.durable);
        !only_there && self.0.neighbours.replaces(target, self.0.config.takeover)
    }

    /// Whether the message is the result of a run that is not kept, and whose
    /// caller has long been told that it took too long.
    fn is_stale(&self, message: &Message) -> bool {
        let Message::Complete(completion) = message else {
            return false;
        };
        let arrived = completion.tasks.last().map_or(0, |t| t.arrived_unix_us);
        let age = Duration::from_micros(unix_us().saturating_sub(arrived));
        !completion.durable && age > self.0.config.wait * 2
    }

    /// Lets others carry out what was begun for a node that does not answer.
    async fn give_back(&self, app: &str, message: &Message, epoch: u64) {
        let id = match message {
            Message::Invoke(i) => &i.id,
            Message::Answer(answer) => &answer.reply.to,
            Message::Complete(_) | Message::Await(_) | Message::Http(_) => return,
        };
        let commit = Commit {
            id: Some(id.clone()),
            epoch,
            ..Commit::new(app, &self.0.config.bounds)
        };
        if let Err(error) = self.0.store.commit(&commit).await {
            tracing::warn!(app, %id, %error, "a lease was not given back; it passes");
        }
    }

    /// Whether the message is out of the outbox by being carried out.
    async fn deliver_to_peer(
        &self,
        target: &str,
        message: &Message,
        entry: &str,
        lease: Option<Lease>,
    ) -> Result<bool, NodeError> {
        let url = self.0.placer.url(target).ok_or_else(|| {
            NodeError::Silent(format!("node `{target}` is not in the topology (any more)"))
        })?;
        let patience = self.0.config.takeover;
        let shared = self.0.neighbours.shares(target).then(|| Shared {
            entry: entry.to_owned(),
            lease,
        });
        let delivery = Delivery {
            message: message.clone(),
            shared,
        };
        let delivered = self
            .0
            .peers
            .deliver(target, &url, &delivery, patience)
            .await?;
        if let Some((app, function)) = function_of(message)
            && let Ok(app) = self.function(app, function)
        {
            app.learn_of(function, &delivered.touched, &delivered.keyed);
        }
        Ok(delivered.acknowledged)
    }

    /// The target will never take this message: whoever waits for its end is told
    /// so, in its place.
    async fn give_up(
        &self,
        app: &str,
        entry: &str,
        message: &Message,
        error: &NodeError,
    ) -> Result<(), NodeError> {
        tracing::error!(app, entry, %error, "a message was refused");
        let instead = match message {
            Message::Invoke(invocation) => {
                let failure = Failure::new(
                    FailureKind::NotFound,
                    format!("`{}` was refused: {error}", invocation.function),
                );
                refused(invocation, failure, unix_us())
            }
            _ => None,
        };
        let bounds = &self.0.config.bounds;
        let outbox = instead
            .iter()
            .map(|o| OutboxEntry::new(&o.entry, &o.message, o.after, bounds));
        let commit = Commit {
            outbox: outbox.collect(),
            acks: vec![entry.to_owned()],
            ..Commit::new(app, bounds)
        };
        self.0.store.commit(&commit).await?;
        self.send(app, instead.into_iter().collect(), None);
        Ok(())
    }

    /// Takes a message from another node, and returns once its effects are
    /// committed here (or were before), so that the sender may forget it.
    ///
    /// # Errors
    /// It could not be carried out; the sender tries again, unless it is one
    /// that will never succeed.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, NodeError> {
        let Delivery { message, shared } = delivery;
        let function = function_of(&message).map(|(a, f)| (a.to_owned(), f.to_owned()));
        let came = shared.map_or_else(Came::default, |shared| Came {
            entry: Some(shared.entry),
            lease: shared.lease,
        });
        // Also while draining: the node's own runs may depend on it.
        let acknowledged = self.accept(message, came).await?;
        let learned = function.and_then(|(app, f)| Some(self.function(&app, &f).ok()?.learned(&f)));
        let learned = learned.unwrap_or_default();
        Ok(Delivered {
            acknowledged,
            touched: learned.touched.iter().cloned().collect(),
            keyed: learned.keyed.iter().cloned().collect(),
        })
    }

    /// Carries a message out; tells whether it is out of the outbox by that.
    pub(super) async fn accept(&self, message: Message, came: Came) -> Result<bool, NodeError> {
        let (app, cause) = match message {
            Message::Complete(completion) => {
                self.complete(*completion).await?;
                return Ok(false);
            }
            Message::Await(waiting) => return self.wait_for_promise(*waiting).await,
            Message::Http(errand) => return self.run_errand(*errand).await,
            Message::Invoke(i) => {
                let app = self.function(&i.app, &i.function)?;
                (app, Cause::Invoke(i, Dedupe::Yes))
            }
            Message::Answer(answer) => {
                let app = self.function(&answer.app, &answer.reply.function)?;
                (app, Cause::Answer(answer))
            }
        };
        let prepared = self.prepare(&app, cause, came).await;
        let settled = self.settle(prepared).await?;
        if let Some(next) = settled.next {
            self.go_on(next);
        }
        Ok(settled.acknowledged)
    }

    /// Executes a task and sees to what it leads to, but for what was begun with
    /// its commit.
    pub(super) async fn settle(&self, prepared: Prepared) -> Result<Settled, NodeError> {
        let app = prepared.app().name.clone();
        let chain_id = prepared.chain_id().to_owned();
        let Executed {
            done,
            tasks,
            acknowledged,
            next,
            durable,
            ended_here,
            handed,
        } = self.execute(prepared).await?;
        // Also when its outcome was recorded before: the answer to that commit
        // was lost, and who waits here was never told.
        if let Some(outcome) = done.outcome.filter(|_| done.ends_run || ended_here) {
            if durable {
                // Its record went with the commit.
                let end = |begun: &RunRecord| runs::ended(begun, outcome, tasks);
                self.0.runs.finish_kept(&chain_id, end);
            } else {
                self.complete(Completion {
                    app: app.clone(),
                    chain_id,
                    outcome,
                    tasks,
                    origin: self.name().to_owned(),
                    durable,
                    failed: None,
                })
                .await?;
            }
        }
        self.send(&app, done.messages, handed);
        Ok(Settled { acknowledged, next })
    }

    /// Writes acknowledgements, as many as wait, in one go.
    pub(super) fn spawn_acknowledger(&self, mut receiver: mpsc::Receiver<(String, String)>) {
        let store = self.0.store.clone();
        let stop = self.0.stop.clone();
        self.0.background.spawn(async move {
            let mut batch = Vec::new();
            loop {
                let received = tokio::select! {
                    n = receiver.recv_many(&mut batch, BATCH) => n,
                    () = stop.cancelled() => break,
                };
                if received == 0 {
                    break;
                }
                let mut by_app: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (app, entry) in batch.drain(..) {
                    by_app.entry(app).or_default().push(entry);
                }
                for (app, entries) in by_app {
                    if let Err(error) = store.acknowledge(&app, &entries).await {
                        tracing::warn!(app, %error, "acknowledgements lost; the entries will be delivered again");
                    }
                }
            }
        });
    }

    /// Looks for entries whose node did not deliver them in time, and for
    /// records past their retention.
    pub(super) fn spawn_sweeper(&self) {
        let node = self.clone();
        let stop = self.0.stop.clone();
        let tracker = self.0.background.clone();
        tracker.spawn(async move {
            loop {
                if let Err(error) = node.sweep().await {
                    tracing::warn!(%error, "the sweep of the outbox failed");
                }
                tokio::select! {
                    () = tokio::time::sleep(node.0.config.sweep) => {}
                    () = stop.cancelled() => break,
                }
            }
        });
    }

    async fn sweep(&self) -> Result<(), NodeError> {
        let retention = self.0.config.bounds.retention;
        let sharing = self.0.store.announce(self.name(), retention).await?;
        self.0.neighbours.set_sharing(sharing);
        let claim = self.0.config.bounds.claim;
        loop {
            let batch = BATCH.min(self.0.outbox.room());
            let overdue = if batch == 0 {
                Vec::new()
            } else {
                self.0.store.overdue(batch, claim).await?
            };
            let last = overdue.len() < batch || batch == 0;
            for (app, entry) in overdue {
                match skylark_abi::decode::<Message>(&entry.payload) {
                    Ok(message) => {
                        if let Some(claim) = self.0.outbox.claim(&entry.id) {
                            self.send_claimed(&app, claim, (message, None), Duration::ZERO);
                        }
                    }
                    Err(error) => {
                        tracing::error!(app, entry = entry.id, %error, "an outbox entry is unreadable")
                    }
                }
            }
            if last {
                break;
            }
        }
        // All of it: what is left would add up, however fast it comes. Each step is
        // a write of its own, so that others get their turn.
        while self.0.store.expire(EXPIRED).await? == EXPIRED && !self.0.stop.is_cancelled() {}
        Ok(())
    }
}

/// A task that was seen to.
pub(super) struct Settled {
    /// The message that started it is out of the outbox.
    pub(super) acknowledged: bool,
    /// What was begun with its commit, to be gone on with.
    pub(super) next: Option<Prepared>,
}

/// The node that a message goes to; `None` for one of its own.
pub(super) fn target(message: &Message) -> Option<&str> {
    match message {
        Message::Invoke(i) => i.placed.as_ref().map(|p| p.node.as_str()),
        Message::Complete(c) => Some(&c.origin),
        Message::Answer(answer) => Some(&answer.reply.node),
        Message::Await(waiting) => Some(&waiting.reply.node),
        Message::Http(errand) => Some(&errand.reply.node),
    }
}

/// App and function of the task that a message leads to.
fn function_of(message: &Message) -> Option<(&str, &str)> {
    match message {
        Message::Invoke(i) => Some((&i.app, &i.function)),
        Message::Answer(answer) => Some((&answer.app, &answer.reply.function)),
        Message::Complete(_) | Message::Await(_) | Message::Http(_) => None,
    }
}

/// Whether trying again cannot help.
fn is_final(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::UnknownApp { .. } | NodeError::UnknownFunction { .. } | NodeError::Malformed(_)
    )
}
