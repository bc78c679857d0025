//! A node as its callers see it: real processes, real sockets, real guests.
//!
//! `cargo xtask bench node` builds the guests and runs this; by hand:
//! `SKYLARK_GUESTS=DIR cargo bench -p skylark-node --bench node -- [PART]…`, where
//! DIR holds the examples' modules. Prints Markdown tables. Subjects of one table
//! are measured in turn, round by round, in one run.
//! `SKYLARK_BENCH_STORE=Redis` leaves out the guarantees on all other stores.

mod fusion;
mod guarantees;
mod http;
mod load;
mod processes;
mod restate;
mod saturation;
mod start;
mod subjects;
mod table;
mod touches;

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// What is measured if nothing is named.
const PARTS: [&str; 6] = [
    "http",
    "guarantees",
    "apps",
    "saturation",
    "touches",
    "start",
];

/// What is measured only if it is named: the first needs two programs that are not
/// Skylark's (`cargo xtask bench restate` brings them), the other has a section
/// of its own.
const NAMED: [&str; 2] = ["restate", "fusion"];

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
    let mut parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    if parts.is_empty() {
        parts = PARTS.map(str::to_owned).to_vec();
    }
    for part in &parts {
        ensure!(
            PARTS.iter().chain(&NAMED).any(|known| known == part),
            "there is no part `{part}`; there are {PARTS:?} and {NAMED:?}"
        );
    }
    for part in &parts {
        match part.as_str() {
            "http" => runtime.block_on(http::measure(&guests))?,
            "guarantees" => runtime.block_on(guarantees::on_each_store(&guests))?,
            "apps" => runtime.block_on(guarantees::on_apps(&guests))?,
            "saturation" => runtime.block_on(saturation::measure(&guests))?,
            "touches" => runtime.block_on(touches::measure(&guests))?,
            "fusion" => runtime.block_on(fusion::measure(&guests))?,
            "restate" => runtime.block_on(restate::measure(&guests))?,
            _ => start::measure(&guests)?,
        }
    }
    Ok(())
}
