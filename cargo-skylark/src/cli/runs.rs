//! Runs, and what they wait for from outside.

use super::Nodes;
use clap::{Args, Subcommand};

/// `runs`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  cargo skylark runs shop.0192f…          how it stands
  cargo skylark runs shop.0192f… --wait   once it has ended; exit code 1 if it failed
  cargo skylark runs --failed             those that failed, the oldest first
  cargo skylark runs retry shop.0192f…    what failed of it is executed once more
  cargo skylark runs cancel shop.0192f…   what of it has not begun will not

Listed are runs that are kept: asynchronous ones, those with an idempotency key, and
one-way calls; the caller of any other was told its failure, and that was all. Of a run
that failed on another node than it began on only the error is kept: send its input again."
)]
pub struct Runs {
    /// What to do to a run; it is shown if absent.
    #[command(subcommand)]
    pub action: Option<RunsAction>,
    /// The run's id.
    #[arg(required_unless_present = "failed")]
    pub id: Option<String>,
    /// Wait until it has ended.
    #[arg(long, conflicts_with = "failed")]
    pub wait: bool,
    /// List the runs that failed.
    #[arg(long, conflicts_with = "id")]
    pub failed: bool,
    /// The app whose failed runs are meant; not needed if the nodes run one only.
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    pub app: Option<String>,
    /// List at most so many of each node.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "id",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub limit: u32,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `runs retry` and `runs cancel`
#[derive(Debug, Subcommand)]
pub enum RunsAction {
    /// Execute what failed of a run once more; the run goes on from there.
    #[command(after_help = "\
Example:
  cargo skylark runs retry shop.0192f…
  cargo skylark runs shop.0192f… --wait   what comes of it

What ended before the function that failed stays done and is not done again. That function is executed
from its beginning: what it had committed at its waits stays, and what it had called is called anew.")]
    Retry(OneRun),
    /// End a run: what of it has not begun will not, what waits never goes on.
    #[command(after_help = "\
Example:
  cargo skylark runs cancel shop.0192f…

What the run has done stays done.")]
    Cancel(OneRun),
}

/// A run.
#[derive(Debug, Args)]
pub struct OneRun {
    /// The run's id.
    pub id: String,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `promise`
#[derive(Debug, Subcommand)]
pub enum Promise {
    /// Complete a promise with a value.
    #[command(after_help = "\
Examples:
  cargo skylark promise complete 'shop.0192f…~approval' '\"Ada\"'
  cargo skylark promise complete 'shop.0192f…~paid' @receipt.json
  cargo skylark promise complete 'shop.0192f…~ready'      a promise of `()`

The id is the run's, `~` and the promise's name: `skylark::promise(\"approval\").id()`.
The same value again changes nothing; another one is refused.")]
    Complete(PromiseComplete),
    /// Make a promise fail: who waits for it gets the reason as a failure.
    #[command(after_help = "\
Example:
  cargo skylark promise fail 'shop.0192f…~approval' 'no budget left'")]
    Fail(PromiseFail),
}

/// `promise complete`
#[derive(Debug, Args)]
pub struct PromiseComplete {
    /// The promise's id: `<run id>~<name>`.
    pub id: String,
    /// Its value: JSON, `@FILE`, or `-` for standard input; `null` if absent.
    #[arg(value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}

/// `promise fail`
#[derive(Debug, Args)]
pub struct PromiseFail {
    /// The promise's id: `<run id>~<name>`.
    pub id: String,
    /// The reason, in words.
    pub why: String,
    /// Which nodes.
    #[command(flatten)]
    pub nodes: Nodes,
}
