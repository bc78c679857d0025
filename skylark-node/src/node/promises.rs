//! Promises: events from outside that runs wait for.

use super::{Node, NodeError, prepare::Came, unix_us};
use bytes::Bytes;
use skylark_abi::{
    call::{Failure, FailureKind, Outcome},
    journal::Arrival,
    protocol::{Begun, Committed, Completed, Outgoing, Promise},
    run::{Answer, Message, Waiting},
    value::Codec,
};
use std::time::Duration;

impl Node {
    /// Completes the promise of that id with a JSON value, or makes it fail. Runs
    /// that wait for it go on; those that ask for it later find it.
    ///
    /// # Errors
    /// The id is none, its app is unknown, it has another value already, or the
    /// store cannot be reached.
    pub async fn complete_promise(
        &self,
        id: &str,
        outcome: Result<Bytes, String>,
    ) -> Result<(), NodeError> {
        self.accepting()?;
        let app = self.app_of_promise(id)?;
        let outcome = match outcome {
            Ok(json) => Outcome::Ok {
                output: json.to_vec(),
                codec: Codec::Json,
            },
            Err(why) => Outcome::Err(Failure::new(FailureKind::Returned, why)),
        };
        let bounds = &self.0.config.bounds;
        for _ in 0..=bounds.max_conflicts {
            let (promise, version) = self.promise(&app, id).await?;
            let value = Arrival {
                position: 0,
                outcome: outcome.clone(),
                unix_us: unix_us(),
            };
            match promise.complete(version, (&app, id), value, bounds) {
                Completed::Same => return Ok(()),
                Completed::Other => return Err(NodeError::PromiseKept { id: id.to_owned() }),
                Completed::Commit(commit, answers) => {
                    if matches!(self.0.store.commit(&commit).await?, Committed::Done { .. }) {
                        let answers = answers.into_iter().map(|(entry, message)| Outgoing {
                            entry,
                            message,
                            after: Duration::ZERO,
                        });
                        self.send(&app, answers.collect(), None);
                        return Ok(());
                    }
                }
            }
        }
        Err(NodeError::Unavailable(format!(
            "promise `{id}` changed under every one of {} attempts (`--max-conflicts`)",
            bounds.max_conflicts + 1
        )))
    }

    /// Somebody waits for a promise: answered at once if it is completed, else
    /// noted in it.
    pub(super) async fn wait_for_promise(&self, waiting: Waiting) -> Result<bool, NodeError> {
        let bounds = &self.0.config.bounds;
        for _ in 0..=bounds.max_conflicts {
            let (promise, version) = self.promise(&waiting.app, &waiting.promise).await?;
            match promise.wait(version, &waiting, bounds) {
                Some(Ok(answer)) => {
                    // This one is done when its answer is.
                    Box::pin(self.accept(answer, Came::default())).await?;
                    return Ok(false);
                }
                Some(Err(commit)) => {
                    if matches!(self.0.store.commit(&commit).await?, Committed::Done { .. }) {
                        return Ok(false);
                    }
                }
                None => {
                    let failure = Failure::new(
                        FailureKind::TooLarge,
                        format!("too many wait for promise `{}`", waiting.promise),
                    );
                    let outcome = Outcome::Err(failure);
                    let answer = Answer::new(waiting.app, waiting.reply, outcome, unix_us());
                    let answer = Message::Answer(Box::new(answer));
                    Box::pin(self.accept(answer, Came::default())).await?;
                    return Ok(false);
                }
            }
        }
        Err(NodeError::Unavailable(format!(
            "promise `{}` kept changing",
            waiting.promise
        )))
    }

    async fn promise(&self, app: &str, id: &str) -> Result<(Promise, u64), NodeError> {
        let begin = Promise::begin(app, id, self.name());
        let Begun::Leased { fields, .. } = self.0.store.begin(&begin).await? else {
            return Err(NodeError::Malformed(format!(
                "the store answered the read of promise `{id}` with a lease"
            )));
        };
        let Some(read) = fields.first() else {
            return Ok((Promise::default(), 0));
        };
        let promise = Promise::of(read)
            .ok_or_else(|| NodeError::Malformed(format!("promise `{id}` cannot be read")))?;
        Ok((promise, read.version))
    }

    /// `<app>.<uuid>~<name>`.
    fn app_of_promise(&self, id: &str) -> Result<String, NodeError> {
        let app = id
            .split_once('~')
            .and_then(|(run, name)| Some((run.rsplit_once('.')?.0, name)))
            .filter(|(_, name)| !name.is_empty() && id.len() <= MAX_ID)
            .map(|(app, _)| app);
        let Some(app) = app else {
            return Err(NodeError::InvalidOption {
                name: "id",
                value: id.chars().take(64).collect(),
                allowed: format!(
                    "`<run id>~<name>`, as `skylark::promise(\"name\").id()` gives it, at most {MAX_ID} bytes"
                ),
            });
        };
        self.loaded(app)?;
        Ok(app.to_owned())
    }
}

/// Longest id of a promise, in bytes.
const MAX_ID: usize = 256;
