//! `cargo skylark node`

use crate::{
    cli::Nodes,
    client::Reach,
    output::{Output, table},
};
use anyhow::Result;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    url: String,
    ready: bool,
    /// Why it is not.
    why: Option<String>,
    apps: Vec<String>,
}

pub(super) async fn ls(args: &Nodes, output: &Output) -> Result<()> {
    let reach = Reach::find(args)?;
    let rows = reach.nodes.iter().map(async |node| {
        let ready = reach.client.ready(&node.url).await;
        let apps = reach.client.apps(&node.url).await.unwrap_or_default();
        Row {
            name: node.name.clone(),
            url: node.url.clone(),
            ready: ready.is_ok(),
            why: ready.err().map(|error| error.to_string()),
            apps: apps.into_iter().map(|app| app.app).collect(),
        }
    });
    let rows = futures::future::join_all(rows).await;
    output.result(&rows, |rows| {
        table(
            ["NODE", "URL", "STATUS", "APPS"],
            rows.iter().map(|row| {
                let status = match &row.why {
                    None => "ready".to_owned(),
                    Some(why) => why.lines().next().unwrap_or_default().to_owned(),
                };
                [
                    row.name.clone(),
                    row.url.clone(),
                    status,
                    row.apps.join(", "),
                ]
            }),
        )
    })
}
