//! What is measured over HTTP.

use crate::{
    CONNECTIONS,
    load::{Round, Shot, fire},
    processes::{self, Process},
    table::Summary,
};
use anyhow::{Context, Result};
use std::{path::Path, time::Duration};

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1000);
const WARM_UP: Duration = Duration::from_millis(500);

const ECHO: (&str, &str) = ("/f/counter/echo", r#""hello, skylark""#);
const ADD: (&str, &str) = ("/f/counter/add", "1");
const CHAIN: (&str, &str) = ("/f/hashchain/f1", r#""hello, skylark""#);

fn shot(process: &Process, (path, body): (&'static str, &'static str)) -> Shot {
    Shot {
        address: process.address.clone(),
        path,
        body,
    }
}

/// Measures the subjects in turn, round by round.
async fn compare(subjects: &[Shot], connections: usize) -> Result<Vec<Summary>> {
    let mut rounds: Vec<Vec<Round>> = subjects.iter().map(|_| Vec::new()).collect();
    for subject in subjects {
        fire(subject, connections, WARM_UP).await?;
    }
    for _ in 0..ROUNDS {
        for (subject, rounds) in subjects.iter().zip(&mut rounds) {
            rounds.push(fire(subject, connections, ROUND).await?);
        }
    }
    Ok(rounds.iter().map(|r| Summary::of(r)).collect())
}

async fn with_guests(node: Process, guests: &Path) -> Result<Process> {
    for app in ["counter", "hashchain"] {
        let path = guests.join(format!("{app}.wasm"));
        let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        processes::upload(&node, app, wasm).await?;
    }
    Ok(node)
}

/// A stateless function beside a server that does nothing.
pub(crate) async fn stateless(guests: &Path) -> Result<()> {
    let bare = processes::bare()?;
    let node = with_guests(processes::node("memory")?, guests).await?;
    println!("### HTTP invocation of a stateless function\n");
    println!(
        "| connections | bare hyper /s | node /s | node / hyper | hyper p50 µs | node p50 µs | hyper p99 µs | node p99 µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for connections in CONNECTIONS {
        let both = compare(&[shot(&bare, ECHO), shot(&node, ECHO)], connections).await?;
        let [hyper, node] = both.as_slice() else {
            continue;
        };
        println!(
            "| {connections} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |",
            hyper.per_second,
            node.per_second,
            node.per_second / hyper.per_second,
            hyper.p50_us,
            node.p50_us,
            hyper.p99_us,
            node.p99_us
        );
    }
    println!();
    Ok(())
}

/// The counter and the hash chain on each store.
pub(crate) async fn stateful(guests: &Path) -> Result<()> {
    let mut stores = vec![
        ("memory", "memory".to_owned(), None),
        ("embedded, synced", "embedded:DIR".to_owned(), None),
    ];
    for (name, durable) in [
        ("redis, in memory", false),
        ("redis, synced (appendfsync always)", true),
    ] {
        match processes::redis(durable)? {
            Some(redis) => stores.push((name, format!("redis://{}", redis.address), Some(redis))),
            None => eprintln!("there is no redis-server here: its rows are left out"),
        }
    }
    println!("### Counter and hash chain, on each store\n");
    println!("| app | store | round trips per run | connections | runs/s | p50 µs | p99 µs |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, url, _redis) in &stores {
        let node = with_guests(processes::node(url)?, guests).await?;
        for (app, target) in [("counter", ADD), ("hashchain", CHAIN)] {
            let shots = [shot(&node, target)];
            for connections in CONNECTIONS {
                let summary = compare(&shots, connections).await?;
                let [s] = summary.as_slice() else { continue };
                // Asked when the node has learned what the function touches.
                let trips = processes::round_trips(&node, target.0, target.1).await?;
                println!(
                    "| {app} | {name} | {trips} | {connections} | {:.0} | {:.0} | {:.0} |",
                    s.per_second, s.p50_us, s.p99_us
                );
            }
        }
    }
    println!();
    Ok(())
}
