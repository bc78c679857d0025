//! The outbox: what was committed is taken to where it goes, until
//! acknowledged.

use super::{Node, NodeError, execute::How};
use skylark_abi::{
    call::{Failure, FailureKind, Outcome},
    run::{Completion, Invocation, Message},
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

/// Entries being delivered by this node, and the way to acknowledge them.
pub(super) struct Outbox {
    delivering: Mutex<HashSet<String>>,
    /// Most entries in `delivering`; what is over it stays in the store until
    /// a sweep finds room for it.
    limit: usize,
    /// Most executions that deliveries have under way here at once.
    executions: tokio::sync::Semaphore,
    count: watch::Sender<usize>,
    acknowledge: mpsc::Sender<(String, String)>,
}

/// Acknowledgements waiting to be written; past it the entry is simply
/// delivered again, and dropped by its target.
const ACKNOWLEDGEMENTS: usize = 4096;
/// Entries that are read from the store, or removed from it, in one go.
const BATCH: usize = 256;
/// First and longest pause between attempts to reach a node.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long one delivery is attempted before it is left to a later sweep, so
/// that a node that is gone for long does not fill this one's memory.
const PATIENCE: Duration = Duration::from_secs(60);

impl Outbox {
    pub(super) fn new(limit: usize, executions: usize) -> (Self, mpsc::Receiver<(String, String)>) {
        let (acknowledge, receiver) = mpsc::channel(ACKNOWLEDGEMENTS);
        let outbox = Self {
            delivering: Mutex::default(),
            limit,
            executions: tokio::sync::Semaphore::new(
                executions.min(tokio::sync::Semaphore::MAX_PERMITS),
            ),
            count: watch::Sender::new(0),
            acknowledge,
        };
        (outbox, receiver)
    }

    /// Whether there is room for the entry and it is not being delivered yet.
    fn claim(&self, entry: &str) -> bool {
        let mut delivering = self.delivering.lock().unwrap_or_else(|e| e.into_inner());
        let taken = delivering.len() < self.limit && delivering.insert(entry.to_owned());
        self.count.send_replace(delivering.len());
        taken
    }

    /// How many more entries may be delivered at once.
    fn room(&self) -> usize {
        self.limit.saturating_sub(*self.count.borrow())
    }

    fn release(&self, entry: &str) {
        let mut delivering = self.delivering.lock().unwrap_or_else(|e| e.into_inner());
        delivering.remove(entry);
        self.count.send_replace(delivering.len());
    }

    /// Waits until nothing is being delivered.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.count.subscribe().wait_for(|n| *n == 0).await;
    }
}

impl Node {
    /// Starts to deliver what an execution committed.
    pub(super) fn send(&self, app: &str, messages: Vec<(String, Message)>) {
        for (entry, message) in messages {
            if !self.0.outbox.claim(&entry) {
                continue;
            }
            let node = self.clone();
            let app = app.to_owned();
            self.0.background.spawn(async move {
                let stop = node.0.stop.clone();
                let acknowledged = tokio::select! {
                    acknowledged = node.deliver_until_acknowledged(message) => acknowledged,
                    () = stop.cancelled() => false,
                };
                if acknowledged {
                    // A full queue drops it: see `ACKNOWLEDGEMENTS`.
                    let _ = node.0.outbox.acknowledge.try_send((app, entry.clone()));
                }
                node.0.outbox.release(&entry);
            });
        }
    }

    /// Whether the target took it, before patience ran out.
    async fn deliver_until_acknowledged(&self, message: Message) -> bool {
        let started = Instant::now();
        let mut pause = BACKOFF.0;
        let target = target(&message).to_owned();
        loop {
            let result = if target == self.name() {
                let _turn = self.0.outbox.executions.acquire().await;
                self.accept(message.clone()).await
            } else {
                self.deliver_to_peer(&target, &message).await
            };
            match result {
                Ok(()) => return true,
                Err(error) if is_final(&error) => {
                    self.give_up(message, &target, &error).await;
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

    async fn deliver_to_peer(&self, target: &str, message: &Message) -> Result<(), NodeError> {
        let url = self.0.placer.url(target).ok_or_else(|| {
            NodeError::Unavailable(format!("node `{target}` is not in the topology (any more)"))
        })?;
        self.0.peers.deliver(target, &url, message).await
    }

    /// The target will never take this message: the run ends here.
    async fn give_up(&self, message: Message, target: &str, error: &NodeError) {
        match message {
            Message::Invoke(invocation) => {
                tracing::error!(run = invocation.id.chain_id, target, %error, "a task was refused; its run fails");
                let failure = Failure::new(
                    FailureKind::NotFound,
                    format!("node `{target}` refused `{}`: {error}", invocation.function),
                );
                let completion = Completion {
                    app: invocation.app.clone(),
                    chain_id: invocation.id.chain_id.clone(),
                    outcome: Outcome::Err(failure),
                    tasks: invocation.tasks.clone(),
                    origin: invocation.origin.clone(),
                    durable: invocation.durable,
                };
                // Ids are those that the protocol gives the end of this task.
                let entry = format!("{}!", invocation.id);
                self.send(
                    &invocation.app,
                    vec![(entry, Message::Complete(Box::new(completion)))],
                );
            }
            Message::Complete(completion) => {
                tracing::error!(run = completion.chain_id, target, %error, "the run's origin refused its result");
            }
        }
    }

    /// Takes a message from another node, and returns once its effects are
    /// committed here (or were before), so that the sender may forget it.
    ///
    /// # Errors
    /// It could not be carried out; the sender tries again, unless it is one
    /// that will never succeed.
    pub async fn deliver(&self, message: Message) -> Result<(), NodeError> {
        // Also while draining: the node's own runs may depend on it.
        self.accept(message).await
    }

    async fn accept(&self, message: Message) -> Result<(), NodeError> {
        match message {
            Message::Complete(completion) => self.complete(*completion).await,
            Message::Invoke(invocation) => self.carry_out(*invocation).await,
        }
    }

    async fn carry_out(&self, invocation: Invocation) -> Result<(), NodeError> {
        let app = self.function(&invocation.app, &invocation.function)?;
        let id = invocation.id.clone();
        let _entered = self.0.in_progress.enter(&id.to_string()).await;
        let origin_here = invocation.origin == self.name();
        let executed = self.execute(&app, invocation, How { dedupe: true }).await?;
        let done = executed.done;
        if done.replayed {
            return Ok(());
        }
        if done.messages.is_empty() && origin_here {
            self.complete(Completion {
                app: app.name.clone(),
                chain_id: id.chain_id,
                outcome: done.outcome,
                tasks: executed.tasks,
                origin: self.name().to_owned(),
                // The record of a durable run went with the commit.
                durable: false,
            })
            .await?;
        } else {
            self.send(&app.name, done.messages);
        }
        Ok(())
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
                    Ok(message) => self.send(&app, vec![(entry.id, message)]),
                    Err(error) => {
                        tracing::error!(app, entry = entry.id, %error, "an outbox entry is unreadable")
                    }
                }
            }
            if last {
                break;
            }
        }
        self.0.store.expire(BATCH).await?;
        Ok(())
    }
}

/// The node that a message goes to.
fn target(message: &Message) -> &str {
    match message {
        Message::Invoke(i) => i
            .placed
            .as_ref()
            .map_or(i.origin.as_str(), |p| p.node.as_str()),
        Message::Complete(c) => &c.origin,
    }
}

/// Whether trying again cannot help.
fn is_final(error: &NodeError) -> bool {
    matches!(
        error,
        NodeError::UnknownApp { .. } | NodeError::UnknownFunction { .. } | NodeError::Malformed(_)
    )
}
