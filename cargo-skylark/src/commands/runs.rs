//! `cargo skylark runs`

use crate::{
    cli::Runs,
    client::{Reach, RunView},
    output::{Output, pretty_json},
    timeline,
};
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// Between two looks at a run that is waited for; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &Runs, output: &Output) -> Result<()> {
    let reach = Reach::find(&args.nodes)?;
    let (node, mut run) = find(&reach, &args.id).await?;
    let mut pause = FIRST_PAUSE;
    while args.wait && run.is_running() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        run = reach.client.run(&node, &args.id).await?;
    }
    output.result(&run, show)?;
    if args.wait
        && let Some(failure) = run.error
    {
        bail!("run {} failed: {failure}", run.id);
    }
    Ok(())
}

/// Asks the nodes in turn: the one that accepted a run remembers it.
async fn find(reach: &Reach, id: &str) -> Result<(String, RunView)> {
    let mut last = None;
    for node in &reach.nodes {
        match reach.client.run(&node.url, id).await {
            Ok(run) => return Ok((node.url.clone(), run)),
            Err(error) if error.is_not_found() => last = Some(error),
            Err(error) => last = Some(last.unwrap_or(error)),
        }
    }
    let error = last.context("no node is known")?;
    Err(anyhow::Error::new(error).context(format!("none of the nodes has run `{id}`")))
}

fn show(run: &RunView) -> String {
    let mut text = format!("{}: {}/{} {}", run.id, run.app, run.function, run.status);
    if let Some(failure) = &run.error {
        text.push_str(&format!("\n{failure}"));
    }
    if run.result.is_some() {
        text.push_str(&format!("\n{}", pretty_json(run.result_text())));
    }
    let timeline = timeline::render(&run.tasks);
    if !timeline.is_empty() {
        text.push_str(&format!("\n\n{timeline}"));
    }
    text
}
