//! More callers than a node lets in: what it does for those that it lets in,
//! and how quickly it refuses the others.

use crate::{
    load::Shot,
    processes,
    subjects::{COUNT, ECHO, compare_for, shot, with_guests},
    table,
};
use anyhow::Result;
use std::{path::Path, time::Duration};

const CALLERS: [usize; 3] = [64, 256, 1024];
/// Longer than refused callers stay away.
const ROUND: Duration = Duration::from_secs(3);

pub(crate) async fn measure(guests: &Path) -> Result<()> {
    table::head(
        "Past saturation",
        "The counter, `--max-in-flight 64`, guarantees on; a refused caller comes again when the node asked it to. On \
         the memory store a call is over before the next is looked at, so that nothing is refused and callers queue at \
         their sockets. Bare hyper with the echo, and no limit, shows what so many connections cost by themselves, the \
         load generator's share on the same cores included.",
        &[
            "server",
            "connections",
            "successes /s",
            "p50 ms",
            "p99 ms",
            "refusals /s",
            "p50 of refusals, ms",
        ],
    );
    let bare = processes::bare()?;
    rows("bare hyper", &shot(&bare, ECHO, false)).await?;
    for (name, store) in [
        ("node, memory", "memory"),
        ("node, embedded, synced", "embedded:DIR"),
    ] {
        let node = processes::node(store, &["--max-in-flight", "64"])?;
        let node = with_guests(node, guests, &["counter"]).await?;
        let count = Shot {
            refusable: true,
            ..shot(&node, COUNT, true)
        };
        rows(name, &count).await?;
    }
    println!();
    Ok(())
}

async fn rows(name: &str, shot: &Shot) -> Result<()> {
    for connections in CALLERS {
        for s in compare_for(std::slice::from_ref(shot), connections, ROUND).await? {
            table::row(&[
                name.to_owned(),
                connections.to_string(),
                format!("{:.0}", s.per_second),
                table::ms(s.p50_us),
                table::ms(s.p99_us),
                format!("{:.0}", s.refused),
                table::ms(s.refused_p50_us),
            ]);
        }
    }
    Ok(())
}
