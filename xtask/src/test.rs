//! Everything that must hold, as CI checks it.

use crate::{demo, process, redis_server::RedisServer, setup, torture};
use anyhow::{Result, bail};
use cargo_skylark::{
    app::{
        build::{self, BuildOptions},
        project::Project,
    },
    cli,
    output::{self, Output, micros},
};
use clap::{Args, ValueEnum};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Which steps.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Only these steps, in this order; all of them if none is named.
    #[arg(value_enum, value_name = "STEP")]
    steps: Vec<Step>,
}

/// A step, in the order in which they are done: what fails soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The wasm target and Redis are there.
    Setup,
    /// The sources are formatted.
    Fmt,
    /// Licences, sources and banned crates, where cargo-deny is at hand.
    Deny,
    /// Clippy has nothing to say.
    Clippy,
    /// The examples build into modules with a sound schema.
    Guests,
    /// Unit, UI, conformance and end-to-end tests; builds the programs that
    /// they and the demo start.
    Tests,
    /// The examples in the documentation.
    Doctests,
    /// The demo, on the embedded store.
    Demo,
    /// The demo, on a Redis of its own.
    DemoRedis,
    /// The short torture: nodes killed and stopped under load, on both kinds
    /// of store, and one that stays away.
    Torture,
}

/// How a step ended.
enum Done {
    Passed,
    /// It could not be done here, and why; it does not fail the whole.
    Skipped(String),
}

/// Does the steps, all of them even if one fails, and sums up.
///
/// # Errors
/// A step failed; the error names it.
pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    let steps = match options.steps.as_slice() {
        [] => Step::value_variants(),
        some => some,
    };
    let began = Instant::now();
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    let mut built = false;
    for step in steps {
        output.status("Step", step.name());
        let start = Instant::now();
        let result = match step.run(built, output) {
            Ok(Done::Passed) => {
                built |= *step == Step::Tests;
                "passed".to_owned()
            }
            Ok(Done::Skipped(why)) => format!("skipped: {why}"),
            Err(error) => {
                output.error(&error.context(format!("step `{}` failed", step.name())));
                failed.push(step.name());
                "FAILED".to_owned()
            }
        };
        rows.push([step.name().to_owned(), elapsed(start), result]);
    }
    rows.push(["all".to_owned(), elapsed(began), String::new()]);
    output.text(&format!(
        "\n{}",
        output::table(["STEP", "TIME", "RESULT"], rows)
    ));
    if !failed.is_empty() {
        bail!(
            "failed: {}; do one again with `cargo xtask test {}`",
            failed.join(", "),
            failed[0]
        );
    }
    Ok(())
}

fn elapsed(since: Instant) -> String {
    micros(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX))
}

impl Step {
    /// As it is named on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Fmt => "fmt",
            Self::Deny => "deny",
            Self::Clippy => "clippy",
            Self::Guests => "guests",
            Self::Tests => "tests",
            Self::Doctests => "doctests",
            Self::Demo => "demo",
            Self::DemoRedis => "demo-redis",
            Self::Torture => "torture",
        }
    }

    /// Does it. `built` says that the tests have built all programs in this run.
    fn run(self, built: bool, output: &Output) -> Result<Done> {
        let cargo = |arguments: &[&str]| process::run(process::cargo().args(arguments), output);
        match self {
            Self::Setup => setup::everything(output)?,
            Self::Fmt => cargo(&["fmt", "--all", "--check"])?,
            Self::Deny => return deny(output),
            Self::Clippy => {
                cargo(&[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ])?;
            }
            Self::Guests => guests(output)?,
            Self::Tests => tests(output)?,
            Self::Doctests => cargo(&["test", "--workspace", "--doc"])?,
            Self::Demo => show("embedded", "demo", built, output)?,
            Self::DemoRedis => {
                let redis = RedisServer::start(&setup::redis(output)?)?;
                show(&redis.url(), "demo-redis", built, output)?;
            }
            Self::Torture => torture(built, output)?,
        }
        Ok(Done::Passed)
    }
}

/// Whether cargo has this subcommand.
fn has(subcommand: &str) -> bool {
    process::capture(process::cargo().args([subcommand, "--version"])).is_ok()
}

fn deny(output: &Output) -> Result<Done> {
    if !has("deny") {
        return Ok(Done::Skipped(
            "cargo-deny is not installed (`cargo install cargo-deny`)".into(),
        ));
    }
    // Not advisories: their database cannot be fetched everywhere.
    let checks = [
        "deny",
        "--all-features",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    process::run(process::cargo().args(checks), output)?;
    Ok(Done::Passed)
}

/// The examples whose modules the tests run.
const GUESTS: [&str; 13] = [
    "firealarm",
    "hashchain",
    "counter",
    "bank",
    "travel",
    "media",
    "expenses",
    "shop",
    "boxoffice-app",
    "social",
    "textservice-app",
    "plant",
    "relay",
];

fn guests(output: &Output) -> Result<()> {
    for package in GUESTS {
        let package = cli::Project {
            package: Some(package.into()),
            manifest_path: None,
        };
        let project = Project::find_in(process::root(), &package)?;
        build::build(&project, &BuildOptions::default(), output)?;
    }
    Ok(())
}

fn tests(output: &Output) -> Result<()> {
    let arguments: &[&str] = if has("nextest") {
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        &[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]
    };
    // The life of an app starts nodes, as a user would. The one that is built
    // here for the node's own tests will do: built alone it would have other
    // features, and wasmtime would be built twice.
    let node = process::target_dir()?.join("debug/skylark-node");
    let mut command = process::cargo();
    command.args(arguments).env("SKYLARK_NODE", node);
    process::run(&mut command, output)
}

fn show(store: &str, out: &str, built: bool, output: &Output) -> Result<()> {
    demo::run(
        &demo::Options {
            store: store.to_owned(),
            out: process::target_dir()?.join(out),
            node: built_node(built)?,
            json: false,
        },
        output,
    )
}

/// The node's program, if the tests have built it in this run: they may give it
/// features that a build alone does not, and then cargo would build wasmtime
/// twice.
fn built_node(built: bool) -> Result<Option<PathBuf>> {
    let target = process::target_dir()?;
    Ok(built.then(|| target.join("debug/skylark-node")))
}

/// How long faults happen, over both clusters.
const TORTURE: Duration = Duration::from_secs(40);

fn torture(built: bool, output: &Output) -> Result<()> {
    torture::run(
        &torture::Options {
            duration: TORTURE.into(),
            takeover: true,
            node: built_node(built)?,
            ..torture::Options::default()
        },
        output,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_named_as_on_the_command_line() {
        for step in Step::value_variants() {
            let value = step.to_possible_value();
            assert_eq!(
                value.map(|v| v.get_name().to_owned()).as_deref(),
                Some(step.name())
            );
        }
    }
}
