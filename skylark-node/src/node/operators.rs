//! What an operator does with runs: looks for those that failed, tries one
//! again, cancels one.

use super::{Node, NodeError, invoke::now, views::RunView};
use skylark_abi::{
    call::{Failure, FailureKind},
    protocol::{Commit, Listed, OutboxEntry, RunWrite},
    run::{Message, Placement, RunStatus},
};
use std::time::Duration;

/// Most runs in one page of [`Node::failed_runs`].
const MAX_PAGE: usize = 100;

impl Node {
    /// Runs of an app that failed, after `after`, at most `limit`; and what to
    /// pass as `after` for the next page, if there may be one. Synchronous runs
    /// without a key are not kept: their caller knows.
    ///
    /// # Errors
    /// Unknown app, or a store that cannot be reached.
    pub async fn failed_runs(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<RunView>, Option<String>), NodeError> {
        self.loaded(app)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let ids = self.0.store.failed(app, after, limit).await?;
        let next = ids.last().cloned();
        let mut views = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(record) = self.stored_run(&id).await? {
                views.push(RunView::new(&id, record));
            }
        }
        Ok((views, next))
    }

    /// Executes what failed once more, where it failed; the run goes on from there.
    ///
    /// It is another execution, from its beginning: what the one that failed had
    /// committed at its waits stays, and what it had called is called again.
    ///
    /// # Errors
    /// The run is unknown, has not failed, or nothing of it is kept to try
    /// again; or the store cannot be reached.
    pub async fn retry_run(&self, id: &str) -> Result<(), NodeError> {
        self.accepting()?;
        let mut record = self.run_record(id).await?;
        let refused = |why| NodeError::RunIs {
            id: id.to_owned(),
            why,
        };
        if !matches!(record.status, RunStatus::Failed(_)) {
            return Err(refused("has not failed: there is nothing to try again"));
        }
        let Some(failed) = record.failed.take() else {
            return Err(refused(
                "failed, and what failed is not kept: send its input again",
            ));
        };
        let app = failed.app.clone();
        let mut again = *failed;
        // Its outcome is recorded under its id: this is another execution.
        again.id = again.id.again();
        again.attempt = 0;
        self.name().clone_into(&mut again.origin);
        let failed_on = again.placed.map(|placed| placed.node);
        again.placed = Some(Placement {
            policy: "retry".into(),
            // Its state is in that node's store.
            node: failed_on.unwrap_or_else(|| self.name().to_owned()),
            reason: "tried again by an operator".into(),
            expected_us: 0,
            bytes: 0,
        });
        record.status = RunStatus::Running;
        let entry = again.id.to_string();
        let message = Message::Invoke(Box::new(again));
        let bounds = &self.0.config.bounds;
        let commit = Commit {
            outbox: vec![OutboxEntry::new(&entry, &message, Duration::ZERO, bounds)],
            run: Some(RunWrite {
                chain_id: id.to_owned(),
                record: skylark_abi::encode(&record),
                listed: Listed::Leave,
                // What is tried again has another id.
                first_is_over: true,
                lasts: bounds.keeps(&record),
            }),
            ..Commit::new(&app, bounds)
        };
        self.0.store.commit(&commit).await?;
        self.0.runs.forget(id);
        self.send(&app, vec![now(entry, message)], None);
        Ok(())
    }

    /// Ends a run: what of it has not begun will not, and what waits never goes
    /// on. What it has done stays.
    ///
    /// # Errors
    /// The run is unknown or has ended, or the store cannot be reached.
    pub async fn cancel_run(&self, id: &str) -> Result<(), NodeError> {
        let record = self.run_record(id).await?;
        if !matches!(record.status, RunStatus::Running) {
            return Err(NodeError::RunIs {
                id: id.to_owned(),
                why: "has ended: there is nothing to cancel",
            });
        }
        let retention = self.0.config.bounds.retention;
        let app = record.app.clone();
        self.0.store.cancel(&app, id, retention).await?;
        let failure = Failure::new(
            FailureKind::Cancelled,
            "the run was cancelled by an operator",
        );
        let ended = skylark_abi::run::RunRecord {
            status: RunStatus::Failed(failure),
            ..record
        };
        self.keep_run(&app, id, &ended).await?;
        self.0.runs.finish(id, ended);
        Ok(())
    }
}
