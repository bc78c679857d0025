//! A node as its callers see it: real processes, real sockets, real guests.
//!
//! `cargo xtask bench` builds the guests and runs this; by hand:
//! `SKYLARK_GUESTS=DIR cargo bench -p skylark-node --bench node`, where DIR
//! holds `counter.wasm` and `hashchain.wasm`. Prints Markdown tables. Subjects
//! of one table are measured in turn, round by round, in one run.

mod load;
mod processes;
mod start;
mod subjects;
mod table;

use anyhow::{Context, Result};
use std::path::PathBuf;

/// Concurrent connections.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

fn main() -> Result<()> {
    // The bare server is this very program, as a process of its own.
    if std::env::args().nth(1).as_deref() == Some(processes::BARE) {
        return processes::serve_bare();
    }
    let guests = PathBuf::from(std::env::var_os("SKYLARK_GUESTS").context(
        "SKYLARK_GUESTS must name the directory of the guests; `cargo xtask bench` sets it",
    )?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        subjects::stateless(&guests).await?;
        subjects::stateful(&guests).await?;
        Ok::<_, anyhow::Error>(())
    })?;
    start::measure(&guests)
}
