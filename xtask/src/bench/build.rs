//! What annotations cost whoever builds: an app of two hundred functions beside
//! the same source without them, and the command's check of a large one.

mod source;

use crate::process;
use anyhow::{Context as _, Result};
use cargo_skylark::output::Output;
use source::{App, Flavour};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Modules of twenty functions each.
const MODULES: usize = 10;
/// Lines of the large app, at least.
const LINES: usize = 50_000;
/// How often each is measured, in turn.
const ROUNDS: usize = 3;

/// What is built, and how.
#[derive(Clone, Copy)]
enum Act {
    /// Everything anew, dependencies apart.
    Check,
    /// After a change of one line in one function.
    Recheck,
    /// The same, to a module.
    Rebuild,
}

impl Act {
    const ALL: [Self; 3] = [Self::Check, Self::Recheck, Self::Rebuild];

    const fn title(self) -> &'static str {
        match self {
            Self::Check => "`cargo check`, the crate anew",
            Self::Recheck => "`cargo check` after one line",
            Self::Rebuild => "`cargo build --target wasm32-wasip1` after one line",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Check | Self::Recheck => &["check"],
            Self::Rebuild => &["build", "--target", "wasm32-wasip1"],
        }
    }
}

/// Measures both, and says so in Markdown.
///
/// # Errors
/// Something does not build.
pub(super) fn measure(output: &Output) -> Result<String> {
    let directory = process::target_dir()?.join("bench-build");
    let small = [Flavour::Annotated, Flavour::Plain]
        .map(|flavour| App::new(&directory, flavour, MODULES))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut page = format!(
        "### Two hundred functions\n\n{} lines in {MODULES} modules, with state, keys, a service, chains and awaited \
         calls, beside the same source with the annotations taken out and calls made directly; development profile, \
         dependencies built before. Medians of {ROUNDS} rounds in turn.\n\n\
         | what | annotated | unannotated | ratio |\n| --- | --- | --- | --- |\n",
        small[0].lines
    );
    for app in &small {
        // Dependencies, and what is incremental, come from here.
        for act in Act::ALL {
            act.run(app, &directory)?;
        }
    }
    for act in Act::ALL {
        output.status("Measuring", act.title());
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            for (app, times) in small.iter().zip(&mut times) {
                match act {
                    Act::Check => forget(app, &directory)?,
                    Act::Recheck | Act::Rebuild => app.edit(round)?,
                }
                times.push(act.run(app, &directory)?);
            }
        }
        page += &compared(act.title(), times.map(median));
    }
    output.status("Measuring", "macro expansion");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (app, times) in small.iter().zip(&mut times) {
            times.push(expansion(app, &directory)?);
        }
    }
    page += &compared(
        "of a check anew: rustc's `macro_expand_crate` (`-Ztime-passes`), derives included",
        times.map(median),
    );
    page += &large(&directory, &small[0], output)?;
    Ok(page)
}

impl Act {
    fn run(self, app: &App, directory: &Path) -> Result<Duration> {
        timed(
            process::cargo()
                .current_dir(&app.path)
                .args(self.arguments())
                .args(shared(directory)),
        )
    }
}

/// One target folder for all, so that dependencies are built once; what cargo
/// would fetch is in the workspace's lock file.
fn shared(directory: &Path) -> [PathBuf; 4] {
    [
        "--quiet".into(),
        "--offline".into(),
        "--target-dir".into(),
        directory.join("target"),
    ]
}

/// Removes what was built of the app, and only that.
fn forget(app: &App, directory: &Path) -> Result<()> {
    process::capture(
        process::cargo()
            .current_dir(&app.path)
            .args(["clean", "-p", app.flavour.package()])
            .args(shared(directory)),
    )
    .map(drop)
}

/// How long rustc says that it expanded macros.
fn expansion(app: &App, directory: &Path) -> Result<Duration> {
    const PASS: &str = "\tmacro_expand_crate";
    app.touch()?;
    let mut command = process::cargo();
    command
        .current_dir(&app.path)
        // What rustc tells of its passes it tells to its own developers.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["rustc", "--profile", "check", "--offline", "--target-dir"])
        .arg(directory.join("target-passes"))
        .args(["--", "-Ztime-passes"]);
    let done = command.output().context("cannot start cargo")?;
    let told = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    told.lines()
        .find(|line| line.ends_with(PASS))
        .and_then(|line| {
            line.split_whitespace()
                .nth(1)?
                .trim_end_matches(';')
                .parse()
                .ok()
        })
        .map(Duration::from_secs_f64)
        .with_context(|| format!("rustc tells nothing of{PASS}: {}", told.trim()))
}

/// The command's own check, of the small app and of a large one.
fn large(directory: &Path, small: &App, output: &Output) -> Result<String> {
    process::run(
        process::cargo().args(["build", "--quiet", "--release", "-p", "cargo-skylark"]),
        output,
    )?;
    let command = process::target_dir()?.join("release/cargo-skylark");
    let modules = LINES.div_ceil(small.lines / MODULES);
    let large = App::new(&directory.join("large"), Flavour::Annotated, modules)?;
    let mut page = format!(
        "\n### The whole crate, checked\n\n`cargo skylark check` (release build), the whole process with cargo's own \
         `metadata`: every source read, every function followed, every check. Medians of {ROUNDS}.\n\n\
         | lines | functions | s | lines a second |\n| --- | --- | --- | --- |\n"
    );
    for app in [small, &large] {
        output.status(
            "Measuring",
            &format!("cargo skylark check, {} lines", app.lines),
        );
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let mut check = Command::new(&command);
            check.current_dir(&app.path).args(["skylark", "check"]);
            times.push(timed(&mut check)?);
        }
        let seconds = median(times).as_secs_f64();
        page += &format!(
            "| {} | {} | {seconds:.2} | {:.0} |\n",
            app.lines,
            app.functions(),
            app.lines as f64 / seconds
        );
    }
    Ok(page)
}

/// Runs it, and tells how long it took.
fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    process::capture(command)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn compared(title: &str, [annotated, plain]: [Duration; 2]) -> String {
    let [annotated, plain] = [annotated, plain].map(|time| time.as_secs_f64());
    format!(
        "| {title} | {annotated:.2} s | {plain:.2} s | {:.2} |\n",
        annotated / plain
    )
}
