//! A node as a process: everything is checked before it listens.

use crate::{
    commands::Commands,
    config::{Config, LogFormat},
    engine::Engine,
    files,
    http::{Server, Token, Tokens},
    metrics,
    node::{Node, NodeConfig, Placer, PlacerConfig},
    shutdown, store,
};
use anyhow::{Context, Result, bail};
use std::{
    io::{ErrorKind, IsTerminal, Write},
    path::Path,
    sync::Arc,
};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Runs a node until it is told to stop.
///
/// # Errors
/// Whatever keeps it from serving, said so that it can be mended; nothing was
/// served then.
pub fn run(config: Config) -> Result<()> {
    start_log(&config)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.workers > 0 {
        runtime.worker_threads(config.workers);
    }
    let runtime = runtime
        .enable_all()
        .build()
        .context("starting the threads")?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<()> {
    let stop = shutdown::on_signals().context("listening for signals")?;
    if let Some(handle) = metrics::install() {
        tokio::spawn(metrics::upkeep(handle));
    }
    make_private(&config.data)?;
    let secrets = Secrets::load(&config)?;
    let placer =
        Placer::open(placer_config(&config)).context("reading the topology (`--topology`)")?;
    let engine = Engine::new(config.engine.clone()).context("starting the engine")?;
    let store = open_store(&config).await?;
    let commands = Commands::open(&config.data, engine.clone())
        .await
        .context("loading the kept commands")?;
    let node = Node::start(node_config(&config, secrets.cluster), engine, store, placer)
        .await
        .context("loading the kept apps")?;
    let listener = bind(&config.listen).await?;
    let address = listener.local_addr().context("asking for the address")?;
    // For people and for programs that wait for it.
    println!("listening on http://{address}");
    // Nobody may be reading; that is no reason to stop.
    let _ = std::io::stdout().flush();
    tracing::info!(%address, node = config.name, store = node.store().describe(), apps = node.apps().len(), "serving");
    let server = Server::new(node, commands, config.http, secrets.tokens);
    server.serve(listener, stop, config.grace).await;
    Ok(())
}

fn start_log(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log).context("--log")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    }
    .map_err(|e| anyhow::anyhow!("starting the log: {e}"))
}

/// Makes the data directory, for this user only: it holds tokens and code.
fn make_private(data: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("creating the data directory {} (`--data`)", data.display()))
}

struct Secrets {
    tokens: Tokens,
    cluster: String,
}

impl Secrets {
    fn load(config: &Config) -> Result<Self> {
        let token = |given: &Option<std::path::PathBuf>, own: &str| match given {
            Some(path) => files::read_token(path),
            None => files::own_token(&config.data.join(own)),
        };
        let operator = token(&config.token_file, "token").context("--token-file")?;
        let cluster =
            token(&config.cluster_token_file, "cluster-token").context("--cluster-token-file")?;
        if config.topology.is_some() && config.cluster_token_file.is_none() {
            tracing::warn!(
                "no --cluster-token-file: the other nodes of the topology will refuse this node's messages, unless they share its data directory's token"
            );
        }
        Ok(Self {
            tokens: Tokens {
                operator: Token::new(&operator),
                cluster: Token::new(&cluster),
            },
            cluster,
        })
    }
}

async fn open_store(config: &Config) -> Result<Arc<dyn store::Store>> {
    let store = store::open(&config.store, &config.store_options)
        .context("opening the store (`--store`)")?;
    let store = crate::metered::meter(store);
    match store.check().await {
        Ok(()) => {}
        Err(error) if config.store_optional => {
            tracing::warn!(%error, "starting without the store; the node is not ready until it answers");
        }
        Err(error) => {
            return Err(error).context(
                "the store does not answer (`--store`); start it, or start the node without it by `--store-optional`",
            );
        }
    }
    Ok(store)
}

fn node_config(config: &Config, cluster_token: String) -> NodeConfig {
    NodeConfig {
        name: config.name.clone(),
        data: config.data.clone(),
        limits: config.limits.clone(),
        bounds: config.bounds.clone(),
        wait: config.wait,
        runs_memory: config.runs_memory,
        cluster_token,
        sweep: config.sweep,
        takeover: config.takeover,
        egress: config.egress.clone(),
        max_deliveries: config.max_deliveries,
        max_executions: config.max_executions,
    }
}

fn placer_config(config: &Config) -> PlacerConfig {
    PlacerConfig {
        node: config.name.clone(),
        topology: config.topology.clone(),
        policy: config.policy,
        objectives: config.objectives,
    }
}

async fn bind(address: &str) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(e) if e.kind() == ErrorKind::AddrInUse => bail!(
            "{address} is in use by another process; choose another with `--listen HOST:PORT` (port 0 takes any free one)"
        ),
        Err(e) => Err(e).with_context(|| format!("listening on {address} (`--listen`)")),
    }
}
