//! The whole way, once: three nodes, four photographs, one alarm.

mod photos;
mod report;
mod store;

use crate::{process, render, setup};
use anyhow::{Context as _, Result, anyhow, bail};
use cargo_skylark::{
    app::{
        build::{self, BuildOptions, Built},
        project::Project,
    },
    cli,
    client::{Client, InvokeOptions},
    cluster::{self, Cluster, ClusterOptions, NodeAddress, Plan},
    output::{Output, bytes},
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
pub(crate) use photos::Area;
use photos::{PHOTOS, Photo};
use report::{Report, Run};
use skylark_abi::schema::NodeType;
use std::{
    path::{Path, PathBuf},
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::select;

/// How the demo is run.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cargo xtask demo                                  state in embedded stores, one a node
  cargo xtask demo --store redis://127.0.0.1:6379   state in a Redis that is running
  cargo xtask demo --json | jq .runs[].verdict      for programs")]
pub(crate) struct Options {
    /// Where state is kept: `embedded`, `memory` or `redis://host:port`.
    #[arg(long, default_value = "embedded")]
    pub store: String,
    /// Where to write the pictures.
    #[arg(long, value_name = "DIR", default_value_os_t = process::root().join("out"))]
    pub out: PathBuf,
    /// The node's program, if it is built already.
    #[arg(long, value_name = "FILE")]
    pub node: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    pub json: bool,
}

/// The app.
const APP: &str = "firealarm";
/// Its first function.
const FIRST: &str = "preprocess";
/// The station that the photographs come from.
const STATION: &str = "ridge";
/// What nodes that have nothing left to do may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Builds what is needed, starts the nodes, sends the photographs, shows what
/// happened, and ends what it started, whatever happens.
///
/// # Errors
/// A step failed, or a verdict is not what it should be.
pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    setup::wasm_target(output)?;
    let program = match &options.node {
        Some(program) => program.clone(),
        None => node_program(output)?,
    };
    let module = module(output)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let report = runtime.block_on(on_nodes(options, program, &module, output))?;
    output.result(&report, Report::render)?;
    let wrong: Vec<&str> = report
        .runs
        .iter()
        .filter(|r| !r.ok)
        .map(|r| r.photo)
        .collect();
    if !wrong.is_empty() {
        bail!("wrong verdict on {}", wrong.join(", "));
    }
    Ok(())
}

/// Builds the node with the features of the whole workspace (no `-p`), as
/// everything else is built: dependencies are built once.
pub(crate) fn node_program(output: &Output) -> Result<PathBuf> {
    process::run(
        process::cargo().args(["build", "--bin", "skylark-node"]),
        output,
    )?;
    cluster::find_node_program()
}

fn module(output: &Output) -> Result<Built> {
    let package = cli::Project {
        package: Some(APP.into()),
        manifest_path: None,
    };
    let project = Project::find_in(process::root(), &package)?;
    let module = build::build(&project, &BuildOptions::default(), output)?;
    output.status(
        "Built",
        &format!("{} ({})", module.path.display(), bytes(module.bytes)),
    );
    Ok(module)
}

async fn on_nodes(
    options: &Options,
    program: PathBuf,
    module: &Built,
    output: &Output,
) -> Result<Report> {
    let mut interrupted = pin!(process::interrupted());
    let data = tempfile::Builder::new().prefix("skylark-demo-").tempdir()?;
    // In a store that others use too, the app has a name of its own.
    let app = match store::is_shared(&options.store) {
        true => format!("{APP}-demo-{}", std::process::id()),
        false => APP.to_owned(),
    };
    let done = started(
        options,
        program,
        data.path(),
        &app,
        module,
        output,
        interrupted.as_mut(),
    )
    .await;
    let cleaned = store::clean(&options.store, &app).await;
    process::remove(&data.keep()).await?;
    let report = done?;
    cleaned?;
    Ok(report)
}

/// From the nodes' start to their end.
async fn started(
    options: &Options,
    program: PathBuf,
    data: &Path,
    app: &str,
    module: &Built,
    output: &Output,
    mut interrupted: Pin<&mut impl Future<Output = anyhow::Error>>,
) -> Result<Report> {
    let progress = progress(output, PHOTOS.len() as u64 + 2);
    progress.set_message("starting three nodes");
    let cluster = ClusterOptions {
        store: options.store.clone(),
        data: Some(data.to_owned()),
        drain: DRAIN,
        ..ClusterOptions::new(program, Plan::new(3, cluster::free_ports(3, None)?))
    };
    // Their lines are shown if they fail: the error carries them.
    let mut cluster = select! {
        cluster = Cluster::start(&cluster, Arc::new(|_, _| {})) => cluster?,
        error = interrupted.as_mut() => return Err(error),
    };
    progress.inc(1);
    let sent = match (
        cluster.client(),
        cluster.nodes().cloned().collect::<Vec<_>>(),
    ) {
        (Ok(client), nodes) => select! {
            sent = send(&client, nodes, app, module, options, &progress) => sent,
            ended = cluster.ended() => Err(anyhow!(ended)),
            error = interrupted => Err(error),
        },
        (Err(error), _) => Err(error),
    };
    progress.finish_and_clear();
    for (name, end) in cluster.stop().await {
        if end.is_none_or(|status| !status.success()) {
            let how = end.map_or_else(|| "had to be killed".into(), |s| format!("ended with {s}"));
            output.warning(&format!("node `{name}` {how}"));
        }
    }
    sent
}

/// Uploads the module, sends the photographs and draws the pictures.
async fn send(
    client: &Client,
    nodes: Vec<NodeAddress>,
    app: &str,
    module: &Built,
    options: &Options,
    progress: &ProgressBar,
) -> Result<Report> {
    progress.set_message("uploading the module");
    let wasm = std::fs::read(&module.path)
        .with_context(|| format!("cannot read {}", module.path.display()))?;
    for node in &nodes {
        client.deploy(&node.url, app, wasm.clone(), false).await?;
    }
    progress.inc(1);
    let satellite = nodes
        .iter()
        .find(|node| node.node_type == NodeType::Sat)
        .context("the plan has no satellite")?;
    let mut runs = Vec::new();
    for photo in &PHOTOS {
        progress.set_message(photo.file);
        runs.push(judge(client, &satellite.url, app, photo).await?);
        progress.inc(1);
    }
    let files = draw(&runs, &nodes, &options.out)?;
    Ok(Report {
        store: store::without_password(&options.store),
        module_bytes: module.bytes,
        nodes,
        runs,
        files,
    })
}

/// One photograph, there and back.
async fn judge(client: &Client, node: &str, app: &str, photo: &'static Photo) -> Result<Run> {
    let body = photo.request(STATION)?;
    let sent = body.len() as u64;
    let start = Instant::now();
    let invoked = client
        .invoke(node, app, FIRST, body, &InvokeOptions::default())
        .await
        .with_context(|| format!("{} could not be judged", photo.file))?;
    let round_trip_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let verdict = serde_json::from_str(invoked.run.result_text())
        .with_context(|| format!("not a verdict: {}", invoked.run.result_text()))?;
    Ok(Run {
        photo: photo.file,
        ok: photo.is_judged_by(&verdict),
        expected: photo.level,
        verdict,
        id: invoked.run.id,
        sent_bytes: sent,
        round_trip_us,
        tasks: invoked.run.tasks,
    })
}

/// The run of the photograph that alarms, and its boxes.
fn draw(runs: &[Run], nodes: &[NodeAddress], out: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut files = Vec::new();
    for run in runs.iter().filter(|run| run.expected == photos::ALARM) {
        let svg = out.join("run.svg");
        let title = format!("{} → {}", run.photo, run.verdict.message);
        let drawn = render::timeline::svg(&title, nodes, &run.tasks);
        std::fs::write(&svg, drawn).with_context(|| format!("cannot write {}", svg.display()))?;
        let png = out.join(Path::new(run.photo).with_extension("png"));
        render::boxes::png(&photos::path(run.photo), &run.verdict.boxes, &png)?;
        files.extend([svg, png]);
    }
    Ok(files)
}

fn progress(output: &Output, steps: u64) -> ProgressBar {
    if output.json() {
        return ProgressBar::hidden();
    }
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(steps);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner:.green} [{bar:24.cyan/blue}] {pos}/{len} {msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(80));
    bar
}
