//! What works on a crate.

use super::Project;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
