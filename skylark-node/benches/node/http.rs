//! A stateless function beside a server that does nothing.

use crate::{
    CONNECTIONS, processes,
    subjects::{ECHO, compare, shot, with_guests},
    table,
};
use anyhow::Result;
use std::path::Path;

pub(crate) async fn measure(guests: &Path) -> Result<()> {
    let bare = processes::bare()?;
    let node = with_guests(processes::node("memory", &[])?, guests, &["counter"]).await?;
    table::head(
        "HTTP invocation of a stateless function",
        "An echo: by hyper with nothing on it, and by a function of the counter's.",
        &[
            "connections",
            "bare hyper /s",
            "node /s",
            "node / hyper",
            "hyper p50 ms",
            "node p50 ms",
            "hyper p99 ms",
            "node p99 ms",
        ],
    );
    for connections in CONNECTIONS {
        let shots = [shot(&bare, ECHO, false), shot(&node, ECHO, false)];
        let both = compare(&shots, connections).await?;
        let [hyper, node] = both.as_slice() else {
            continue;
        };
        table::row(&[
            connections.to_string(),
            format!("{:.0}", hyper.per_second),
            format!("{:.0}", node.per_second),
            format!("{:.2}", node.per_second / hyper.per_second),
            table::ms(hyper.p50_us),
            table::ms(node.p50_us),
            table::ms(hyper.p99_us),
            table::ms(node.p99_us),
        ]);
    }
    println!();
    Ok(())
}
