//! What it saves to know beforehand what a function touches: fifty state variables, and
//! a function that reads and writes three of them.

use crate::{
    load::Target,
    processes::{self, Process},
    subjects::{compare, shot},
    table::{self, median, ms},
};
use anyhow::{Context, Result};
use skylark_abi::hints::{FunctionHints, Hints};
use std::{
    io::{Read, Write},
    path::Path,
    time::Instant,
};

const APP: &str = "plant";
const FUNCTION: &str = "Plant-note";
const NOTE: Target = |n| {
    let body = format!(r#"{{"heat":{n},"speed":{n},"flow":{n}}}"#);
    (format!("/f/{APP}/{FUNCTION}"), body)
};
/// First calls that are measured, each after an upload.
const FIRSTS: usize = 40;

/// What a node is told of the functions.
enum Told {
    /// What the build has seen.
    Seen,
    /// Nothing: the node learns it.
    Nothing,
    /// That every function needs every variable.
    All,
}

/// The same function, told about in three ways, on an embedded store and on Redis.
pub(crate) async fn measure(guests: &Path) -> Result<()> {
    let path = guests.join(format!("{APP}.wasm"));
    let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    table::head(
        "Fifty state variables, three of them touched",
        &format!(
            "First: the first call after an upload, median of {FIRSTS}; later: calls one after the other. Bytes are \
             what Redis sends, for a first call and for a later one; the embedded store is in the node's process."
        ),
        &[
            "store",
            "fetched",
            "round trips, first",
            "round trips, later",
            "kB, first",
            "kB, later",
            "first ms",
            "later p50 ms",
            "later p99 ms",
        ],
    );
    let redis = processes::redis(true)?;
    if redis.is_none() {
        eprintln!("there is no redis-server here: its rows are left out");
    }
    let stores = [
        ("embedded, synced", Some("embedded:DIR".to_owned()), None),
        (
            "Redis, synced (appendfsync always)",
            redis.as_ref().map(|r| format!("redis://{}", r.address)),
            redis.as_ref(),
        ),
    ];
    for (name, url, redis) in stores {
        let Some(url) = url else { continue };
        for (told, shown) in [
            (Told::Seen, "what the build has seen: 3"),
            (Told::Nothing, "what the node learns: 50, later 3"),
            (Told::All, "everything at once: 50"),
        ] {
            let module = telling(&wasm, &told)?;
            let node = processes::node(&url, &[])?;
            row(&node, redis, module, [name, shown]).await?;
        }
    }
    println!();
    Ok(())
}

async fn row(
    node: &Process,
    redis: Option<&Process>,
    module: Vec<u8>,
    names: [&str; 2],
) -> Result<()> {
    processes::upload(node, APP, module.clone()).await?;
    let readings = format!("[{}]", ["4000000000"; 128].join(","));
    processes::post(node, &format!("/f/{APP}/Plant-fill"), &readings).await?;
    let (mut first_ms, mut steps, mut sent) = (Vec::new(), 0.0, 0);
    let (path, body) = NOTE(1);
    for _ in 0..FIRSTS {
        processes::upload(node, APP, module.clone()).await?;
        let before = (processes::activity(node).await?.steps, sent_by(redis)?);
        let started = Instant::now();
        processes::post(node, &path, &body).await?;
        first_ms.push(started.elapsed().as_secs_f64() * 1e6);
        steps += processes::activity(node).await?.steps - before.0;
        sent += sent_by(redis)? - before.1;
    }
    #[allow(clippy::cast_precision_loss)]
    let each = |sum: f64| sum / FIRSTS as f64;
    let first = (each(steps), each(sent as f64));
    let before = (processes::activity(node).await?.steps, sent_by(redis)?);
    for _ in 0..FIRSTS {
        processes::post(node, &path, &body).await?;
    }
    let steps = processes::activity(node).await?.steps - before.0;
    let later = (each(steps), each((sent_by(redis)? - before.1) as f64));
    let summary = compare(&[shot(node, NOTE, false)], 1).await?.remove(0);
    let kilobytes = |bytes: f64| match redis {
        Some(_) => format!("{:.1}", bytes / 1e3),
        None => "–".to_owned(),
    };
    let [store, shown] = names;
    table::row(&[
        store.to_owned(),
        shown.to_owned(),
        format!("{:.1}", first.0),
        format!("{:.1}", later.0),
        kilobytes(first.1),
        kilobytes(later.1),
        ms(median(first_ms)),
        ms(summary.p50_us),
        ms(summary.p99_us),
    ]);
    Ok(())
}

/// The module with other hints: those that come last count.
fn telling(wasm: &[u8], told: &Told) -> Result<Vec<u8>> {
    let hints = match told {
        Told::Seen => return Ok(wasm.to_vec()),
        Told::Nothing => Hints::default(),
        Told::All => {
            let areas = ["boiler", "turbine", "pump", "valve", "tank"];
            let all = areas
                .iter()
                .flat_map(|area| (0..10).map(move |n| format!("Plant-{area}_{n}")));
            let hints = FunctionHints {
                reads: all.collect(),
                ..FunctionHints::default()
            };
            Hints::new([(FUNCTION.to_owned(), hints)].into())
        }
    };
    let data = hints.to_section().context("hints of this size")?;
    let name = skylark_abi::names::HINTS;
    let mut section = leb128(name.len());
    section.extend(name.as_bytes());
    section.extend(data);
    let mut module = wasm.to_vec();
    module.push(0);
    module.extend(leb128(section.len()));
    module.extend(section);
    Ok(module)
}

fn leb128(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        bytes.push(if n > 0 { low | 0x80 } else { low });
        if n == 0 {
            return bytes;
        }
    }
}

/// Bytes that a Redis server has sent so far.
fn sent_by(redis: Option<&Process>) -> Result<u64> {
    let Some(redis) = redis else { return Ok(0) };
    let mut stream = std::net::TcpStream::connect(&redis.address)?;
    stream.write_all(b"INFO stats\r\nQUIT\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    Ok(line.context("what Redis says of itself")?.trim().parse()?)
}
