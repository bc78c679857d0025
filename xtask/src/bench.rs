//! The figures, measured side by side, and the page that shows them.

mod build;
mod restate;

use crate::{process, setup};
use anyhow::{Context, Result};
use cargo_skylark::{
    app::{
        build::{BuildOptions, build},
        project::Project,
    },
    cli,
    output::Output,
};
use clap::{Args, ValueEnum};
use std::{fs, path::Path};

/// Which figures.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Only these; all that need nothing but Skylark if none is named. Each
    /// goes into its section of the page, and leaves the others as they are.
    #[arg(value_enum, value_name = "WHAT")]
    what: Vec<What>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Pooled calls beside the bare wasmtime crate.
    Engine,
    /// HTTP, guarantees on and off, applications, saturation, start and sizes,
    /// on real processes.
    Node,
    /// The ways in which a function could wait.
    Waiting,
    /// Counter and chain beside Restate, whose server comes from npm and whose
    /// SDK from crates.io: only if named.
    Restate,
    /// Chains of one to five functions, fused and apart.
    Fusion,
    /// Elections beside the published rule.
    Elect,
    /// Fifty state variables of which a function touches three: what a build's hints save.
    Touches,
    /// What two hundred annotated functions cost whoever builds them, and the
    /// check of fifty thousand lines.
    Build,
}

impl What {
    const fn title(self) -> &'static str {
        match self {
            Self::Engine => "Pooled instantiate, call, drop",
            Self::Node => "A node over HTTP",
            Self::Waiting => "Waiting",
            Self::Restate => "Beside Restate",
            Self::Fusion => "Fusion",
            Self::Elect => "Election",
            Self::Touches => "Fetching what is touched",
            Self::Build => "Building",
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
            Self::Waiting => {
                "What a function that waits would cost: its instance kept, its changed pages saved, or \
                 the journal with which it is executed again. Bare wasmtime, a pooled instance for each call."
            }
            Self::Restate => {
                "Both durable on the same disk, in turn, under the same load generator. Needs npm and the network; \
                 `cargo xtask bench restate`."
            }
            Self::Touches => {
                "`examples/plant`: fifty state variables of 512 bytes or more, and a function that reads and writes \
                 three. One node, one caller; what is fetched is what the build has seen, what the node has learned, \
                 or everything."
            }
            Self::Fusion => {
                "Chains of one to five functions that hand on a value, or write a state, of 1 KB to 10 MB, on one node: \
                 with `--fuse auto` and `--fuse off`, two processes of one build, measured in turn."
            }
            Self::Elect => "The rule as published beside ours, on the published graphs.",
            Self::Build => {
                "Generated apps (`xtask/src/bench/build/module.txt`, as often as it takes), built and checked by cargo \
                 and by the command."
            }
        }
    }

    /// Package, benchmark, and the parts of it; none if it is measured from here.
    const fn target(self) -> Option<(&'static str, &'static str, &'static [&'static str])> {
        Some(match self {
            Self::Build => return None,
            Self::Engine => ("skylark-node", "engine", &[]),
            Self::Node => (
                "skylark-node",
                "node",
                &["http", "guarantees", "apps", "saturation", "start"],
            ),
            Self::Waiting => ("skylark-node", "waiting", &[]),
            Self::Restate => ("skylark-node", "node", &["restate"]),
            Self::Touches => ("skylark-node", "node", &["touches"]),
            Self::Fusion => ("skylark-node", "node", &["fusion"]),
            Self::Elect => ("skylark-elect", "elect", &[]),
        })
    }
}

/// The page that the tables go to.
const PAGE: &str = "docs/benchmarks.md";

/// Measures, prints, and writes what was measured into [`PAGE`].
///
/// # Errors
/// A benchmark does not build or fails.
pub(crate) fn run(options: &Options, output: &Output) -> Result<()> {
    setup::wasm_target(output)?;
    let what = match options.what.as_slice() {
        [] => &[
            What::Engine,
            What::Node,
            What::Touches,
            What::Waiting,
            What::Fusion,
            What::Elect,
            What::Build,
        ],
        some => some,
    };
    let guests = process::target_dir()?.join("guests");
    build_guests(&guests, output)?;
    // Before the page itself is a change.
    let commit = commit();
    let path = process::root().join(PAGE);
    let mut page = fs::read_to_string(&path).unwrap_or_else(|_| HEAD.to_owned());
    for what in what {
        let title = what.title();
        let before = load();
        let tables = match what.target() {
            Some((package, bench, parts)) => {
                output.status(
                    "Measuring",
                    &format!("{title} (`cargo bench -p {package} --bench {bench}`)"),
                );
                let mut command = process::cargo();
                command
                    .args(["bench", "--quiet", "-p", package, "--bench", bench, "--"])
                    .args(parts)
                    .env("SKYLARK_GUESTS", &guests);
                if *what == What::Restate {
                    let programs = restate::programs(output)?;
                    command
                        .env("RESTATE_SERVER", programs.server)
                        .env("RESTATE_SUBJECTS", programs.subjects);
                }
                process::capture(&mut command)?
            }
            None => build::measure(output)?,
        };
        let section = format!(
            "\n## {title}\n\n{}\n\n{}\n\n{}\n",
            what.about(),
            circumstances(&commit, &before),
            tables.trim()
        );
        output.text(&section);
        page = replaced(&page, title, &section);
        fs::write(&path, &page).with_context(|| format!("writing {}", path.display()))?;
        output.status("Wrote", PAGE);
    }
    Ok(())
}

/// The page with this section in place of the one of its title, or at its end.
fn replaced(page: &str, title: &str, section: &str) -> String {
    const NEXT: &str = "\n## ";
    let heading = format!("{NEXT}{title}\n");
    let Some(start) = page.find(&heading) else {
        return format!("{}\n{section}", page.trim_end());
    };
    let rest = &page[start + NEXT.len()..];
    let end = rest.find(NEXT).map_or("", |at| &rest[at..]);
    [&page[..start], section, end].concat()
}

fn build_guests(directory: &Path, output: &Output) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    for package in [
        "counter",
        "hashchain",
        "firealarm",
        "travel",
        "media",
        "bank",
        "expenses",
        "plant",
        "relay",
    ] {
        let chosen = cli::Project {
            package: Some(package.into()),
            manifest_path: None,
        };
        let project = Project::find_in(process::root(), &chosen)?;
        let options = BuildOptions {
            out: Some(directory.join(format!("{package}.wasm"))),
            ..BuildOptions::default()
        };
        build(&project, &options, output)?;
    }
    Ok(())
}

/// The beginning of a page that is not there yet.
const HEAD: &str = "# Benchmarks\n\n`cargo xtask bench` measures side by side in one run, on release builds, and \
    writes each section of this page. Machines are shared and noisy: read the ratios rather than the absolute \
    figures.\n";

/// Which build.
fn commit() -> String {
    process::capture(std::process::Command::new("git").args(["describe", "--always", "--dirty"]))
        .unwrap_or_else(|_| "no commit".into())
}

/// Which build, where, and how busy the machine was with other things.
fn circumstances(commit: &str, load_before: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("unknown processor", |l| {
            l.trim_start_matches([' ', '\t', ':'])
        });
    format!(
        "Commit {}, {cores} cores ({cpu}); load when it began {load_before}, at its end {}.",
        commit.trim(),
        load()
    )
}

/// The load of the last minute, as the system tells it.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_own_kind() {
        let check = |page: &str, want: &str| {
            assert_eq!(replaced(page, "B", "\n## B\n\nnew\n"), want);
        };
        check(
            "# T\n\n## A\n\na\n\n## B\n\nold\n\n### x\n\n## C\n\nc\n",
            "# T\n\n## A\n\na\n\n## B\n\nnew\n\n## C\n\nc\n",
        );
        check("# T\n\n## B\n\nold\n", "# T\n\n## B\n\nnew\n");
        check("# T\n\n## A\n\na\n", "# T\n\n## A\n\na\n\n## B\n\nnew\n");
    }
}
