//! What asks nodes, or runs them.

use super::{Nodes, Project, policies};
use crate::cluster::MAX_NODES;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `up`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark up                        cloud1, sat1 and edge1, and the app in this directory
  cargo skylark up -n 5 --data ./nodes    keep what they store
  cargo skylark up --store redis://127.0.0.1:6379
  cargo skylark up --topology links.json  the nodes and links of a file
  cargo skylark up --wasm app.wasm        deploy modules that are built already

Ctrl-C drains the nodes and ends them. While they run, `invoke`, `deploy`, `state` and
`runs` in this directory find them by themselves.")]
pub struct Up {
    /// How many nodes: a cloud, a satellite, an edge, and so on.
    #[arg(
        short = 'n',
        long,
        default_value_t = 3,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_NODES))
    )]
    pub nodes: u16,
    /// Where state is kept: `embedded`, `memory` or `redis://host:port`.
    #[arg(long, default_value = "embedded", env = "SKYLARK_STORE")]
    pub store: String,
    /// Keep the nodes' data here; without it, it goes when they end.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Start the nodes that a topology file names, here, with its links.
    #[arg(long, value_name = "FILE", conflicts_with = "nodes")]
    pub topology: Option<PathBuf>,
    /// How a node is elected for the next function.
    #[arg(long, value_name = "NAME", value_parser = policies())]
    pub policy: Option<String>,
    /// A module to deploy, as `FILE` or `APP=FILE`; instead of the app in this directory.
    #[arg(long, value_name = "[APP=]FILE")]
    pub wasm: Vec<String>,
    /// Deploy nothing.
    #[arg(long, conflicts_with = "wasm")]
    pub no_app: bool,
    /// First of the nodes' ports; the first free ones from 4600 on if absent.
    #[arg(long, value_name = "PORT")]
    pub port_base: Option<u16>,
    /// Seconds for a node to become ready.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub start_timeout: u64,
    /// Seconds for a node to finish its work at the end.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub drain: u64,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `deploy`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark deploy                    build the app and send it to all nodes of `up`
  cargo skylark deploy app.wasm --app shop --node http://10.0.0.4:4600 --token-file token

A node refuses a module that does not read what it stores, or would lose some of it; `cargo skylark
check --against NODE` tells beforehand.")]
pub struct Deploy {
    /// A module; the app in this directory is built if absent.
    pub wasm: Option<PathBuf>,
    /// Deploy even what does not read, or would lose, stored state.
    #[arg(long)]
    pub force: bool,
    /// The app's name on the nodes; the package's or the file's if absent.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `invoke`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark invoke greet '\"Ada\"'
  cargo skylark invoke shop/order @order.json --key order-17
  echo '{\"a\": 1, \"b\": 2}' | cargo skylark invoke add -
  cargo skylark invoke count --async      prints the run's id, for `cargo skylark runs`
  cargo skylark invoke reverse --raw @photo.png > turned.png

The input is JSON: the argument itself for a function of one argument, an object by
argument names for several, nothing for none. The result goes to standard output; the
timeline to standard error, on a terminal or with --timeline.")]
pub struct Invoke {
    /// `FUNCTION` or `APP/FUNCTION`.
    #[arg(value_name = "[APP/]FUNCTION")]
    pub function: String,
    /// JSON, `@FILE`, or `-` for standard input.
    #[arg(value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub input: Option<String>,
    /// Send the input as it is, to a function whose one argument is `skylark::Bytes`,
    /// and print the answer as it is.
    #[arg(long, conflicts_with = "timeline")]
    pub raw: bool,
    /// Return at once with the run's id.
    #[arg(long = "async")]
    pub asynchronous: bool,
    /// Idempotency key: repeated calls with it take effect once.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// How nodes are elected for this run.
    #[arg(long, value_name = "NAME", value_parser = policies())]
    pub policy: Option<String>,
    /// Show the timeline even when standard error is no terminal.
    #[arg(long)]
    pub timeline: bool,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `state`
#[derive(Debug, Subcommand)]
pub enum State {
    /// List the stored variables of an app.
    Ls(StateLs),
    /// Print the value of one.
    Get(StateGet),
    /// List the entries of a `Map` or a `List`, in the order of their keys.
    Entries(StateEntries),
}

/// `state ls`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cargo skylark state ls --app shop")]
pub struct StateLs {
    /// The app; not needed if the nodes run one only.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `state get`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cargo skylark state get SEEN --node edge1")]
pub struct StateGet {
    /// The variable's name in the store.
    pub name: String,
    /// The app; not needed if the nodes run one only.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `state entries`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cargo skylark state entries ACCOUNTS --limit 20

What is printed below a page goes into --after for the next one.")]
pub struct StateEntries {
    /// The collection's name in the store.
    pub name: String,
    /// Of one per key: which.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only entries after this one, as the page before says it.
    #[arg(long, value_name = "TEXT")]
    pub after: Option<String>,
    /// Most entries.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    /// The app; not needed if the nodes run one only.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List the nodes that `cargo skylark up` runs, whether they are ready, and their apps.
    Ls(Nodes),
}
