//! The command line: what can be asked for, and the help that teaches it.

mod nodes;
mod runs;
mod source;

pub use nodes::{Deploy, Invoke, Node, State, StateEntries, StateGet, StateLs, Up};
pub use runs::{OneRun, Promise, PromiseComplete, PromiseFail, Runs, RunsAction};
pub use source::{
    AsHandlers, Build, Check, Emit, Expand, Explain, Fix, Graph, GraphFormat, Lift, New,
};

use crate::output::Color;
use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};
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
