//! Exactly once, proved by killing: real nodes under load, whose processes are
//! killed and stopped at random moments, and what must be true afterwards.

mod apps;
mod ask;
mod clients;
mod faults;
mod history;
mod load;
mod node_logs;
mod redis;
mod report;
mod settle;
mod wire;

use crate::{demo, process, setup};
use anyhow::{Context as _, Result, bail};
use cargo_skylark::{
    app::{
        build::{self, BuildOptions},
        project::Project,
    },
    cli,
    cluster::{self, Cluster, ClusterOptions, Plan},
    error::usage,
    output::Output,
};
use clap::{Args, ValueEnum};
use faults::{Faults, Target};
use load::{Load, Request};
use node_logs::NodeLogs;
use redis::DurableRedis;
use report::{ClusterReport, Report};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::select;

/// How the torture is run.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cargo xtask torture                                   both kinds of store, two minutes in all
  cargo xtask torture --store redis --duration 10m      one kind, for longer
  cargo xtask torture --seed 7 --keep                   the same faults again, its logs kept
  cargo xtask torture --json | jq .clusters[].kills     for programs")]
pub(crate) struct Options {
    /// Where the nodes keep state: on one Redis, each on its own disk, or first
    /// so and then so.
    #[arg(long, value_enum, default_value_t = Stores::Both)]
    pub store: Stores,
    /// How long faults happen, over all clusters.
    #[arg(long, value_name = "TIME", default_value_t = DURATION.into())]
    pub duration: humantime::Duration,
    /// Chooses the faults and their moments; random if it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Requests under way at once, 1 to 1024.
    #[arg(long, default_value_t = CLIENTS, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub clients: u16,
    /// The node's program, if it is built already.
    #[arg(long, value_name = "FILE")]
    pub node: Option<PathBuf>,
    /// At the end let one node of those on Redis stay dead, and then stopped: the
    /// others must do what is its to do.
    #[arg(long)]
    pub takeover: bool,
    /// Keep the nodes' logs and data even if nothing is wrong.
    #[arg(long)]
    pub keep: bool,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Which clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stores {
    /// Three nodes on one Redis.
    Redis,
    /// Three nodes, each with an embedded store.
    Embedded,
    /// Both, one after the other.
    Both,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store: Stores::Both,
            duration: DURATION.into(),
            seed: None,
            clients: CLIENTS,
            node: None,
            takeover: false,
            keep: false,
            json: false,
        }
    }
}

impl Stores {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Redis => &[Kind::Redis],
            Self::Embedded => &[Kind::Embedded],
            Self::Both => &[Kind::Redis, Kind::Embedded],
        }
    }
}

/// What one cluster keeps its state in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Redis,
    Embedded,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Embedded => "embedded",
        }
    }

    /// Other faults for each, and the same whether alone or not.
    const fn seed(self, seed: u64) -> u64 {
        match self {
            Self::Redis => seed,
            Self::Embedded => !seed,
        }
    }
}

/// How long faults happen, unless the caller says otherwise.
const DURATION: Duration = Duration::from_secs(120);
/// Requests under way at once, unless the caller says otherwise.
const CLIENTS: u16 = 16;
/// Nodes of a cluster.
const NODES: u16 = 3;
/// The least time of faults that shows anything, for one cluster.
const LEAST: Duration = Duration::from_secs(3);
/// How long a lease lasts; a stop of a node is longer.
const LEASE: Duration = Duration::from_secs(2);
/// The nodes' options: everything that waits for somebody to come back waits
/// short, so that faults reach it.
const NODE_OPTIONS: &[&str] = &[
    "--lease=2s",
    "--timeout=1s",
    "--claim=1s",
    "--takeover=1s",
    "--sweep=300ms",
    "--wait=5s",
    "--store-timeout=700ms",
    "--store-connect-timeout=500ms",
    // A node may come up before its Redis does.
    "--store-optional",
];
/// How long nodes may take to be ready, at the start and after the faults.
const READY: Duration = Duration::from_secs(60);
/// The nodes that stay dead, and stopped, for `--takeover`.
const DEAD: usize = 0;
const STOPPED: usize = 1;
/// How long nodes that have nothing left to do may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// An app's name with the module that is built from it.
type Module = (&'static str, Vec<u8>);

/// Builds what is needed, tortures the clusters, says what held.
///
/// # Errors
/// Something that must hold does not, or the torture could not be done.
pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    let kinds = options.store.kinds();
    let each = *options.duration / u32::try_from(kinds.len()).unwrap_or(1);
    if each < LEAST {
        return Err(usage(format!(
            "--duration leaves {each:?} for each cluster; it takes at least {LEAST:?} to see anything"
        )));
    }
    setup::wasm_target(output)?;
    let program = match &options.node {
        Some(program) => program.clone(),
        None => demo::node_program(output)?,
    };
    let modules = modules(output)?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let logs = tempfile::Builder::new()
        .prefix("skylark-torture-")
        .tempdir()
        .context("cannot make a directory for logs")?
        .keep();
    output.status(
        "Seed",
        &format!("{seed}; logs and data in {}", logs.display()),
    );
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let mut clusters = Vec::new();
    for kind in kinds {
        let torture = Torture {
            kind: *kind,
            each,
            seed,
            clients: options.clients,
            takeover: options.takeover && *kind == Kind::Redis,
            program: &program,
            modules: &modules,
            directory: logs.join(kind.name()),
            output,
        };
        let done = runtime.block_on(async {
            select! {
                report = torture.run() => report,
                error = process::interrupted() => Err(error),
            }
        });
        let why = || format!("the torture could not be done; see {}", logs.display());
        clusters.push(done.with_context(why)?);
    }
    let report = Report {
        seed,
        logs: logs.clone(),
        clusters,
    };
    output.result(&report, Report::render)?;
    let violations = report.violations();
    if violations > 0 {
        bail!(
            "{violations} of what must hold did not; the logs are in {}; \
             the same faults again: `--seed {seed} --duration {}`",
            logs.display(),
            options.duration
        );
    }
    if !options.keep {
        runtime.block_on(process::remove(&logs))?;
    }
    Ok(())
}

/// Builds every app's module.
fn modules(output: &Output) -> Result<Vec<Module>> {
    let build = |app: &&'static str| {
        let package = cli::Project {
            package: Some((*app).into()),
            manifest_path: None,
        };
        let project = Project::find_in(process::root(), &package)?;
        let built = build::build(&project, &BuildOptions::default(), output)?;
        let wasm = std::fs::read(&built.path)
            .with_context(|| format!("cannot read {}", built.path.display()))?;
        Ok((*app, wasm))
    };
    let packages: BTreeSet<_> = apps::ALL.iter().map(|app| app.package()).collect();
    packages.iter().map(build).collect()
}

/// One cluster's torture.
struct Torture<'a> {
    kind: Kind,
    each: Duration,
    seed: u64,
    clients: u16,
    takeover: bool,
    program: &'a Path,
    modules: &'a [Module],
    directory: PathBuf,
    output: &'a Output,
}

impl Torture<'_> {
    async fn run(&self) -> Result<ClusterReport> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("cannot make {}", self.directory.display()))?;
        // Not ports that the system gives to outgoing connections: one could
        // be taken while its owner is dead.
        let first = cluster::free_ports(NODES + 2, None)?;
        let mut redis = match self.kind {
            Kind::Embedded => None,
            Kind::Redis => {
                let program = setup::redis(self.output)?;
                let ports = [first, first + 1];
                let redis = DurableRedis::start(&program, ports, &self.directory, self.seed)?;
                Some(redis)
            }
        };
        let options = ClusterOptions {
            store: redis
                .as_ref()
                .map_or_else(|| "embedded".to_owned(), DurableRedis::url),
            data: Some(self.directory.join("nodes")),
            drain: DRAIN,
            start_timeout: READY,
            more: NODE_OPTIONS.iter().map(OsString::from).collect(),
            ..ClusterOptions::new(self.program.to_owned(), Plan::new(NODES, first + 2))
        };
        let logs = NodeLogs::create(&self.directory, &options.plan)?;
        let mut cluster = Cluster::start(&options, logs.sink()).await?;
        let client = cluster.client()?;
        let names = cluster.nodes().map(|node| node.name.clone()).collect();
        let urls: Vec<String> = cluster.nodes().map(|node| node.url.clone()).collect();
        for (app, wasm) in self.modules {
            for url in &urls {
                client.deploy(url, app, wasm.clone(), false).await?;
            }
        }
        let load = Load::new(client, names, urls, self.kind == Kind::Redis, self.seed);
        load.prepare().await?;
        let load = Arc::new(load.lasting(self.each));
        let mut faults = Faults::plan(self.kind.seed(self.seed), self.each, &self.targets());
        faults.log_to(&self.directory.join("faults.log"), self.seed, &load)?;

        let progress = report::progress(self.output, self.kind.name(), &load);
        let clients = clients::start(&load, self.clients);
        faults.happen(&mut cluster, redis.as_mut(), &load).await?;
        // A node that does not come back is what this is about, not an error
        // of the torture's own.
        if let Err(error) = cluster.ready(READY).await {
            load.wrong(None, format!("after the faults: {error:#}"));
        }
        let mut requests = clients::join(clients, &load).await?;
        let with_all = requests.len();
        if self.takeover {
            self.takeover(&mut cluster, &load, &mut requests).await?;
        }
        let without = requests.len() - with_all;
        settle::check(&load, &requests).await;
        drop(progress);
        for (name, end) in cluster.stop().await {
            if end.is_none_or(|status| !status.success()) {
                let how = end.map_or_else(|| "had to be killed".into(), |s| s.to_string());
                load.wrong(None, format!("node `{name}`, asked to end at last: {how}"));
            }
        }
        Ok(ClusterReport::of(
            self.kind.name(),
            &load,
            &requests,
            without,
            &faults,
            redis.as_ref().map(|redis| redis.wire().suffered()),
        ))
    }

    /// Lets a node stay dead, and one stay stopped, under load: a process that
    /// is stopped closes no connection.
    async fn takeover(
        &self,
        cluster: &mut Cluster,
        load: &Load,
        requests: &mut Vec<Request>,
    ) -> Result<()> {
        if let Err(error) = cluster.kill(DEAD).await {
            load.wrong(None, format!("{error:#}"));
        }
        requests.extend(clients::without(load, DEAD).await);
        cluster.restart(DEAD)?;
        cluster.ready(READY).await?;
        cluster.pause(STOPPED)?;
        requests.extend(clients::without(load, STOPPED).await);
        cluster.resume(STOPPED)?;
        cluster.ready(READY).await
    }

    fn targets(&self) -> Vec<Target> {
        let nodes = (0..usize::from(NODES)).map(Target::Node);
        let redis = [Target::Redis, Target::Wire];
        let redis = redis.into_iter().filter(|_| self.kind == Kind::Redis);
        nodes.chain(redis).collect()
    }
}

/// An interval as the logs show it.
fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
