//! `cargo skylark invoke`

use crate::{
    cli::Invoke,
    client::{ClientError, InvokeOptions, Reach},
    error::{environment, usage},
    output::{Output, pretty_json},
    timeline,
};
use anyhow::{Context as _, Result};
use serde::de::IgnoredAny;
use std::io::{IsTerminal as _, Read as _};

pub(super) async fn run(args: &Invoke, output: &Output) -> Result<()> {
    let input = match args.raw {
        true => bytes(args.input.as_deref())?.0,
        false => input(args.input.as_deref())?,
    };
    let reach = Reach::find(&args.nodes)?;
    let (app, function) = match args.function.split_once('/') {
        Some((app, function)) => (app.to_owned(), function),
        None => (
            reach.app_of(Some(&args.function)).await?,
            args.function.as_str(),
        ),
    };
    let options = InvokeOptions {
        key: args.key.clone(),
        policy: args.policy.clone(),
        raw: args.raw,
    };
    let (node, client) = (reach.first(), &reach.client);
    if args.asynchronous {
        let accepted = client
            .submit(&node.url, &app, function, input, &options)
            .await
            .with_context(|| format!("`{app}/{function}` was not accepted"))?;
        output.result(&accepted, |accepted| accepted.id.clone())?;
        output.aside(&format!(
            "cargo skylark runs {} --wait   shows its result",
            accepted.id
        ));
        return Ok(());
    }
    if args.raw && !output.json() {
        let posted = client
            .post(&node.url, &app, function, input, &options)
            .await;
        let result = posted.map_err(|error| failed(error, &app, function))?;
        return Ok(output.bytes(&result)?);
    }
    let show_timeline = args.timeline || std::io::stderr().is_terminal();
    match client
        .invoke(&node.url, &app, function, input, &options)
        .await
    {
        Ok(invoked) => {
            output.result(&invoked, |invoked| pretty_json(invoked.run.result_text()))?;
            if invoked.replayed {
                output.aside("(recorded by an earlier call with this key; nothing ran now)");
            }
            if show_timeline {
                output.aside(&format!("\n{}", timeline::render(&invoked.run.tasks)));
            }
            Ok(())
        }
        Err(error) => {
            if show_timeline {
                let tasks = error.problem().map(|p| p.tasks()).unwrap_or_default();
                output.aside(&timeline::render(&tasks));
            }
            Err(failed(error, &app, function))
        }
    }
}

fn failed(error: ClientError, app: &str, function: &str) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("`{app}/{function}` failed"))
}

/// The input, and where it is from.
fn bytes(given: Option<&str>) -> Result<(Vec<u8>, String)> {
    Ok(match given {
        None => (Vec::new(), "the input".to_owned()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            (bytes, "standard input".to_owned())
        }
        Some(text) => match text.strip_prefix('@') {
            Some(file) => {
                let bytes = std::fs::read(file)
                    .map_err(|error| environment(format!("cannot read {file}: {error}")))?;
                (bytes, file.to_owned())
            }
            None => (text.as_bytes().to_vec(), "the input".to_owned()),
        },
    })
}

/// The input's bytes, which are JSON or nothing.
pub(super) fn input(given: Option<&str>) -> Result<Vec<u8>> {
    let (bytes, from) = bytes(given)?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_slice::<IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let hint = match given {
                // By far the most frequent: a string without its quotes.
                Some(text) if !text.starts_with(['@', '-', '{', '[', '"']) => {
                    format!("; a string needs its quotes: '\"{text}\"'")
                }
                _ => String::new(),
            };
            Err(usage(format!("{from} is not JSON: {error}{hint}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_json_or_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("in.json");
        std::fs::write(&file, "{\"a\": 1}\n").unwrap();
        let at = format!("@{}", file.display());
        let check = |given: Option<&str>, wanted: Result<&str, &str>| match (input(given), wanted) {
            (Ok(got), Ok(wanted)) => assert_eq!(got, wanted.as_bytes(), "{given:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (got, wanted) => panic!("{given:?}: {got:?}, not {wanted:?}"),
        };
        check(None, Ok(""));
        check(Some("  "), Ok(""));
        check(Some("-7"), Ok("-7"));
        check(Some("[1, 2]"), Ok("[1, 2]"));
        check(Some(&at), Ok("{\"a\": 1}\n"));
        check(Some("@/missing"), Err("cannot read /missing"));
        check(Some("Ada"), Err("needs its quotes: '\"Ada\"'"));
        check(Some("{\"a\": }"), Err("line 1 column 7"));
        check(Some("1 2"), Err("is not JSON"));
    }
}
