//! How runs begin: synchronously, asynchronously, with an idempotency key.

use super::{
    Node, NodeError,
    execute::{Executed, begun},
    prepare::{Came, Cause, Dedupe},
    runs::{self, Registered},
    unix_us,
    views::Reply,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use skylark_abi::{
    InvocationId,
    call::{Failure, FailureKind, Outcome},
    journal::Seen,
    protocol::{OutboxEntry, Outgoing},
    run::{Invocation, Message, RunRecord, RunStatus},
    value::{Codec, compact_bytes, fingerprint_bytes},
};
use std::time::Duration;

/// What a caller may say about an invocation.
#[derive(Debug, Clone, Default)]
pub struct InvokeOptions {
    /// The caller's idempotency key: the same key means the same run.
    pub key: Option<String>,
    /// The election policy for this run; the node's own if `None`.
    pub policy: Option<String>,
    /// The caller has no use for [`Reply::tasks`]: they may be left out where
    /// they cost more than the call.
    pub brief: bool,
    /// The input is bytes as they are, for a function that takes such
    /// ([`Node::takes_bytes`]), and no JSON.
    pub raw: bool,
}

/// What a caller sent, as a guest takes it.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) bytes: Bytes,
    pub(super) codec: Codec,
}

impl Input {
    fn new(bytes: Bytes, raw: bool) -> Self {
        match raw {
            true => Self {
                bytes: compact_bytes(&bytes).into(),
                codec: Codec::Compact,
            },
            false => Self {
                bytes,
                codec: Codec::Json,
            },
        }
    }
}

/// First and longest pause between looks at a run that may end elsewhere.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Longest idempotency key, in bytes.
pub(super) const MAX_KEY: usize = 256;

impl Node {
    /// Whether there is such a function and it takes a body of bytes as it is.
    pub fn takes_bytes(&self, app: &str, function: &str) -> bool {
        self.function(app, function).is_ok_and(|loaded| {
            let functions = &loaded.module.schema().functions;
            functions
                .get(function)
                .is_some_and(|entry| entry.function.takes_bytes())
        })
    }

    /// Runs a function, and what it leads to, and waits for the run's result.
    ///
    /// # Errors
    /// Unknown names, a bad option, a run that ends with an error, a store or
    /// node that cannot be reached, or no end within `NodeConfig::wait`.
    pub async fn invoke(
        &self,
        app: &str,
        function: &str,
        input: Bytes,
        options: InvokeOptions,
    ) -> Result<Reply, NodeError> {
        self.accepting()?;
        let loaded = self.function(app, function)?;
        let keyed = options.key.is_some();
        let input = Input::new(input, options.raw);
        if let Some(policy) = &options.policy {
            self.0.placer.check_policy(policy)?;
        }
        let quick = !keyed && loaded.known(function).is_some_and(|f| f.quick.is_yes());
        if quick
            && let Some(ended) = self
                .invoke_quickly(&loaded, function, &input, !options.brief)
                .await
        {
            return ended;
        }
        let id = run_id(app, function, &options)?;
        let invocation = self.root(app, function, &id, &input, options, keyed)?;
        let record = begun(app, function, fingerprint_bytes(&input.bytes));
        // A run of this key that has ended elsewhere, or before this process
        // began, is found by its begin.
        if let Registered::Known(known) = self.0.runs.register(&id, record.clone()) {
            refuse_other_body(&known, &record)?;
            return self.wait_for(&id, true, keyed).await.map_err(|error| {
                match error {
                NodeError::UnknownRun { .. } => NodeError::Unavailable(
                    "the first call with this idempotency key was given up by its caller before it \
                     took effect; send it again"
                        .to_owned(),
                ),
                other => other,
            }
            });
        }
        // A caller who goes away takes this future along, wherever it is.
        let registered = self.0.runs.leave_on_drop(&id);
        let dedupe = if keyed {
            Dedupe::Keyed(record.input_hash)
        } else {
            Dedupe::No
        };
        let cause = Cause::Invoke(Box::new(invocation), dedupe);
        let prepared = self.prepare(&loaded, cause, Came::default()).await;
        let Executed {
            done,
            tasks,
            next,
            handed,
            ..
        } = self.execute(prepared).await?;
        if done.other_input {
            return Err(NodeError::KeyReused);
        }
        if done.replayed {
            // Only its record can tell how the run went on, and whether the
            // body was the same.
            drop(registered);
            return match self.earlier(&id, &record).await? {
                Some(reply) => Ok(reply),
                None => self.wait_for(&id, true, keyed).await,
            };
        }
        let Some(outcome) = done.outcome.filter(|_| done.ends_run) else {
            if keyed && done.messages.is_empty() && self.stored_run(&id).await?.is_some() {
                // It waits since an earlier call with this key, perhaps elsewhere:
                // its end need not come here, and the store tells of it.
                drop(registered);
                return self.wait_for(&id, true, true).await;
            }
            // The run goes on without its caller, and its end is recorded.
            registered.keep();
            self.send(app, done.messages, handed);
            if let Some(next) = next {
                self.go_on(next);
            }
            return self.wait_for(&id, false, keyed).await;
        };
        let end = |begun: &RunRecord| runs::ended(begun, outcome.clone(), tasks.clone());
        if keyed {
            self.0.runs.finish_kept(&id, end);
        } else {
            self.0.runs.finish(&id, end(&record));
        }
        drop(registered);
        self.send(app, done.messages, handed);
        match outcome {
            Outcome::Ok { output, .. } => Ok(Reply {
                run_id: id,
                output,
                tasks,
                replayed: false,
            }),
            Outcome::Err(failure) => Err(NodeError::Failed {
                run_id: id,
                failure,
                tasks,
            }),
        }
    }

    /// Accepts a run durably and returns its id at once.
    ///
    /// # Errors
    /// Unknown names, a bad option, a key used with another body, or a store
    /// that cannot be reached; the run was then not accepted.
    pub async fn submit(
        &self,
        app: &str,
        function: &str,
        input: Bytes,
        options: InvokeOptions,
    ) -> Result<String, NodeError> {
        self.accepting()?;
        self.function(app, function)?;
        let input = Input::new(input, options.raw);
        let id = run_id(app, function, &options)?;
        let invocation = self.root(app, function, &id, &input, options, true)?;
        let record = begun(app, function, fingerprint_bytes(&input.bytes));
        let entry = invocation.id.to_string();
        let message = Message::Invoke(Box::new(invocation));
        let bounds = &self.0.config.bounds;
        let outbox = vec![OutboxEntry::new(&entry, &message, Duration::ZERO, bounds)];
        let lasts = bounds.keeps(&record);
        let bytes = skylark_abi::encode(&record);
        if let Some(existing) = self.0.store.accept(app, &id, bytes, outbox, lasts).await? {
            let existing: RunRecord = skylark_abi::decode(&existing)
                .map_err(|e| NodeError::Malformed(format!("the record of run `{id}`: {e}")))?;
            refuse_other_body(&existing, &record)?;
            return Ok(id);
        }
        self.send(app, vec![now(entry, message)], None);
        Ok(id)
    }

    fn root(
        &self,
        app: &str,
        function: &str,
        id: &str,
        input: &Input,
        options: InvokeOptions,
        durable: bool,
    ) -> Result<Invocation, NodeError> {
        if let Some(policy) = &options.policy {
            self.0.placer.check_policy(policy)?;
        }
        Ok(Invocation {
            app: app.to_owned(),
            function: function.to_owned(),
            id: InvocationId::root(id),
            input: input.bytes.to_vec(),
            input_codec: input.codec,
            chain_state: Vec::new(),
            origin: self.name().to_owned(),
            durable,
            policy: options.policy,
            placed: None,
            tasks: Vec::new(),
            reply: None,
            seen: Seen {
                unix_us: unix_us(),
                seed: uuid::Uuid::new_v4().as_u64_pair(),
            },
            attempt: 0,
        })
    }

    /// The reply of a run that has ended or is under way elsewhere under the
    /// same key; `None` if there is none.
    async fn earlier(&self, id: &str, wanted: &RunRecord) -> Result<Option<Reply>, NodeError> {
        let known = match self.0.runs.get(id) {
            Some(known) => (*known).clone(),
            None => match self.stored_run(id).await? {
                Some(stored) => stored,
                None => return Ok(None),
            },
        };
        refuse_other_body(&known, wanted)?;
        match known.status {
            RunStatus::Running => Ok(None),
            _ => reply(id, known, true).map(Some),
        }
    }

    /// Waits for a run's end: woken by its completion here, or, if it is kept
    /// durably, seen in the store when it ends on another node.
    async fn wait_for(&self, id: &str, replayed: bool, durable: bool) -> Result<Reply, NodeError> {
        let wait = self.0.config.wait;
        let ended = tokio::time::timeout(wait, async {
            let mut pause = LOOK.0;
            let mut look = false;
            loop {
                let watched = self.0.runs.watch(id);
                let here = self.0.runs.get(id).map(|known| (*known).clone());
                let found = match here {
                    Some(known) if !matches!(known.status, RunStatus::Running) => known,
                    Some(known) if !look => known,
                    here => {
                        let found = self.run_record(id).await?;
                        if here.is_some() && !matches!(found.status, RunStatus::Running) {
                            // It ended on another node: nobody else will say so here.
                            self.0.runs.finish(id, found.clone());
                        }
                        found
                    }
                };
                if !matches!(found.status, RunStatus::Running) {
                    return Ok::<_, NodeError>(found);
                }
                match watched {
                    // An error means that the run's entry was dropped, which
                    // only its end does.
                    Some(mut ended) if !durable => drop(ended.wait_for(|ended| *ended).await),
                    Some(mut ended) => tokio::select! {
                        _ = ended.wait_for(|ended| *ended) => {}
                        () = tokio::time::sleep(pause) => look = true,
                    },
                    None => tokio::time::sleep(pause).await,
                }
                pause = (pause * 2).min(LOOK.1);
            }
        });
        match ended.await {
            Ok(record) => reply(id, record?, replayed),
            Err(_) => Err(NodeError::Failed {
                run_id: id.to_owned(),
                failure: Failure::new(
                    FailureKind::Timeout,
                    format!(
                        "the run has not ended within {wait:?} (`--wait`); it goes on: ask `GET /runs/{id}`"
                    ),
                ),
                tasks: self
                    .0
                    .runs
                    .get(id)
                    .map(|r| r.tasks.clone())
                    .unwrap_or_default(),
            }),
        }
    }
}

fn reply(id: &str, record: RunRecord, replayed: bool) -> Result<Reply, NodeError> {
    match record.status {
        RunStatus::Failed(failure) => Err(NodeError::Failed {
            run_id: id.to_owned(),
            failure,
            tasks: record.tasks,
        }),
        RunStatus::Succeeded(output) => Ok(Reply {
            run_id: id.to_owned(),
            output,
            tasks: record.tasks,
            replayed,
        }),
        RunStatus::Running => Err(NodeError::Malformed(format!("run `{id}` has not ended"))),
    }
}

/// A message that is due at once.
pub(super) fn now(entry: String, message: Message) -> Outgoing {
    Outgoing {
        entry,
        message,
        after: Duration::ZERO,
    }
}

fn refuse_other_body(known: &RunRecord, wanted: &RunRecord) -> Result<(), NodeError> {
    if known.input_hash != wanted.input_hash {
        return Err(NodeError::KeyReused);
    }
    Ok(())
}

/// `<app>.<id>`: random and ordered by time, or derived from the caller's key.
fn run_id(app: &str, function: &str, options: &InvokeOptions) -> Result<String, NodeError> {
    let Some(key) = &options.key else {
        return Ok(run_id_of(app, uuid::Uuid::now_v7()));
    };
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(NodeError::InvalidOption {
            name: "Idempotency-Key",
            value: key.chars().take(32).collect(),
            allowed: format!("1 to {MAX_KEY} bytes"),
        });
    }
    let mut hasher = Sha256::new();
    for part in [app, function, key] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    let derived = uuid::Builder::from_custom_bytes(half).into_uuid();
    Ok(run_id_of(app, derived))
}

/// `<app>.<uuid>`.
pub(super) fn run_id_of(app: &str, uuid: uuid::Uuid) -> String {
    let mut digits = uuid::Uuid::encode_buffer();
    let digits = uuid.simple().encode_lower(&mut digits);
    [app, ".", digits].concat()
}
