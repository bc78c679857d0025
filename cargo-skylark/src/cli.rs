//! The command line: what can be asked for, and the help that teaches it.

mod runs;

pub use runs::{OneRun, Promise, PromiseComplete, PromiseFail, Runs, RunsAction};

use crate::{cluster::MAX_NODES, output::Color};
use clap::{Args, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};
use skylark_elect::Policy;
use std::{ffi::OsString, path::PathBuf};

const EXAMPLES: &str = "\
From nothing to a running app:
  cargo skylark new greeter && cd greeter
  cargo test                              the app is ordinary Rust
  cargo skylark up -n 3                   three nodes on this machine, the app on each
  cargo skylark invoke greet '\"Ada\"'      (in another terminal) result and timeline

Exit codes:
  0  done
  1  what was asked about has errors: check found some, a build or an invocation failed
  2  the command was not understood
  3  something is missing around it: the wasm target, the node's program, a running node";

/// Stateful serverless functions from ordinary Rust.
#[derive(Debug, Parser)]
#[command(
    name = "cargo-skylark",
    bin_name = "cargo skylark",
    version,
    after_help = EXAMPLES,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Drops the word that cargo adds when it is asked for `cargo skylark …`.
pub fn arguments(all: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = all.into_iter().collect();
    if all.get(1).is_some_and(|word| word == "skylark") {
        all.remove(1);
    }
    all
}

fn policies() -> PossibleValuesParser {
    PossibleValuesParser::new(Policy::ALL.map(Policy::as_str))
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Print results and errors as JSON.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// When to colour: auto, always or never.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new app that builds, tests and runs.
    New(New),
    /// Make an annotated app of an ordinary service.
    Lift(Lift),
    /// Show what the annotations become.
    Expand(Expand),
    /// Write the app as a crate in which every annotation is expanded.
    Emit(Emit),
    /// Look at the whole app and report what is wrong with it.
    Check(Check),
    /// Mend what `check` finds and can mend with certainty; shows a diff first.
    Fix(Fix),
    /// Tell what a function costs, line by line, and why; or what a code means.
    Explain(Explain),
    /// Draw the app's functions, successors and state.
    Graph(Graph),
    /// Build the app into a small wasm module and show its schema.
    Build(Build),
    /// Start nodes on this machine and deploy the app to them.
    Up(Up),
    /// Send a module to running nodes.
    Deploy(Deploy),
    /// Call a function; show its result and where the time went.
    Invoke(Invoke),
    /// Look at stored state.
    #[command(subcommand)]
    State(State),
    /// Show a run, or those that failed; try one again, or cancel it.
    Runs(Runs),
    /// Complete what a run waits for from outside.
    #[command(subcommand)]
    Promise(Promise),
    /// Look at running nodes.
    #[command(subcommand)]
    Node(Node),
}

/// Which crate is meant.
#[derive(Debug, Clone, Default, Args)]
pub struct Project {
    /// The app's package, in a workspace of several.
    #[arg(short, long, value_name = "NAME")]
    pub package: Option<String>,
    /// Path to Cargo.toml.
    #[arg(long, value_name = "FILE")]
    pub manifest_path: Option<PathBuf>,
}

/// Which nodes are meant.
#[derive(Debug, Clone, Default, Args)]
pub struct Nodes {
    /// A node, by its name or URL; of those that `cargo skylark up` runs for
    /// this directory if absent.
    #[arg(long, value_name = "NAME|URL")]
    pub node: Vec<String>,
    /// File with the nodes' access token.
    #[arg(long, value_name = "FILE", env = "SKYLARK_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}

/// `new`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cargo skylark new greeter
  cd greeter && cargo test && cargo skylark build")]
pub struct New {
    /// The app's directory; its last part is the app's name.
    pub path: PathBuf,
    /// Take Skylark from this checkout rather than where this command was built from.
    #[arg(long, value_name = "DIR")]
    pub path_to_skylark: Option<PathBuf>,
}

/// `lift`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark lift                      what would change, and what is asked
  cargo skylark lift shop --out shop-app  writes the annotated crate beside it
  cargo skylark lift --apply              rewrites this crate; its files must be committed

It reads handlers of axum routers, and of services whose interface Thrift generates.
Shared state and globals become `#[skylark::state]`, handlers become functions that take
plain arguments, and calls of handlers are awaited. What it cannot decide stands in the
source as a comment: // skylark: …? Answer those, then run `cargo skylark check` and
`cargo test`.")]
pub struct Lift {
    /// The crate's directory.
    #[arg(value_name = "DIR", default_value = ".")]
    pub crate_dir: PathBuf,
    /// Write the annotated crate to this directory, which must not exist or be one that
    /// lift wrote before.
    #[arg(long, value_name = "DIR", conflicts_with = "apply")]
    pub out: Option<PathBuf>,
    /// Rewrite the crate itself.
    #[arg(long)]
    pub apply: bool,
    /// Give the app another name than the package has.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Take Skylark from this checkout rather than where this command was built from.
    #[arg(long, value_name = "DIR")]
    pub path_to_skylark: Option<PathBuf>,
}

/// `expand`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark expand                    the whole app
  cargo skylark expand src/detect.rs      one file
  cargo skylark expand --function detect  one function or state, by its Rust name")]
pub struct Expand {
    /// A source file; the whole app if absent.
    #[arg(conflicts_with = "function")]
    pub file: Option<PathBuf>,
    /// One annotated item, by its Rust name.
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `emit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark emit                      into target/skylark/emit/<app>
  cargo skylark emit --out ../expanded && cd ../expanded && cargo test

The crate builds and tests as the app does, without Skylark's macros. What you wrote stays
as it is, comments too; what an annotation makes stands below the item that it was on. It
still calls skylark-rt, which Cargo.toml names by its path from the new directory.

An annotation inside of a macro is seen by rustc alone: it stays, with a warning.")]
pub struct Emit {
    /// Where to; a directory that is empty, missing, or of an earlier `emit`.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark check                     errors end it with exit code 1
  cargo skylark check --deny-warnings     warnings do, too
  cargo skylark check --json | jq         one object per diagnostic
  cargo skylark check --only hash_iteration,SKY0007
  cargo skylark check --against old.wasm  would this code read what that module stored?
  cargo skylark check --against node1     the same for what a node runs

With `--against`, each state variable is `compatible`, `needs a migration` or `would lose data`;
the last two end it with exit code 1, and a node refuses such a module while it stores a value.

Skylark.toml, beside Cargo.toml, sets levels for the whole crate:
  [checks]
  unused_state = \"deny\"                  allow, note, warn or deny; by name or number
and `#[skylark::accept(unused_state)]` accepts what is found in one item.

rustc's own checks (types of successors, borrow checks) are those of `cargo check`.")]
pub struct Check {
    /// Warnings are errors.
    #[arg(long)]
    pub deny_warnings: bool,
    /// Compare the state with that of a module (a file), or of what a node (its
    /// name, or URL) runs.
    #[arg(long, value_name = "NODE|FILE")]
    pub against: Option<String>,
    /// The app's name on that node, if not the package's.
    #[arg(long, value_name = "NAME", requires = "against")]
    pub app: Option<String>,
    /// Show these checks alone, by name or number.
    #[arg(long, value_name = "CHECK,…", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Which functions to take for handlers: annotated, or all-pub, to look at a crate
    /// that is no app yet.
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "WHICH"
    )]
    pub as_handlers: AsHandlers,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// Which functions the checks take for handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AsHandlers {
    /// Those that are annotated.
    #[default]
    Annotated,
    /// Every public function and method.
    AllPub,
}

impl From<AsHandlers> for skylark_compiler::Handlers {
    fn from(which: AsHandlers) -> Self {
        match which {
            AsHandlers::Annotated => Self::Annotated,
            AsHandlers::AllPub => Self::AllPublic,
        }
    }
}

/// `fix`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark fix                       a diff; asks, on a terminal, whether to write it
  cargo skylark fix --apply               writes it
  cargo skylark fix > review.patch        for `git apply`

Only files that git could give back are written. What is mended is checked again.")]
pub struct Fix {
    /// Write the changes without asking.
    #[arg(long)]
    pub apply: bool,
    /// Change files with uncommitted changes, too, and those that git does not know.
    #[arg(long)]
    pub allow_dirty: bool,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark explain                   list the functions, with what they touch, and the codes
  cargo skylark explain reserve           what each line of `reserve` costs, and why
  cargo skylark explain Hotel-reserve --json
  cargo skylark explain SKY0007           what the code means, and what to do

The costs are those of one invocation without an idempotency key, as far as the source
shows; what it does not show is said.")]
pub struct Explain {
    /// A function, by its Rust name or the one that it has for callers, or a code.
    #[arg(value_name = "FUNCTION|CODE")]
    pub what: Option<String>,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// A form of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GraphFormat {
    /// Mermaid, as Markdown viewers draw it.
    #[default]
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// For programs.
    Json,
}

/// `graph`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo skylark graph                     Mermaid on standard output
  cargo skylark graph --format svg -o docs/app.svg
  cargo skylark graph --diff main         what is other here than on main, a line each
  cargo skylark graph --diff HEAD~1 --format svg -o changed.svg

An edge says what a function does: its result goes to another, it calls one, it reads or
writes a state. A form that is compared shows both graphs in one, what is added in green,
what is gone in red, what is changed in yellow.")]
pub struct Graph {
    /// The form: mermaid, dot, svg or json; JSON with `--json`.
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<GraphFormat>,
    /// Compare with the sources of this git revision, without touching the working tree.
    #[arg(long, value_name = "REV")]
    pub diff: Option<String>,
    /// Write to this file.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

/// `build`
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cargo skylark build                     target/skylark/<app>.wasm
  cargo skylark build --out app.wasm
  cargo skylark build --debug             quick to build, large, with names

What it adds to `cargo build --target wasm32-wasip1 --release`, whose module can be
deployed as it is: it finds the target's toolchain, makes the module smaller (with
wasm-opt, if that is on the PATH), and shows the schema.")]
pub struct Build {
    /// Build without optimisation and keep debug information.
    #[arg(long)]
    pub debug: bool,
    /// Where to write the module.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Do not use wasm-opt even if it is there.
    #[arg(long)]
    pub no_wasm_opt: bool,
    /// Which crate.
    #[command(flatten)]
    pub project: Project,
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cargo_and_the_program_itself_call_alike() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let check = |line: &str, wanted: &str| assert_eq!(arguments(words(line)), words(wanted));
        check("cargo-skylark skylark up -n 2", "cargo-skylark up -n 2");
        check("cargo-skylark up -n 2", "cargo-skylark up -n 2");
        check("cargo-skylark new skylark", "cargo-skylark new skylark");
    }
}
