//! What fusion saves: the relay's chains on a node that fuses, beside one that does
//! not.

use crate::{
    load::{Shot, Target, fire},
    processes::{self, Process},
    subjects::{compare_for, with_guests},
    table,
};
use anyhow::Result;
use std::{path::Path, time::Duration};

/// Functions of a chain.
const LEGS: [&str; 5] = ["one", "two", "three", "four", "five"];

/// Long enough for a few runs of the slowest; all rows take ten minutes.
const ROUND: Duration = Duration::from_millis(500);
const COUNTED: Duration = Duration::from_millis(300);

/// The races of one size: by what grows and by the number of legs.
type Races = [[Target; 5]; 2];

macro_rules! races {
    ($what:literal, $size:literal) => {
        races!($what, $size: "one" "two" "three" "four" "five")
    };
    ($what:literal, $size:literal: $($legs:literal)+) => {
        [$(|_| (
            concat!("/f/relay/", $legs).into(),
            concat!("{\"", $what, "\":", $size, "}").into(),
        )),+]
    };
}

macro_rules! sizes {
    ($($name:literal = $size:literal),+ $(,)?) => {
        [$(($name, [races!("baton", $size), races!("board", $size)])),+]
    };
}

const SIZES: [(&str, Races); 4] = sizes! {
    "1 KB" = 1000,
    "100 KB" = 100000,
    "1 MB" = 1000000,
    "10 MB" = 10000000,
};

/// Each store, each size, each length.
pub(crate) async fn measure(guests: &Path) -> Result<()> {
    let redis = processes::redis(false)?;
    if redis.is_none() {
        eprintln!("there is no redis-server here: its rows are left out");
    }
    let mut stores = vec![
        ("memory", "memory".to_owned()),
        ("embedded, synced", "embedded:DIR".to_owned()),
    ];
    // Both nodes have their own app, so they may share the server.
    stores.extend(
        redis
            .iter()
            .map(|server| ("Redis, in memory", format!("redis://{}", server.address))),
    );
    for (title, about, grows) in [
        (
            "A value handed on",
            "Each function gets the whole value, changes a byte and hands it on; no state.",
            0,
        ),
        (
            "A state that each function writes",
            "Each function changes a byte of one variable of the app, so that all of it is written, and counts in another.",
            1,
        ),
    ] {
        table::head(
            title,
            &format!(
                "{about} One connection; each call has an idempotency key of its own. Steps and bytes of the store are per run."
            ),
            &[
                "store",
                "size",
                "functions",
                "steps apart",
                "steps fused",
                "bytes apart",
                "bytes fused",
                "p50 ms apart",
                "p50 ms fused",
                "apart / fused",
            ],
        );
        for (store, url) in &stores {
            let apart = with_guests(
                processes::node(url, &["--fuse", "off"])?,
                guests,
                &["relay"],
            )
            .await?;
            let fused = with_guests(processes::node(url, &[])?, guests, &["relay"]).await?;
            for (size, races) in &SIZES {
                for (legs, target) in (1..=LEGS.len()).zip(races[grows]) {
                    row(&[&apart, &fused], target, [store, size, &legs.to_string()]).await?;
                }
            }
        }
        println!();
    }
    Ok(())
}

async fn row(nodes: &[&Process; 2], target: Target, names: [&str; 3]) -> Result<()> {
    let shots = nodes.map(|node| Shot {
        address: node.address.clone(),
        target,
        keyed: true,
        refusable: false,
    });
    let measured = compare_for(&shots, 1, ROUND).await?;
    let mut cells = names.map(str::to_owned).to_vec();
    let mut bytes = Vec::new();
    for (node, shot) in nodes.iter().zip(&shots) {
        let before = processes::activity(node).await?;
        let round = fire(shot, 1, COUNTED).await?;
        let after = processes::activity(node).await?;
        let runs = round.latencies.len().max(1) as f64;
        cells.push(format!("{:.1}", (after.steps - before.steps) / runs));
        let moved = after.read - before.read + after.written - before.written;
        bytes.push(format!("{:.0}", moved / runs));
    }
    cells.extend(bytes);
    if let [apart, fused] = measured.as_slice() {
        cells.push(table::ms(apart.p50_us));
        cells.push(table::ms(fused.p50_us));
        cells.push(format!("{:.2}", apart.p50_us / fused.p50_us));
    }
    table::row(&cells);
    Ok(())
}
