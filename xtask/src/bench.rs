//! The figures, measured side by side, and the page that shows them.

use crate::{process, setup};
use anyhow::{Context, Result};
use cargo_skylark::{
    app::{
        build::{self, BuildOptions},
        project::Project,
    },
    cli,
    output::Output,
};
use clap::{Args, ValueEnum};
use std::{fmt::Write as _, fs, path::Path};

/// Which figures.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Only these; all of them if none is named. The page is written only
    /// when all are measured.
    #[arg(value_enum, value_name = "WHAT")]
    what: Vec<What>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Pooled calls beside the bare wasmtime crate.
    Engine,
    /// HTTP, counter, chain, start and sizes, on real processes.
    Node,
    /// Elections beside the published rule.
    Elect,
}

impl What {
    const fn title(self) -> &'static str {
        match self {
            Self::Engine => "Pooled instantiate, call, drop",
            Self::Node => "A node over HTTP",
            Self::Elect => "Election",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Engine => {
                "The same module in the bare wasmtime crate and in the node's engine, interleaved in one run. \
                 The floor instantiates from its pool, calls once and drops."
            }
            Self::Node => {
                "Release builds, each server a process of its own; the load generator shares the two cores with them. \
                 Medians over interleaved rounds. Every call of a function has an instance of its own."
            }
            Self::Elect => "The rule as published beside ours, on the published graphs.",
        }
    }

    const fn target(self) -> (&'static str, &'static str) {
        match self {
            Self::Engine => ("skylark-node", "engine"),
            Self::Node => ("skylark-node", "node"),
            Self::Elect => ("skylark-elect", "elect"),
        }
    }
}

/// The page that the tables go to.
const PAGE: &str = "docs/benchmarks.md";

/// Measures, prints, and writes [`PAGE`].
///
/// # Errors
/// A benchmark does not build or fails.
pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    setup::wasm_target(output)?;
    let what = match options.what.as_slice() {
        [] => What::value_variants(),
        some => some,
    };
    let guests = process::target_dir()?.join("guests");
    build_guests(&guests, output)?;
    let mut page = head()?;
    for what in what {
        let (package, bench) = what.target();
        let mut command = process::cargo();
        command
            .args(["bench", "--quiet", "-p", package, "--bench", bench])
            .env("SKYLARK_GUESTS", &guests);
        output.status(
            "Measuring",
            &format!(
                "{} (`cargo bench -p {package} --bench {bench}`)",
                what.title()
            ),
        );
        let tables = process::capture(&mut command)?;
        let section = format!(
            "\n## {}\n\n{}\n\n{}\n",
            what.title(),
            what.about(),
            tables.trim()
        );
        output.text(&section);
        page.push_str(&section);
    }
    if what.len() == What::value_variants().len() {
        let path = process::root().join(PAGE);
        fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
        output.status("Wrote", PAGE);
    }
    Ok(())
}

fn build_guests(directory: &Path, output: &Output) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    for package in ["counter", "hashchain", "firealarm"] {
        let chosen = cli::Project {
            package: Some(package.into()),
            manifest_path: None,
        };
        let project = Project::find_in(process::root(), &chosen)?;
        let options = BuildOptions {
            out: Some(directory.join(format!("{package}.wasm"))),
            ..BuildOptions::default()
        };
        build::build(&project, &options, output)?;
    }
    Ok(())
}

/// What was measured, and where.
fn head() -> Result<String> {
    let commit = process::capture(
        std::process::Command::new("git").args(["describe", "--always", "--dirty"]),
    )
    .unwrap_or_else(|_| "no commit".into());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("unknown processor", |l| {
            l.trim_start_matches([' ', '\t', ':'])
        });
    let mut page = String::from("# Benchmarks\n\n");
    writeln!(
        page,
        "Written by `cargo xtask bench` at commit {}, on {cores} cores ({cpu}). Machines are shared and noisy: \
         read the ratios, measured side by side in one run, rather than the absolute figures.",
        commit.trim()
    )?;
    Ok(page)
}
