//! What the guarantee to a caller costs: each call with an idempotency key of
//! its own, so that its record and outcome are kept, beside the same calls
//! without one, on one node of one build.

use crate::{
    CONNECTIONS,
    load::{Shot, Target, fire},
    processes::{self, Process},
    subjects::{CHAIN, COUNT, KEYS, RESERVE, RESERVE_BY_CALLS, REVIEW, compare, shot, with_guests},
    table,
};
use anyhow::Result;
use std::{path::Path, time::Duration};

const COLUMNS: [&str; 12] = [
    "app",
    "store",
    "store steps a run, off / on",
    "connections",
    "off /s",
    "on /s",
    "off p50 ms",
    "on p50 ms",
    "p50 on / off",
    "off p99 ms",
    "on p99 ms",
    "writes per sync",
];

/// A store, as the node names it; the server that it needs.
struct Store {
    name: &'static str,
    url: String,
    options: &'static [&'static str],
    _server: Option<Process>,
}

/// The counter and the hash chain on each store.
pub(crate) async fn on_each_store(guests: &Path) -> Result<()> {
    let own = |name, url: &str, options| Store {
        name,
        url: url.to_owned(),
        options,
        _server: None,
    };
    let mut stores = vec![
        own("memory", "memory", &[]),
        own("embedded, not synced", "embedded:DIR", &["--sync", "none"]),
        own("embedded, synced", "embedded:DIR", &[]),
    ];
    for (name, durable) in [
        ("Redis, in memory", false),
        ("Redis, synced (appendfsync always)", true),
    ] {
        match processes::redis(durable)? {
            Some(server) => stores.push(Store {
                name,
                url: format!("redis://{}", server.address),
                options: &[],
                _server: Some(server),
            }),
            None => eprintln!("there is no redis-server here: its rows are left out"),
        }
    }
    table::head(
        "Guarantees on and off: counter and hash chain, on each store",
        &format!(
            "The counter counts {KEYS} names at random; the chain is three functions. On: each call carries an \
             idempotency key of its own, and its record and outcome are kept for a day; off: none does. Both on one \
             node, in turn. Writes per sync show how many share one."
        ),
        &COLUMNS,
    );
    let only = std::env::var("SKYLARK_BENCH_STORE").unwrap_or_default();
    for store in stores.iter().filter(|store| store.name.contains(&only)) {
        let node = processes::node(&store.url, store.options)?;
        let node = with_guests(node, guests, &["counter", "hashchain"]).await?;
        for (app, target) in [("counter", COUNT), ("chain", CHAIN)] {
            rows(&node, (app, store.name), target, &CONNECTIONS).await?;
        }
    }
    println!();
    Ok(())
}

/// Travel and media, durable.
pub(crate) async fn on_apps(guests: &Path) -> Result<()> {
    table::head(
        "Travel and media, guarantees on and off",
        "As above. Every reservation takes from the same hotel and flight, and every order goes into one list that \
         grows with each; every review is of one film: the worst case of contention.",
        &COLUMNS,
    );
    for (name, app, target) in [
        ("travel `reserve`", "travel", RESERVE),
        ("travel `reserve_by_calls`", "travel", RESERVE_BY_CALLS),
        ("media `review`", "media", REVIEW),
    ] {
        for connections in [1, 16] {
            // A node and store of their own: orders and reviews add up.
            let node = processes::node("embedded:DIR", &[])?;
            let node = with_guests(node, guests, &[app]).await?;
            rows(&node, (name, "embedded, synced"), target, &[connections]).await?;
        }
    }
    println!();
    Ok(())
}

async fn rows(
    node: &Process,
    (app, store): (&str, &str),
    target: Target,
    connections: &[usize],
) -> Result<()> {
    for &connections in connections {
        let before = processes::activity(node).await?;
        let shots = [shot(node, target, false), shot(node, target, true)];
        let both = compare(&shots, connections).await?;
        let after = processes::activity(node).await?;
        let [off, on] = both.as_slice() else { continue };
        let syncs = after.syncs - before.syncs;
        let grouped = if syncs > 0.0 {
            format!("{:.1}", (after.writes - before.writes) / syncs)
        } else {
            "–".to_owned()
        };
        // Counted when the node has learned what the functions touch.
        let mut steps = Vec::new();
        for shot in &shots {
            steps.push(format!("{:.1}", steps_of(node, shot).await?));
        }
        table::row(&[
            app.to_owned(),
            store.to_owned(),
            steps.join(" / "),
            connections.to_string(),
            format!("{:.0}", off.per_second),
            format!("{:.0}", on.per_second),
            table::ms(off.p50_us),
            table::ms(on.p50_us),
            format!("{:.2}", on.p50_us / off.p50_us),
            table::ms(off.p99_us),
            table::ms(on.p99_us),
            grouped,
        ]);
    }
    Ok(())
}

/// Steps of the store per run, of runs one after the other.
async fn steps_of(node: &Process, shot: &Shot) -> Result<f64> {
    const LENGTH: Duration = Duration::from_millis(100);
    let before = processes::activity(node).await?;
    let round = fire(shot, 1, LENGTH).await?;
    let after = processes::activity(node).await?;
    Ok((after.steps - before.steps) / round.latencies.len().max(1) as f64)
}
