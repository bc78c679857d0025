//! What the torture says.

use super::{
    faults::{Act, Faults, Target},
    load::{Load, Request, Violation},
    wire::Suffered,
};
use cargo_skylark::output::{Output, count, micros};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use skylark_abi::call::FailureKind;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// Everything that happened.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// What `--seed` makes happen again.
    pub seed: u64,
    /// Where the logs are, or were.
    pub logs: PathBuf,
    /// One after the other.
    pub clusters: Vec<ClusterReport>,
}

/// What happened to one cluster.
#[derive(Debug, Serialize)]
pub(super) struct ClusterReport {
    store: &'static str,
    requests: usize,
    /// Those that gave a result, by app: a check of few shows little.
    results: BTreeMap<&'static str, usize>,
    asynchronous: usize,
    /// Runs that ended with a time-out, as those of a stopped node may.
    timed_out: usize,
    retries: u64,
    replays: usize,
    /// Promises that callers completed.
    promises: usize,
    kills: usize,
    stops: usize,
    redis_kills: usize,
    redis_stops: usize,
    /// What became of Redis's answers on their way.
    #[serde(flatten)]
    wire: Suffered,
    /// From the first attempt to the answer, while faults happened.
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    /// Requests that the others answered while a node was away.
    without: usize,
    violations: Vec<Violation>,
}

impl ClusterReport {
    pub(super) fn of(
        store: &'static str,
        load: &Load,
        requests: &[Request],
        without: usize,
        faults: &Faults,
        wire: Option<Suffered>,
    ) -> Self {
        let answered = requests.iter().filter(|r| r.answer.is_some());
        let mut times: Vec<u64> = answered
            .map(|r| u64::try_from(r.took.as_micros()).unwrap_or(u64::MAX))
            .collect();
        times.sort_unstable();
        let mut results = BTreeMap::new();
        for request in requests.iter().filter(|r| matches!(r.answer, Some(Ok(_)))) {
            *results.entry(request.app.name()).or_default() += 1;
        }
        let timed_out = |r: &&Request| {
            let failure = r.answer.as_ref().and_then(|answer| answer.as_ref().err());
            failure.is_some_and(|failure| failure.kind == FailureKind::Timeout)
        };
        let node = |target| matches!(target, Target::Node(_));
        let redis = |target| target == Target::Redis;
        Self {
            store,
            requests: requests.len(),
            results,
            asynchronous: requests.iter().filter(|r| r.asynchronous).count(),
            timed_out: requests.iter().filter(timed_out).count(),
            retries: load.counts.retries.load(Ordering::Relaxed),
            replays: counted(&load.counts.replays),
            promises: counted(&load.counts.promises),
            kills: faults.count(Act::Kill, node),
            stops: faults.count(Act::Stop, node),
            redis_kills: faults.count(Act::Kill, redis),
            redis_stops: faults.count(Act::Stop, redis),
            wire: wire.unwrap_or_default(),
            p50_us: percentile(&times, 50),
            p99_us: percentile(&times, 99),
            max_us: times.last().copied().unwrap_or_default(),
            without,
            violations: load.violations(),
        }
    }
}

fn counted(count: &AtomicU64) -> usize {
    usize::try_from(count.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
}

/// The least of the sorted values that so many percent are not above.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Violations that the text shows of each cluster; JSON has all.
const SHOWN: usize = 20;

impl Report {
    pub(super) fn violations(&self) -> usize {
        self.clusters.iter().map(|c| c.violations.len()).sum()
    }

    /// For people.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for cluster in &self.clusters {
            text.push_str(&cluster.render());
            // What is wrong as a whole says most.
            let (one, whole): (Vec<_>, Vec<_>) =
                cluster.violations.iter().partition(|v| v.request.is_some());
            for violation in whole.into_iter().chain(one).take(SHOWN) {
                text.push_str(&format!("  violation: {}\n", violation.render()));
            }
            let more = cluster.violations.len().saturating_sub(SHOWN);
            if more > 0 {
                text.push_str(&format!("  and {more} more (`--json`)\n"));
            }
        }
        text
    }
}

impl ClusterReport {
    fn render(&self) -> String {
        let results = self.results.iter().map(|(app, n)| format!("{app} {n}"));
        let results: Vec<String> = results.collect();
        format!(
            "{}: {} ({} asynchronous), {} asked again, {}, {}, {} timed out\n  \
             results: {}\n  \
             nodes: {}, {}; Redis: {}, {}\n  \
             its answers: {} late, {} cut in the middle, {} lost with their command carried out\n  \
             answers while that happened: p50 {}, p99 {}, max {}\n  \
             {} while a node stayed dead or stopped\n  \
             {}\n",
            self.store,
            count(self.requests, "request"),
            self.asynchronous,
            self.retries,
            count(self.replays, "replay"),
            count(self.promises, "promise"),
            self.timed_out,
            results.join("; "),
            count(self.kills, "kill"),
            count(self.stops, "stop"),
            count(self.redis_kills, "kill"),
            count(self.redis_stops, "stop"),
            self.wire.answers_late,
            self.wire.answers_cut,
            self.wire.answers_lost,
            micros(self.p50_us),
            micros(self.p99_us),
            micros(self.max_us),
            count(self.without, "request"),
            count(self.violations.len(), "violation"),
        )
    }
}

impl Violation {
    fn render(&self) -> String {
        let Some(request) = &self.request else {
            return self.what.clone();
        };
        let how = if request.asynchronous { "fa" } else { "f" };
        format!(
            "{}\n    request {} (POST /{how}/{} at `{}`), run {}",
            self.what,
            request.key,
            request.app,
            request.node,
            request.run.as_deref().unwrap_or("unknown")
        )
    }
}

/// A line that follows the load; it goes when this is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    following: JoinHandle<()>,
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.following.abort();
        self.bar.finish_and_clear();
    }
}

/// Follows the load on a terminal.
pub(super) fn progress(output: &Output, store: &'static str, load: &Arc<Load>) -> Progress {
    const STEP: Duration = Duration::from_millis(200);
    // Hidden by itself where standard error is no terminal.
    let bar = if output.json() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(load.lasts().as_secs())
    };
    if let Ok(style) =
        ProgressStyle::with_template("{spinner:.green} [{bar:24.cyan/blue}] {pos}/{len} s {msg}")
    {
        bar.set_style(style);
    }
    let following = tokio::spawn({
        let (bar, load) = (bar.clone(), load.clone());
        async move {
            loop {
                let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
                let counts = &load.counts;
                let times =
                    |n: u64, what: &str| count(usize::try_from(n).unwrap_or(usize::MAX), what);
                bar.set_position(load.begun().elapsed().min(load.lasts()).as_secs());
                bar.set_message(format!(
                    "{store}: {}, {} asked again, {}, {}, {}",
                    times(n(&counts.answered), "answer"),
                    n(&counts.retries),
                    times(n(&counts.kills), "kill"),
                    times(n(&counts.stops), "stop"),
                    times(load.violations().len() as u64, "violation"),
                ));
                bar.tick();
                tokio::time::sleep(STEP).await;
            }
        }
    });
    Progress { bar, following }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let check = |sorted: &[u64], percent, wanted| {
            assert_eq!(percentile(sorted, percent), wanted, "{sorted:?}");
        };
        check(&[], 50, 0);
        check(&[7], 50, 7);
        check(&[7], 99, 7);
        check(&[1, 2, 3, 4], 50, 2);
        let hundred: Vec<u64> = (1..=100).collect();
        check(&hundred, 99, 99);
        check(&hundred, 100, 100);
    }
}
