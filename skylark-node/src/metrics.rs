//! What the node counts, by name, and how it is shown to Prometheus.
//!
//! Labels come from bounded sets only: functions of loaded apps, outcomes,
//! operations. What a caller sends never becomes a label.

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

/// Calls by app, function and outcome.
pub const CALLS: &str = "skylark_calls_total";
/// How long calls took, by app and function.
pub const CALL_SECONDS: &str = "skylark_call_seconds";
/// Store round trips that calls made, by app and function.
pub const ROUND_TRIPS: &str = "skylark_call_store_round_trips_total";
/// Calls in flight.
pub const IN_FLIGHT: &str = "skylark_calls_in_flight";
/// Requests answered with an error, by problem.
pub const PROBLEMS: &str = "skylark_problems_total";
/// Open connections.
pub const CONNECTIONS: &str = "skylark_connections";
/// Modules uploaded, by outcome.
pub const UPLOADS: &str = "skylark_uploads_total";
/// How long checking, compiling and keeping an uploaded module took.
pub const UPLOAD_SECONDS: &str = "skylark_upload_seconds";
/// Instances of modules in use.
pub const INSTANCES: &str = "skylark_instances_in_use";
/// Steps of the store, by operation and outcome.
pub const STORE_STEPS: &str = "skylark_store_steps_total";
/// How long a step of the store took, by operation.
pub const STORE_SECONDS: &str = "skylark_store_step_seconds";
/// Bytes of state, messages and outcomes that begins have read and commits have
/// written, by direction.
pub const STORE_BYTES: &str = "skylark_store_bytes_total";
/// Writes that the embedded store has carried out.
pub const STORE_WRITES: &str = "skylark_store_writes_total";
/// Times that the embedded store has waited for the disk. Fewer than its writes,
/// for those that wait together share one.
pub const STORE_SYNCS: &str = "skylark_store_syncs_total";
/// Elections, by policy.
pub const ELECTIONS: &str = "skylark_elections_total";
/// Tasks that were fused with the one before them.
pub const FUSED: &str = "skylark_fused_tasks_total";
/// Executions that were begun again, without what had been fused with them.
pub const APART: &str = "skylark_fusions_given_up_total";
/// Messages in the store that are not acknowledged yet. It comes from the
/// store when the metrics are read, and is left as it was if that fails.
pub const OUTBOX: &str = "skylark_outbox_messages";
/// Deliveries to other nodes that had to be tried again.
pub const DELIVERY_RETRIES: &str = "skylark_delivery_retries_total";

/// Bounds of the histograms' buckets, in seconds: 50 µs to 10 s.
const BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];
/// How often samples are put into buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, once in a process; `None` if the process has another.
pub fn install() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets(BUCKETS)
                .ok()?
                .build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok()?;
            describe();
            Some(handle)
        })
        .clone()
}

/// Keeps the memory of unread samples bounded; ends with the runtime.
pub async fn upkeep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!(CALLS, "Calls by app, function and outcome");
    describe_histogram!(
        CALL_SECONDS,
        Unit::Seconds,
        "Time of a call, from its body read to its answer"
    );
    describe_counter!(
        ROUND_TRIPS,
        "Store round trips of the tasks that calls waited for"
    );
    describe_gauge!(IN_FLIGHT, "Calls in flight");
    describe_counter!(PROBLEMS, "Requests answered with an error, by problem");
    describe_gauge!(CONNECTIONS, "Open connections");
    describe_counter!(UPLOADS, "Modules uploaded, by outcome");
    describe_histogram!(
        UPLOAD_SECONDS,
        Unit::Seconds,
        "Time of checking, compiling and keeping an uploaded module"
    );
    describe_gauge!(INSTANCES, "Instances of modules in use");
    describe_counter!(STORE_STEPS, "Steps of the store, by operation and outcome");
    describe_histogram!(STORE_SECONDS, Unit::Seconds, "Time of a step of the store");
    describe_counter!(
        STORE_BYTES,
        Unit::Bytes,
        "State, messages and outcomes that begins have read and commits have written, by direction"
    );
    describe_counter!(STORE_WRITES, "Writes of the embedded store");
    describe_counter!(
        STORE_SYNCS,
        "Times that the embedded store waited for the disk, once for all writes that wait together"
    );
    describe_counter!(ELECTIONS, "Elections, by policy");
    describe_counter!(FUSED, "Tasks that were fused with the one before them");
    describe_counter!(
        APART,
        "Executions that were begun again, without what had been fused with them"
    );
    describe_gauge!(
        OUTBOX,
        "Messages in the store, of all nodes that share it, that are not acknowledged yet"
    );
    describe_counter!(
        DELIVERY_RETRIES,
        "Deliveries to other nodes that were tried again"
    );
}

/// The metrics that the hot path writes, looked up once.
#[derive(Default)]
pub struct CallMetrics {
    functions: RwLock<HashMap<String, HashMap<String, Arc<FunctionMetrics>>>>,
}

/// The metrics of one function.
pub struct FunctionMetrics {
    app: String,
    function: String,
    succeeded: Counter,
    seconds: Histogram,
    round_trips: Counter,
}

impl CallMetrics {
    /// The metrics of a function that exists.
    pub fn function(&self, app: &str, function: &str) -> Arc<FunctionMetrics> {
        let known = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(app).and_then(|functions| functions.get(function)) {
            return metrics.clone();
        }
        drop(known);
        let metrics = Arc::new(FunctionMetrics::new(app, function));
        let mut known = self
            .functions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known
            .entry(app.to_owned())
            .or_default()
            .insert(function.to_owned(), metrics.clone());
        metrics
    }
}

impl FunctionMetrics {
    fn new(app: &str, function: &str) -> Self {
        let (app, function) = (app.to_owned(), function.to_owned());
        Self {
            succeeded: counter!(CALLS, "app" => app.clone(), "function" => function.clone(), "outcome" => "succeeded"),
            seconds: histogram!(CALL_SECONDS, "app" => app.clone(), "function" => function.clone()),
            round_trips: counter!(ROUND_TRIPS, "app" => app.clone(), "function" => function.clone()),
            app,
            function,
        }
    }

    /// A call that succeeded.
    pub fn succeeded(&self, took: Duration, round_trips: u32) {
        self.succeeded.increment(1);
        self.seconds.record(took.as_secs_f64());
        if round_trips > 0 {
            self.round_trips.increment(round_trips.into());
        }
    }

    /// A call that did not; `outcome` is the name of its problem.
    pub fn failed(&self, took: Duration, outcome: &'static str) {
        counter!(CALLS, "app" => self.app.clone(), "function" => self.function.clone(), "outcome" => outcome).increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}
