//! `cargo xtask`: the project's own tasks.

mod alarms;
mod bench;
mod demo;
mod process;
mod redis_server;
mod render;
mod setup;
mod test;
mod torture;

use cargo_skylark::error::Exit;
use cargo_skylark::output::{Color, Output};
use clap::Parser;

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Find or install what building and testing need: the wasm target, and Redis.
    Setup,
    /// Start three nodes, send four photographs, and show what happened.
    Demo(demo::Options),
    /// Check and test everything, as CI does.
    Test(test::Options),
    /// Kill real nodes under load, and check that everything took effect once.
    Torture(torture::Options),
    /// See what the checks say of published crates.
    Alarms(alarms::Options),
    /// Measure, side by side, and write docs/benchmarks.md.
    Bench(bench::Options),
}

fn main() -> Exit {
    let task = Task::parse();
    let json = match &task {
        Task::Demo(options) => options.json,
        Task::Torture(options) => options.json,
        _ => false,
    };
    let output = Output::new(json, Color::Auto);
    let done = match &task {
        Task::Setup => setup::everything(&output),
        Task::Demo(options) => demo::run(options, &output),
        Task::Test(options) => test::run(options, &output),
        Task::Torture(options) => torture::run(options, &output),
        Task::Alarms(options) => alarms::run(options, &output),
        Task::Bench(options) => bench::run(options, &output),
    };
    let Err(error) = done else {
        return Exit::Success;
    };
    output.error(&error);
    Exit::of(&error)
}
