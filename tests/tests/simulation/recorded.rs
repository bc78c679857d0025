//! What it takes to make the applications exactly-once, counted: atomic steps
//! here, beside one logged operation per read, write and call, as Beldi (OSDI
//! 2020) and mu2sls log them. The page with the counts is compared, so that it
//! stays true.
//!
//! Accept new counts with:
//! `SKYLARK_BLESS=1 cargo test -p skylark-tests --test simulation recorded`.

use crate::apps::{APPS, App};
use skylark::native::{Fault, Faults, Point, Runtime};
use skylark_abi::{
    keys::Bundle,
    protocol::{Bounds, Commit},
    run::Message,
};
use std::{
    fmt::Write as _,
    ops::AddAssign,
    path::Path,
    sync::{Arc, Mutex},
};

/// The page, and what it says before its table.
const PAGE: &str = "../docs/recorded.md";
const HEAD: &str = "\
# Recorded operations

What one request of the literature's applications records so that it takes effect exactly once, counted over the whole
run that it starts, with nothing going wrong. Beldi and mu2sls log each read, each write and each call on its own, and an
intent for each execution of a function: one round trip to the store for each. Here a stretch of a function, or several
functions that are fused, end with one atomic commit, in which the records (outcomes, messages that are to be delivered,
what waits) go along.

Made by `SKYLARK_BLESS=1 cargo test -p skylark-tests --test simulation recorded`, which compares it otherwise.

| application | executions | state reads | state writes | calls and successors | logged one by one | commits here | records in them | logged / commits |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// What a run did and what was recorded for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Executions of functions, each counted once however often it waited.
    executions: u64,
    /// Variables or entries read, and those written; once per stretch each.
    reads: u64,
    writes: u64,
    /// Invocations that others started.
    calls: u64,
    commits: u64,
    /// Outcomes, outbox entries and suspensions that the commits carried.
    records: u64,
}

impl Counts {
    /// The fewest log entries of a system that logs operations one by one.
    fn logged(&self) -> u64 {
        self.executions + self.reads + self.writes + self.calls
    }

    fn of(commit: &Commit) -> Self {
        let shared = |bundle: &Bundle| !matches!(bundle, Bundle::Chain(_));
        let count = |n: usize| n as u64;
        let sent = |message: &Message| matches!(message, Message::Invoke(_));
        let messages = commit.outbox.iter();
        let messages = messages.filter_map(|e| skylark_abi::decode::<Message>(&e.payload).ok());
        let kept = commit.writes.iter().filter(|(f, _)| !shared(&f.bundle));
        Self {
            executions: u64::from(commit.outcome.is_some()),
            reads: count(
                commit
                    .checks
                    .iter()
                    .filter(|(f, _)| shared(&f.bundle))
                    .count(),
            ),
            writes: count(
                commit
                    .writes
                    .iter()
                    .filter(|(f, _)| shared(&f.bundle))
                    .count(),
            ),
            calls: count(messages.filter(sent).count()),
            commits: 1,
            records: u64::from(commit.outcome.is_some())
                + count(commit.outbox.len())
                + count(kept.count()),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.executions += other.executions;
        self.reads += other.reads;
        self.writes += other.writes;
        self.calls += other.calls;
        self.commits += other.commits;
        self.records += other.records;
    }
}

/// Lets nothing go wrong, and counts.
#[derive(Debug, Default)]
struct Ledger(Mutex<Counts>);

impl Faults for Ledger {
    fn after(&self, point: &Point<'_>) -> Fault {
        if let Point::Commit(commit) = point {
            *self.0.lock().unwrap() += Counts::of(commit);
        }
        Fault::None
    }
}

/// One request of `app`, to the end of all that it starts; `fused` into one commit at
/// most so many functions.
fn count(app: &App, fused: u32) -> Counts {
    let runtime = Runtime::new();
    runtime.with_fusion(fused);
    (app.set_up)(&runtime);
    let id = (app.request)(&runtime, 1, 0);
    let ledger = Arc::new(Ledger::default());
    runtime.with_faults(ledger.clone());
    runtime.drive();
    (app.outside)(&runtime, 1, 0, &id);
    runtime.drive();
    let ended = runtime.ended(&id).expect("the run ends");
    assert!(ended.result.is_ok(), "{}: {:?}", app.name, ended.result);
    let conflicts: u32 = ended.tasks.iter().map(|task| task.conflicts).sum();
    assert_eq!(conflicts, 0, "{}: nothing else runs", app.name);
    *ledger.0.lock().unwrap()
}

#[test]
fn recorded_operations_are_those_of_the_page() {
    let mut page = HEAD.to_owned();
    for app in APPS {
        // One that logs operations fuses nothing.
        let apart = count(app, 1);
        let Counts {
            executions,
            reads,
            writes,
            calls,
            ..
        } = apart;
        let logged = apart.logged();
        let here = count(app, Bounds::default().max_fused);
        let Counts {
            commits, records, ..
        } = here;
        let ratio = logged as f64 / commits as f64;
        writeln!(
            page,
            "| {} | {executions} | {reads} | {writes} | {calls} | {logged} | {commits} | {records} | {ratio:.1} |",
            app.name
        )
        .expect("a string takes it");
        assert!(
            commits <= apart.commits && commits <= logged,
            "{}: {here:?}, {apart:?}",
            app.name
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("SKYLARK_BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, page,
        "docs/recorded.md says something else; if this is right: SKYLARK_BLESS=1 cargo test -p skylark-tests \
         --test simulation recorded"
    );
}
