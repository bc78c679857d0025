//! `cargo skylark runs`

use crate::{
    cli::{OneRun, Runs, RunsAction},
    client::{Client, ClientError, Node, Reach, RunView},
    output::{Output, pretty_json, table},
    timeline,
};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::time::{Duration, UNIX_EPOCH};

/// Between two looks at a run that is waited for; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &Runs, output: &Output) -> Result<()> {
    match (&args.action, &args.id) {
        (Some(RunsAction::Retry(run)), _) => retry(run, output).await,
        (Some(RunsAction::Cancel(run)), _) => cancel(run, output).await,
        (None, Some(id)) => one(args, id, output).await,
        (None, None) => failed(args, output).await,
    }
}

async fn one(args: &Runs, id: &str, output: &Output) -> Result<()> {
    let reach = Reach::find(&args.nodes)?;
    let (node, mut run) = first(&reach, id, Client::run).await?;
    let mut pause = FIRST_PAUSE;
    while args.wait && run.is_running() {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        run = reach.client.run(&node.url, id).await?;
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
async fn first<'a, T>(
    reach: &'a Reach,
    id: &str,
    ask: impl AsyncFn(&Client, &str, &str) -> Result<T, ClientError>,
) -> Result<(&'a Node, T)> {
    // What says most: a node that has the run, then one that does not answer.
    let mut refused = None;
    let mut silent = None;
    let mut unknown = None;
    for node in &reach.nodes {
        match ask(&reach.client, &node.url, id).await {
            Ok(answer) => return Ok((node, answer)),
            Err(error) if error.is_not_found() => {
                unknown.get_or_insert(error);
            }
            Err(error) if error.problem().is_some() => {
                refused.get_or_insert((node, error));
            }
            Err(error) => {
                silent.get_or_insert(error);
            }
        }
    }
    if let Some((node, error)) = refused {
        return Err(error).with_context(|| format!("node `{}` refused", node.name));
    }
    let what = match silent {
        Some(_) => format!("no node that answers has run `{id}`"),
        None => format!(
            "none of the nodes has run `{id}`; `cargo skylark runs --failed` lists those that failed"
        ),
    };
    let error = silent.or(unknown).context("no node is known")?;
    Err(anyhow::Error::new(error).context(what))
}

/// What was done to a run, and where.
#[derive(Debug, Serialize)]
struct Done<'a> {
    id: &'a str,
    node: &'a str,
    done: &'static str,
}

async fn retry(run: &OneRun, output: &Output) -> Result<()> {
    let reach = Reach::find(&run.nodes)?;
    let (node, ()) = first(&reach, &run.id, Client::retry).await?;
    done(&run.id, node, "runs again", output)?;
    output.aside(&format!(
        "cargo skylark runs {} --wait   shows its result",
        run.id
    ));
    Ok(())
}

async fn cancel(run: &OneRun, output: &Output) -> Result<()> {
    let reach = Reach::find(&run.nodes)?;
    let (node, ()) = first(&reach, &run.id, Client::cancel).await?;
    done(&run.id, node, "cancelled", output)
}

fn done(id: &str, node: &Node, done: &'static str, output: &Output) -> Result<()> {
    let node = node.name.as_str();
    output.result(&Done { id, node, done }, |done| {
        format!("{}: {}", done.id, done.done)
    })
}

/// A failed run, and the nodes that show it: nodes that share a store all do.
#[derive(Debug, Serialize)]
struct Failed {
    nodes: Vec<String>,
    #[serde(flatten)]
    run: RunView,
}

async fn failed(args: &Runs, output: &Output) -> Result<()> {
    let reach = Reach::find(&args.nodes)?;
    let app = reach.app(args.app.as_deref()).await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut all: Vec<Failed> = Vec::new();
    let mut cut = false;
    for node in &reach.nodes {
        let runs = reach.client.failed(&node.url, &app, limit).await;
        let (runs, more) = runs.with_context(|| format!("node `{}`", node.name))?;
        cut |= more;
        for run in runs {
            match all.iter_mut().find(|failed| failed.run.id == run.id) {
                Some(failed) => failed.nodes.push(node.name.clone()),
                None => all.push(Failed {
                    nodes: vec![node.name.clone()],
                    run,
                }),
            }
        }
    }
    all.sort_by(|a, b| {
        (a.run.accepted_unix_us, &a.run.id).cmp(&(b.run.accepted_unix_us, &b.run.id))
    });
    output.result(&all, |all| match all.as_slice() {
        [] => format!("no failed run of `{app}` is kept"),
        all => list(all),
    })?;
    if cut {
        output.aside(&format!("there may be more than {limit} (`--limit`)"));
    }
    if !all.is_empty() {
        output.aside("cargo skylark runs retry ID   executes what failed once more");
    }
    Ok(())
}

fn list(all: &[Failed]) -> String {
    table(
        ["RUN", "FUNCTION", "ACCEPTED", "ERROR"],
        all.iter().map(|Failed { run, .. }| {
            [
                run.id.clone(),
                run.function.clone(),
                time(run.accepted_unix_us),
                run.error
                    .as_ref()
                    .map(|e| short(&e.to_string()))
                    .unwrap_or_default(),
            ]
        }),
    )
}

/// The last moment of the year 9999: four digits are what the form has.
const LAST: u64 = 253_402_300_799_000_000;

/// `2023-11-14T22:13:20Z`
fn time(unix_us: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_micros(unix_us.min(LAST));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Characters of an error in a table.
const SHORT: usize = 72;

/// The first line of an error, as far as it fits.
fn short(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(SHORT).collect();
    if short.len() < error.len() {
        short.push('…');
    }
    short
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_runs_are_listed() {
        let run = |id: &str, accepted: u64, message: &str| Failed {
            nodes: vec!["edge1".into()],
            run: serde_json::from_value(serde_json::json!({
                "id": id, "app": "shop", "function": "order", "status": "failed",
                "error": {"kind": "trap", "message": message},
                "accepted_unix_us": accepted, "tasks": [],
            }))
            .unwrap(),
        };
        let all = [
            run("shop.0192f", 1_700_000_000_000_000, "out of paper"),
            run("shop.0192e", 1_700_000_060_999_999, "two\nlines"),
        ];
        assert_eq!(
            list(&all),
            "RUN         FUNCTION  ACCEPTED              ERROR\n\
             shop.0192f  order     2023-11-14T22:13:20Z  out of paper\n\
             shop.0192e  order     2023-11-14T22:14:20Z  two…"
        );
        assert_eq!(time(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(short(&"ä".repeat(100)).chars().count(), SHORT + 1);
    }
}
