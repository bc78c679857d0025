//! A store that counts and times its steps.

use crate::{
    metrics::{STORE_BYTES, STORE_SECONDS, STORE_STEPS},
    store::{Lane, Store, StoreError},
};
use async_trait::async_trait;
use metrics::{Counter, Histogram, counter, histogram};
use skylark_abi::{
    call::Outcome,
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, RunWrite, Versioned},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The same store, with its steps counted and timed by operation.
pub fn meter(store: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Metered {
        store,
        begin: Step::new("begin"),
        commit: Step::new("commit"),
        accept: Step::new("accept"),
        acknowledge: Step::new("acknowledge"),
        overdue: Step::new("overdue"),
        run: Step::new("run"),
        put_run: Step::new("put_run"),
        announce: Step::new("announce"),
        cancel: Step::new("cancel"),
        failed: Step::new("failed"),
        states: Step::new("states"),
        blob: Step::new("blob"),
        expire: Step::new("expire"),
        read: counter!(STORE_BYTES, "direction" => "read"),
        written: counter!(STORE_BYTES, "direction" => "written"),
    })
}

struct Metered {
    store: Arc<dyn Store>,
    begin: Step,
    commit: Step,
    accept: Step,
    acknowledge: Step,
    overdue: Step,
    run: Step,
    put_run: Step,
    announce: Step,
    cancel: Step,
    failed: Step,
    states: Step,
    blob: Step,
    expire: Step,
    read: Counter,
    written: Counter,
}

impl std::fmt::Debug for Metered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metered").field(&self.store).finish()
    }
}

impl Metered {
    fn began(&self, begun: &Begun) {
        let bytes = match begun {
            Begun::Leased { fields, run, .. } => {
                let values = fields.iter().filter_map(|f| f.value.as_ref());
                values.chain(run).map(Vec::len).sum()
            }
            Begun::Recorded(outcome) => size(outcome),
            Begun::Over { run } => run.len(),
            Begun::Busy { .. } => 0,
        };
        self.read.increment(bytes as u64);
    }

    fn committed(&self, commit: &Commit, committed: &Committed) {
        let Committed::Done { begun } = committed else {
            return;
        };
        let values = commit.writes.iter().filter_map(|(_, value)| value.as_ref());
        let messages = commit.outbox.iter().map(|entry| &entry.payload);
        let run = commit.run.iter().map(|run| &run.record);
        let bytes: usize = values.chain(messages).chain(run).map(Vec::len).sum();
        let outcome = commit.outcome.as_ref().map_or(0, size);
        self.written.increment((bytes + outcome) as u64);
        if let Some(begun) = begun {
            self.began(begun);
        }
    }
}

fn size(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Ok { output, .. } => output.len(),
        Outcome::Err(failure) => failure.message.len(),
    }
}

/// The metrics of one operation, looked up once.
struct Step {
    succeeded: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Step")
    }
}

impl Step {
    fn new(operation: &'static str) -> Self {
        Self {
            succeeded: counter!(STORE_STEPS, "operation" => operation, "outcome" => "succeeded"),
            failed: counter!(STORE_STEPS, "operation" => operation, "outcome" => "failed"),
            seconds: histogram!(STORE_SECONDS, "operation" => operation),
        }
    }

    async fn count<T>(
        &self,
        step: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let result = step.await;
        match &result {
            Ok(_) => self.succeeded.increment(1),
            Err(_) => self.failed.increment(1),
        }
        self.seconds.record(began.elapsed().as_secs_f64());
        result
    }
}

#[async_trait]
impl Store for Metered {
    fn describe(&self) -> String {
        self.store.describe()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }

    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError> {
        let begun = self.begin.count(self.store.begin(begin)).await?;
        self.began(&begun);
        Ok(begun)
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        let committed = self.commit.count(self.store.commit(commit)).await?;
        self.committed(commit, &committed);
        Ok(committed)
    }

    async fn commit_in(&self, lanes: Vec<Lane>, commit: &Commit) -> Result<Committed, StoreError> {
        let commit_in = self.store.commit_in(lanes, commit);
        let committed = self.commit.count(commit_in).await?;
        self.committed(commit, &committed);
        Ok(committed)
    }

    async fn accept(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        outbox: Vec<OutboxEntry>,
        retention: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.accept
            .count(self.store.accept(app, chain_id, run, outbox, retention))
            .await
    }

    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError> {
        self.acknowledge
            .count(self.store.acknowledge(app, entries))
            .await
    }

    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError> {
        self.overdue.count(self.store.overdue(limit, claim)).await
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        self.store.outbox_len().await
    }

    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.run.count(self.store.run(app, chain_id)).await
    }

    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError> {
        self.put_run.count(self.store.put_run(app, run)).await
    }

    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.failed
            .count(self.store.failed(app, after, limit))
            .await
    }

    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.cancel
            .count(self.store.cancel(app, chain_id, retention))
            .await
    }

    async fn announce(&self, node: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        self.announce.count(self.store.announce(node, lasts)).await
    }

    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError> {
        self.states
            .count(self.store.states(app, after, limit))
            .await
    }

    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.blob
            .count(self.store.put_blob(key, value, retention))
            .await
    }

    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blob.count(self.store.blob(key)).await
    }

    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError> {
        self.blob.count(self.store.delete_blob(key)).await
    }

    async fn expire(&self, limit: usize) -> Result<usize, StoreError> {
        self.expire.count(self.store.expire(limit)).await
    }
}
