//! The node's configuration: flags, then environment, then file, then
//! defaults; checked as a whole before anything is opened.

mod options;
mod sources;
#[cfg(test)]
mod tests;
mod values;

pub use sources::{Loaded, load};
pub use values::ConfigErrors;

use crate::{
    engine::{CallLimits, EngineConfig},
    http::HttpConfig,
    node::Egress,
    store::StoreOptions,
};
use skylark_abi::{names, protocol::Bounds};
use skylark_elect::{Bandwidth, Delay, ElectError, Objectives, Policy, UnitError};
use std::{path::PathBuf, time::Duration};
use values::{Values, count, count32, length, number, servers, size, time, word};

/// What a node is started with. `--help` says what each part means.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this node.
    pub name: String,
    /// Host and port to listen on.
    pub listen: String,
    /// Where the node keeps its files.
    pub data: PathBuf,
    /// Threads; 0 means one per core.
    pub workers: usize,
    /// How long calls in flight may take to finish at the end.
    pub grace: Duration,
    /// Filter of the log.
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// URL of the store, as [`crate::store::open`] takes it. It may hold a
    /// password.
    pub store: String,
    /// How the store is used.
    pub store_options: StoreOptions,
    /// Whether the node may start without its store.
    pub store_optional: bool,
    /// Nodes and links.
    pub topology: Option<PathBuf>,
    /// How successors are placed.
    pub policy: Policy,
    /// What placements must meet.
    pub objectives: Objectives,
    /// File with the operator's token.
    pub token_file: Option<PathBuf>,
    /// File with the token that nodes share.
    pub cluster_token_file: Option<PathBuf>,
    /// How often the outbox is searched.
    pub sweep: Duration,
    /// How long a node is silent before another does its work.
    pub takeover: Duration,
    /// Where functions may send requests to.
    pub egress: Egress,
    /// Messages delivered at once.
    pub max_deliveries: usize,
    /// Executions that deliveries have under way at once.
    pub max_executions: usize,
    /// How long a caller waits for a run.
    pub wait: Duration,
    /// Bytes of ended runs kept in memory.
    pub runs_memory: usize,
    /// Limits of requests.
    pub http: HttpConfig,
    /// Limits of one call.
    pub limits: CallLimits,
    /// Bounds of the protocol.
    pub bounds: Bounds,
    /// The engine's options.
    pub engine: EngineConfig,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Turns the options' texts into values.
    fn from_values(mut v: Values) -> Result<Self, ConfigErrors> {
        let data: PathBuf = v.get("data", path);
        let max_module = v.get("max-module", size);
        let config = Self {
            name: v.get("name", name),
            listen: v.get("listen", address),
            workers: v.get("workers", |t| {
                t.parse().map_err(|_| format!("`{t}` is no whole number"))
            }),
            grace: v.get("grace", time),
            log: v.get("log", log_filter),
            log_format: v.get("log-format", |t| {
                word(t, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
            }),
            store: v.get("store", |t| Ok(store_url(t, &data))),
            store_options: StoreOptions {
                sync: v.get("sync", str::parse),
                verify: v.get("store-verify", boolean),
                cache: v.get("store-cache", length),
                queue: v.get("store-queue", count),
                max_value: v.get("max-value", length),
                max_read: v.get("max-read", length),
                timeout: v.get("store-timeout", time),
                connect_timeout: v.get("store-connect-timeout", time),
            },
            store_optional: v.get("store-optional", boolean),
            topology: v.optional("topology", path),
            policy: v.get("policy", |t| {
                t.parse().map_err(|e: ElectError| e.to_string())
            }),
            objectives: Objectives {
                min_bandwidth: v.optional("min-bandwidth", |t| unit(t, Bandwidth::from_mbps)),
                max_latency: v.optional("max-latency", |t| unit(t, Delay::from_ms)),
                max_temperature: v.optional("max-temperature", number),
            },
            token_file: v.optional("token-file", path),
            cluster_token_file: v.optional("cluster-token-file", path),
            sweep: v.get("sweep", time),
            takeover: v.get("takeover", time),
            egress: Egress {
                allowed: v.optional("allow-egress", servers).unwrap_or_default(),
                timeout: v.get("egress-timeout", time),
                attempts: v.get("egress-attempts", count32),
                max_response: v.get("max-egress-response", length),
            },
            max_deliveries: v.get("max-deliveries", count),
            max_executions: v.get("max-executions", count),
            wait: v.get("wait", time),
            runs_memory: v.get("runs-memory", length),
            http: HttpConfig {
                max_in_flight: v.get("max-in-flight", count),
                max_connections: v.get("max-connections", count),
                max_body: v.get("max-body", size),
                max_message: v.get("max-message", size),
                max_module,
                header_timeout: v.get("header-timeout", time),
                body_timeout: v.get("body-timeout", time),
            },
            limits: CallLimits {
                memory: v.get("memory", size),
                timeout: v.get("timeout", time),
                output: v.get("max-output", length),
                log_lines: v.get("log-lines", count32),
            },
            bounds: Bounds {
                lease: v.get("lease", time),
                retention: v.get("retention", time),
                claim: v.get("claim", time),
                max_conflicts: v.get("max-conflicts", count32),
                max_wait: v.get("max-wait", time),
                max_effects: v.get("max-effects", count32),
                max_depth: v.get("max-depth", count),
                max_state: v.get("max-state", length),
                max_scan: v.get("max-scan", count),
                max_fused: match v.get("fuse", |text| word(text, &[("auto", true), ("off", false)]))
                {
                    true => v.get("max-fused", count32),
                    false => 1,
                },
            },
            engine: EngineConfig {
                pool_instances: v.get("instances", count32),
                pool_wait: v.get("instance-wait", time),
                keep_resident: v.get("keep-resident", length),
                max_memory: v.get("max-memory", size),
                max_timeout: v.get("max-timeout", time),
                stack: v.get("stack", length),
                epoch_tick: v.get("epoch-tick", time),
                max_module,
                cache_dir: Some(data.join("compiled")),
                max_cache: v.get("max-cache", size),
            },
            data,
        };
        config.check(&mut v);
        v.finish()?;
        Ok(config)
    }

    /// What no option shows by itself.
    fn check(&self, v: &mut Values) {
        let mut at_most = |holds: bool, small: &str, large: &str, why: &str| {
            if !holds {
                v.error(format!("--{small} is more than --{large}: {why}"));
            }
        };
        // A placeholder of 0 is an error that has been reported already.
        let fits = |small: u64, large: u64| large == 0 || small <= large;
        at_most(
            fits(self.limits.memory, self.engine.max_memory),
            "memory",
            "max-memory",
            "no call could have what it is given by default",
        );
        at_most(
            self.engine.max_timeout.is_zero() || self.limits.timeout <= self.engine.max_timeout,
            "timeout",
            "max-timeout",
            "no call could have what it is given by default",
        );
        at_most(
            self.bounds.lease.is_zero() || self.limits.timeout <= self.bounds.lease,
            "timeout",
            "lease",
            "another node would take over calls that still run",
        );
        at_most(
            fits(
                self.store_options.max_value as u64,
                self.store_options.max_read as u64,
            ),
            "max-value",
            "max-read",
            "what is written could not be read",
        );
    }
}

fn unit<T>(text: &str, unit: impl FnOnce(f64) -> Result<T, UnitError>) -> Result<T, String> {
    unit(number(text)?).map_err(|e| e.to_string())
}

fn boolean(text: &str) -> Result<bool, String> {
    word(text, &[("true", true), ("false", false)])
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the path is empty".into());
    }
    Ok(text.into())
}

/// A node's name goes into URLs and keys: an app's grammar, and dots, since it
/// may be a host's.
fn name(text: &str) -> Result<String, String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if text.is_empty() || text.len() > names::MAX_NAME || !text.bytes().all(fine) {
        return Err(format!(
            "`{text}` is no name for a node: letters, digits, `_`, `-` and `.`, at most {} bytes",
            names::MAX_NAME
        ));
    }
    Ok(text.to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err(format!(
            "`{text}` is no address; write HOST:PORT, for example 127.0.0.1:7070"
        )),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("`{text}` is no filter: {error}")),
    }
}

fn store_url(text: &str, data: &std::path::Path) -> String {
    if text == "embedded" {
        format!("embedded:{}", data.join("store").display())
    } else {
        text.to_owned()
    }
}
