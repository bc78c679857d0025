//! What is remembered of runs in memory, and who waits for them.

use super::{Node, NodeError, unix_us, views::RunView};
use skylark_abi::{
    call::Outcome,
    protocol::{Listed, RunWrite},
    run::{Completion, RunRecord, RunStatus, TaskReport},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};
use tokio::sync::watch;

/// Runs by id: those under way, and the last ended ones up to a bound on their
/// bytes.
pub(super) struct Runs {
    inner: Mutex<Table>,
    capacity: usize,
}

#[derive(Default)]
struct Table {
    runs: HashMap<String, Entry>,
    /// Ended runs, oldest first.
    ended: VecDeque<String>,
    bytes: usize,
}

struct Entry {
    record: Arc<RunRecord>,
    /// Made for the first who waits for its end.
    waiters: Option<watch::Sender<bool>>,
}

/// See [`Runs::leave_on_drop`].
pub(super) struct Registration<'a> {
    runs: &'a Runs,
    id: &'a str,
}

impl Registration<'_> {
    /// Leaves the run registered: its end will come.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut table = self.runs.table();
        let running = |e: &Entry| matches!(e.record.status, RunStatus::Running);
        if table.runs.get(self.id).is_some_and(running) {
            table.runs.remove(self.id);
        }
    }
}

/// How a call finds its run when it registers it.
pub(super) enum Registered {
    /// It is the first.
    New,
    /// The same run is known already.
    Known(Arc<RunRecord>),
}

impl Runs {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::default(),
            capacity,
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        // The table is consistent between statements; a panic elsewhere while
        // it was locked changes nothing of that.
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Registers a run that begins here, unless it is known.
    pub(super) fn register(&self, id: &str, record: RunRecord) -> Registered {
        let mut table = self.table();
        if let Some(known) = table.runs.get(id) {
            return Registered::Known(known.record.clone());
        }
        let entry = Entry {
            record: Arc::new(record),
            waiters: None,
        };
        table.runs.insert(id.to_owned(), entry);
        Registered::New
    }

    /// Forgets the run when the guard goes, unless it has ended by then.
    pub(super) fn leave_on_drop<'a>(&'a self, id: &'a str) -> Registration<'a> {
        Registration { runs: self, id }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<RunRecord>> {
        self.table().runs.get(id).map(|e| e.record.clone())
    }

    /// Forgets a run that goes on after its end.
    pub(super) fn forget(&self, id: &str) {
        let mut table = self.table();
        if let Some(entry) = table.runs.remove(id) {
            table.bytes = table.bytes.saturating_sub(weight(id, &entry.record));
            table.ended.retain(|ended| ended != id);
        }
    }

    /// Something to await the run's end with; `None` if it has ended or is not
    /// known.
    pub(super) fn watch(&self, id: &str) -> Option<watch::Receiver<bool>> {
        let mut table = self.table();
        let entry = table.runs.get_mut(id)?;
        let running = matches!(entry.record.status, RunStatus::Running);
        running.then(|| {
            let waiters = entry.waiters.get_or_insert_with(watch::Sender::default);
            waiters.subscribe()
        })
    }

    /// The same of a run whose end the store keeps: it is remembered here only
    /// for those who wait for it.
    pub(super) fn finish_kept(&self, id: &str, end: impl FnOnce(&RunRecord) -> RunRecord) {
        let mut table = self.table();
        let running = |e: &&Entry| matches!(e.record.status, RunStatus::Running);
        let Some(entry) = table.runs.get(id).filter(running) else {
            return;
        };
        if entry.waiters.is_some() {
            let ended = end(&entry.record);
            drop(table);
            self.finish(id, ended);
        } else {
            table.runs.remove(id);
        }
    }

    /// Records how a run ended and wakes whoever waits. A run that ended before
    /// stays as it was.
    pub(super) fn finish(&self, id: &str, record: RunRecord) {
        let mut table = self.table();
        let size = weight(id, &record);
        let record = Arc::new(record);
        match table.runs.get_mut(id) {
            Some(e) if !matches!(e.record.status, RunStatus::Running) => return,
            Some(e) => {
                e.record = record;
                if let Some(waiters) = e.waiters.take() {
                    waiters.send_replace(true);
                }
            }
            None => {
                let waiters = None;
                table.runs.insert(id.to_owned(), Entry { record, waiters });
            }
        }
        table.ended.push_back(id.to_owned());
        table.bytes += size;
        while table.bytes > self.capacity {
            let Some(oldest) = table.ended.pop_front() else {
                break;
            };
            if let Some(entry) = table.runs.remove(&oldest) {
                table.bytes = table.bytes.saturating_sub(weight(&oldest, &entry.record));
            }
        }
    }
}

/// About how many bytes an ended run takes.
fn weight(id: &str, record: &RunRecord) -> usize {
    let result = match &record.status {
        RunStatus::Succeeded(json) => json.len(),
        RunStatus::Failed(failure) => failure.message.len(),
        RunStatus::Running => 0,
    };
    2 * id.len() + result + size_of::<Entry>() + record.tasks.len() * size_of::<TaskReport>()
}

/// Where a run of this record is listed.
pub(super) fn listed(record: &RunRecord) -> Listed {
    match record.status {
        RunStatus::Failed(_) => Listed::Enter,
        RunStatus::Running | RunStatus::Succeeded(_) => Listed::Same,
    }
}

/// The record of a run that ended so.
pub(super) fn ended(begun: &RunRecord, outcome: Outcome, tasks: Vec<TaskReport>) -> RunRecord {
    RunRecord {
        status: match outcome {
            Outcome::Ok { output, .. } => RunStatus::Succeeded(output),
            Outcome::Err(failure) => RunStatus::Failed(failure),
        },
        tasks,
        ..begun.clone()
    }
}

impl Node {
    /// How a run stands.
    ///
    /// # Errors
    /// Nothing is remembered of it here.
    pub async fn run(&self, id: &str) -> Result<RunView, NodeError> {
        let record = self.run_record(id).await?;
        Ok(RunView::new(id, record))
    }

    pub(super) async fn run_record(&self, id: &str) -> Result<RunRecord, NodeError> {
        if let Some(record) = self.0.runs.get(id)
            && !matches!(record.status, RunStatus::Running)
        {
            return Ok((*record).clone());
        }
        if let Some((app, uuid)) = id.rsplit_once('.')
            && let Ok(uuid) = uuid::Uuid::try_parse(uuid)
            && let Some(record) = self.0.briefs.get(uuid.as_u128(), app, self.name())
        {
            return Ok(record);
        }
        // A run under way may have ended on a node that shares the store.
        if let Some(stored) = self.stored_run(id).await? {
            return Ok(stored);
        }
        match self.0.runs.get(id) {
            Some(record) => Ok((*record).clone()),
            None => Err(NodeError::UnknownRun {
                id: id.to_owned(),
                node: self.name().to_owned(),
                kept: self.0.config.bounds.retention,
            }),
        }
    }

    pub(super) async fn stored_run(&self, id: &str) -> Result<Option<RunRecord>, NodeError> {
        let Some((app, _)) = id.rsplit_once('.') else {
            return Ok(None);
        };
        let Some(bytes) = self.0.store.run(app, id).await? else {
            return Ok(None);
        };
        skylark_abi::decode(&bytes)
            .map(Some)
            .map_err(|e| NodeError::Malformed(format!("the record of run `{id}`: {e}")))
    }

    pub(super) async fn keep_run(
        &self,
        app: &str,
        id: &str,
        record: &RunRecord,
    ) -> Result<(), NodeError> {
        let run = RunWrite {
            chain_id: id.to_owned(),
            record: skylark_abi::encode(record),
            listed: listed(record),
            first_is_over: !matches!(record.status, RunStatus::Running),
            lasts: self.0.config.bounds.keeps(record),
        };
        Ok(self.0.store.put_run(app, run).await?)
    }

    /// The end of a run has come to its origin: this node.
    pub(super) async fn complete(&self, completion: Completion) -> Result<(), NodeError> {
        let id = &completion.chain_id;
        let begun = match self.0.runs.get(id) {
            Some(record) => (*record).clone(),
            None => match self.stored_run(id).await? {
                Some(record) => record,
                // An unkeyed synchronous run whose caller went with the
                // process that served it: nobody waits, nothing is kept.
                None => unheard(&completion),
            },
        };
        let mut record = ended(&begun, completion.outcome, completion.tasks);
        record.failed = completion.failed;
        if completion.durable {
            self.keep_run(&completion.app, id, &record).await?;
            self.0.runs.finish_kept(id, |_| record);
        } else {
            self.0.runs.finish(id, record);
        }
        Ok(())
    }
}

fn unheard(completion: &Completion) -> RunRecord {
    let function = completion.tasks.first().map(|t| t.function.clone());
    RunRecord {
        app: completion.app.clone(),
        function: function.unwrap_or_default(),
        status: RunStatus::Running,
        tasks: Vec::new(),
        accepted_unix_us: unix_us(),
        input_hash: 0,
        failed: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::value::Codec;

    fn running() -> RunRecord {
        RunRecord {
            app: "app".into(),
            function: "f".into(),
            status: RunStatus::Running,
            tasks: Vec::new(),
            accepted_unix_us: 0,
            input_hash: 0,
            failed: None,
        }
    }

    fn succeeded(size: usize) -> RunRecord {
        let output = vec![b'1'; size];
        let codec = Codec::Json;
        ended(&running(), Outcome::Ok { output, codec }, Vec::new())
    }

    #[test]
    fn a_caller_that_goes_leaves_nothing_running() {
        let runs = Runs::new(1 << 20);
        runs.register("gone", running());
        drop(runs.leave_on_drop("gone"));
        assert!(runs.get("gone").is_none());
        runs.register("ended", running());
        let registered = runs.leave_on_drop("ended");
        runs.finish("ended", succeeded(1));
        drop(registered);
        assert!(runs.get("ended").is_some());
    }

    #[test]
    fn what_the_store_keeps_is_remembered_for_those_who_wait() {
        let runs = Runs::new(1 << 20);
        runs.register("alone", running());
        runs.finish_kept("alone", |_| succeeded(1));
        assert!(runs.get("alone").is_none());
        runs.register("awaited", running());
        let mut ended = runs.watch("awaited").expect("it runs");
        runs.finish_kept("awaited", |_| succeeded(1));
        assert!(*ended.borrow_and_update());
        let record = runs.get("awaited").expect("it is remembered");
        assert!(record.outcome().is_some());
    }

    #[test]
    fn ended_runs_are_kept_up_to_a_bound() {
        let runs = Runs::new(16 << 10);
        for n in 0..100 {
            runs.finish(&format!("run{n}"), succeeded(1 << 10));
        }
        assert!(runs.get("run0").is_none() && runs.get("run99").is_some());
        let table = runs.table();
        assert_eq!(table.runs.len(), table.ended.len());
        assert!(table.bytes <= 16 << 10);
    }
}
