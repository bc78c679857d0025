//! `cargo skylark promise`

use super::invoke::input;
use crate::{
    cli::{Nodes, PromiseComplete, PromiseFail},
    client::{ClientError, Reach},
    error::usage,
    output::Output,
};
use anyhow::{Context as _, Result};
use serde::Serialize;

pub(super) async fn complete(args: &PromiseComplete, output: &Output) -> Result<()> {
    let value = input(args.value.as_deref())?;
    settle(&args.nodes, &args.id, Ok(value), output).await
}

pub(super) async fn fail(args: &PromiseFail, output: &Output) -> Result<()> {
    settle(&args.nodes, &args.id, Err(&args.why), output).await
}

/// What was settled, and the nodes that have it.
#[derive(Debug, Serialize)]
struct Settled<'a> {
    id: &'a str,
    nodes: Vec<&'a str>,
}

/// Settles a promise on every node that has its app: which of them the run waits
/// on is theirs to know, and those that share a store take the same value twice.
async fn settle(
    nodes: &Nodes,
    id: &str,
    value: Result<Vec<u8>, &str>,
    output: &Output,
) -> Result<()> {
    check_id(id)?;
    let reach = Reach::find(nodes)?;
    let mut settled = Vec::new();
    let mut missing = None;
    for node in &reach.nodes {
        match reach.client.complete(&node.url, id, value.clone()).await {
            Ok(()) => settled.push(node.name.as_str()),
            Err(error) if error.is_not_found() => missing = Some(error),
            Err(error) => return Err(failed(error, &node.name, &settled)),
        }
    }
    match (settled.as_slice(), missing) {
        ([], Some(missing)) => {
            Err(anyhow::Error::new(missing).context("none of the nodes has the promise's app"))
        }
        _ => output.result(&Settled { id, nodes: settled }, |settled| {
            format!("{} on {}", settled.id, settled.nodes.join(", "))
        }),
    }
}

fn failed(error: ClientError, node: &str, settled: &[&str]) -> anyhow::Error {
    let so_far = match settled {
        [] => String::new(),
        settled => format!(
            " (it is settled on {}; the same command again is safe)",
            settled.join(", ")
        ),
    };
    anyhow::Error::new(error).context(format!(
        "node `{node}` did not take the promise's value{so_far}"
    ))
}

/// A run's id alone is by far the most frequent slip.
fn check_id(id: &str) -> Result<()> {
    match id.split_once('~') {
        Some((run, name)) if run.contains('.') && !name.is_empty() => Ok(()),
        _ => Err(usage(format!(
            "`{id}` is no promise's id: write the run's id, `~` and the promise's name, as in '{}~approval'",
            if id.contains('.') { id.trim_end_matches('~') } else { "shop.0192f…" }
        )))
        .context("nothing was sent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_a_run_and_a_promise() {
        let check = |id: &str, wanted: Option<&str>| match (check_id(id), wanted) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => {
                let text = format!("{error:#}");
                assert!(text.contains(part), "{id}: {text}");
            }
            (got, wanted) => panic!("{id}: {got:?}, not {wanted:?}"),
        };
        check("shop.0192f~approval", None);
        check("my-app.0192f~a~b", None);
        check("shop.0192f", Some("as in 'shop.0192f~approval'"));
        check("shop.0192f~", Some("as in 'shop.0192f~approval'"));
        check("approval", Some("as in 'shop.0192f…~approval'"));
        check("", Some("is no promise's id"));
    }
}
