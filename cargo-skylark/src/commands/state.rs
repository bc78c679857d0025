//! `cargo skylark state`

use crate::{
    cli::{StateEntries, StateGet, StateLs},
    client::{EntriesPage, Node, Reach, StateView},
    output::{Output, bytes, pretty_json, table},
};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;

/// A stored variable, and the nodes that show the very same: nodes that share a
/// store all do.
#[derive(Debug, Serialize)]
struct Found {
    nodes: Vec<String>,
    #[serde(flatten)]
    state: StateView,
}

pub(super) async fn ls(args: &StateLs, output: &Output) -> Result<()> {
    let (reach, app) = reach(&args.nodes, args.app.as_deref()).await?;
    let mut all = Vec::new();
    for node in &reach.nodes {
        let states = reach.client.states(&node.url, &app).await;
        let states = states.with_context(|| format!("node `{}`", node.name))?;
        for state in states {
            add(&mut all, node, state);
        }
    }
    all.sort_by(|a, b| {
        (&a.state.bundle, &a.state.name, &a.nodes).cmp(&(&b.state.bundle, &b.state.name, &b.nodes))
    });
    output.result(&all, |all| match all.as_slice() {
        [] => format!("nothing is stored for `{app}`"),
        all => table(
            [
                "STATE", "BUNDLE", "NODE", "VERSION", "BYTES", "TYPE", "VALUE",
            ],
            all.iter().map(|found| {
                let state = &found.state;
                [
                    state.name.clone(),
                    state.bundle.clone(),
                    found.nodes.join(", "),
                    state.version.to_string(),
                    bytes(state.bytes),
                    state.ty.clone().unwrap_or_else(|| "not declared".into()),
                    short(state),
                ]
            }),
        ),
    })
}

pub(super) async fn get(args: &StateGet, output: &Output) -> Result<()> {
    let (reach, app) = reach(&args.nodes, args.app.as_deref()).await?;
    let mut found = Vec::new();
    let mut missing = None;
    for node in &reach.nodes {
        match reach.client.state(&node.url, &app, &args.name).await {
            Ok(state) => add(&mut found, node, state),
            Err(error) if error.is_not_found() => missing = Some(error),
            Err(error) => return Err(error).with_context(|| format!("node `{}`", node.name)),
        }
    }
    match (found.as_slice(), missing) {
        ([], Some(missing)) => Err(missing.into()),
        ([], None) => bail!("no node was asked"),
        ([one], _) => output.result(one, |found| value(&found.state)),
        (several, _) => output.result(several, |several| {
            let parts: Vec<String> = several
                .iter()
                .map(|found| format!("{}:\n{}", found.nodes.join(", "), value(&found.state)))
                .collect();
            parts.join("\n\n")
        }),
    }
}

/// A page of entries, and the nodes that show the very same.
#[derive(Debug, Serialize)]
struct Page {
    nodes: Vec<String>,
    #[serde(flatten)]
    page: EntriesPage,
}

pub(super) async fn entries(args: &StateEntries, output: &Output) -> Result<()> {
    let (reach, app) = reach(&args.nodes, args.app.as_deref()).await?;
    let limit = args.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(args.key.as_deref().map(|key| ("key", key)));
    query.extend(args.after.as_deref().map(|after| ("after", after)));
    let mut pages: Vec<Page> = Vec::new();
    for node in &reach.nodes {
        let page = reach
            .client
            .entries(&node.url, &app, &args.name, &query)
            .await;
        let page = page.with_context(|| format!("node `{}`", node.name))?;
        match pages.iter_mut().find(|known| known.page == page) {
            Some(known) => known.nodes.push(node.name.clone()),
            None => pages.push(Page {
                nodes: vec![node.name.clone()],
                page,
            }),
        }
    }
    output.result(&pages, |pages| {
        let parts = pages.iter().map(|Page { nodes, page }| {
            let rows = page.entries.iter().map(|entry| {
                [
                    entry.key.to_string(),
                    bytes(entry.bytes),
                    short_text(&entry.value, entry.unreadable.as_deref()),
                ]
            });
            let table = table(["KEY", "BYTES", "VALUE"], rows);
            let next = page.next.as_ref();
            let next = next.map_or_else(String::new, |next| format!("\nmore: --after '{next}'"));
            match pages.as_slice() {
                [_] => format!("{table}{next}"),
                _ => format!("{}:\n{table}{next}", nodes.join(", ")),
            }
        });
        parts.collect::<Vec<_>>().join("\n\n")
    })
}

async fn reach(nodes: &crate::cli::Nodes, app: Option<&str>) -> Result<(Reach, String)> {
    let reach = Reach::find(nodes)?;
    let app = reach.app(app).await?;
    Ok((reach, app))
}

fn add(all: &mut Vec<Found>, node: &Node, state: StateView) {
    match all.iter_mut().find(|found| found.state == state) {
        Some(found) => found.nodes.push(node.name.clone()),
        None => all.push(Found {
            nodes: vec![node.name.clone()],
            state,
        }),
    }
}

fn value(state: &StateView) -> String {
    match &state.unreadable {
        Some(why) => format!("cannot be shown: {why}"),
        None => pretty_json(&state.value.to_string()),
    }
}

/// Characters of a value in a table.
const SHORT: usize = 48;

fn short(state: &StateView) -> String {
    short_text(&state.value, state.unreadable.as_deref())
}

fn short_text(value: &serde_json::Value, unreadable: Option<&str>) -> String {
    let text = match unreadable {
        Some(why) => format!("cannot be shown: {why}"),
        None => value.to_string(),
    };
    if text.chars().count() <= SHORT {
        return text;
    }
    text.chars().take(SHORT).chain(['…']).collect()
}
