//! One file per command: what it asks, and what it prints.

mod against;
mod build;
mod check;
mod deploy;
mod emit;
mod expand;
mod explain;
mod fix;
mod graph;
mod invoke;
mod lift;
mod new;
mod node;
mod promise;
mod runs;
mod state;
mod up;

use crate::{
    cli::{Command, Node, Promise, State},
    output::Output,
};
use anyhow::Result;

/// Runs a command.
///
/// # Errors
/// It could not be done; [`crate::error::Exit::of`] gives the exit code.
pub async fn run(command: Command, output: &Output) -> Result<()> {
    match command {
        Command::New(args) => new::run(&args, output),
        Command::Lift(args) => lift::run(&args, output),
        Command::Expand(args) => expand::run(&args, output),
        Command::Emit(args) => emit::run(&args, output),
        Command::Check(args) => match &args.against {
            Some(against) => against::run(&args, against, output).await,
            None => check::run(&args, output),
        },
        Command::Fix(args) => fix::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Graph(args) => graph::run(&args, output),
        Command::Build(args) => build::run(&args, output),
        Command::Up(args) => up::run(&args, output).await,
        Command::Deploy(args) => deploy::run(&args, output).await,
        Command::Invoke(args) => invoke::run(&args, output).await,
        Command::State(State::Ls(args)) => state::ls(&args, output).await,
        Command::State(State::Get(args)) => state::get(&args, output).await,
        Command::State(State::Entries(args)) => state::entries(&args, output).await,
        Command::Runs(args) => runs::run(&args, output).await,
        Command::Promise(Promise::Complete(args)) => promise::complete(&args, output).await,
        Command::Promise(Promise::Fail(args)) => promise::fail(&args, output).await,
        Command::Node(Node::Ls(args)) => node::ls(&args, output).await,
    }
}
