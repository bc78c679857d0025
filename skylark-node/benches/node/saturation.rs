//! More callers than a node lets in: what it does for those that it lets in,
//! and how quickly it refuses the others.

use crate::{
    load::Shot,
    processes,
    subjects::{COUNT, compare, shot, with_guests},
    table,
};
use anyhow::Result;
use std::path::Path;

const CALLERS: [usize; 3] = [64, 256, 1024];

pub(crate) async fn measure(guests: &Path) -> Result<()> {
    table::head(
        "Past saturation",
        "The counter, `--max-in-flight 64`, guarantees on. On the memory store a call is over before the next is \
         looked at, so that nothing is refused and callers queue at their sockets. A refused caller tries again after 100 ms (the node \
         asks for a second).",
        &[
            "store",
            "connections",
            "successes /s",
            "p50 ms",
            "p99 ms",
            "refusals /s",
            "p50 of refusals, ms",
        ],
    );
    for (name, store) in [("memory", "memory"), ("embedded, synced", "embedded:DIR")] {
        let node = processes::node(store, &["--max-in-flight", "64"])?;
        let node = with_guests(node, guests, &["counter"]).await?;
        for connections in CALLERS {
            let shots = [Shot {
                refusable: true,
                ..shot(&node, COUNT, true)
            }];
            for s in compare(&shots, connections).await? {
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
    }
    println!();
    Ok(())
}
