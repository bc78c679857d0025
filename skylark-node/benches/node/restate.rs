//! The same two applications by Restate, whose server and service
//! `RESTATE_SERVER` and `RESTATE_SUBJECTS` name: both durable on the same disk,
//! under the same load generator, in turn.

use crate::{
    CONNECTIONS,
    load::{Shot, Target},
    processes::{self, Process},
    subjects::{CHAIN, COUNT, KEYS, compare, shot, with_guests},
    table,
};
use anyhow::{Context, Result, ensure};
use std::{
    ffi::OsString,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const RESTATE_COUNT: Target = |n| (format!("/Counter/key-{}/count", n % KEYS), String::new());
const RESTATE_CHAIN: Target = |_| ("/Hashchain/f1".into(), r#""hello, skylark""#.into());

pub(crate) async fn measure(guests: &Path) -> Result<()> {
    let restate = start().await?;
    let node = processes::node("embedded:DIR", &[])?;
    let node = with_guests(node, guests, &["counter", "hashchain"]).await?;
    table::head(
        "Beside Restate",
        &format!(
            "The counter counts {KEYS} names at random; in the chain of three each function leads to the next. Skylark: \
             one node on an embedded store, every commit synced; with and without an idempotency key on each call. \
             Restate: one server as it comes (its log synced), a service on its Rust SDK in a process of its own, no \
             idempotency keys. Ratios are of Skylark with keys."
        ),
        &[
            "app",
            "connections",
            "Restate /s",
            "Skylark /s",
            "Skylark, keys, /s",
            "throughput, ratio",
            "Restate p50 ms",
            "Skylark p50 ms",
            "Skylark, keys, p50 ms",
            "p50, ratio",
            "Restate p99 ms",
            "Skylark, keys, p99 ms",
        ],
    );
    for (app, target, of_restate) in [
        ("counter", COUNT, RESTATE_COUNT),
        ("chain", CHAIN, RESTATE_CHAIN),
    ] {
        for connections in CONNECTIONS {
            let shots: [Shot; 3] = [
                shot(&restate.server, of_restate, false),
                shot(&node, target, false),
                shot(&node, target, true),
            ];
            let all = compare(&shots, connections).await?;
            let [restate, off, on] = all.as_slice() else {
                continue;
            };
            table::row(&[
                app.to_owned(),
                connections.to_string(),
                format!("{:.0}", restate.per_second),
                format!("{:.0}", off.per_second),
                format!("{:.0}", on.per_second),
                format!("{:.1}", on.per_second / restate.per_second),
                table::ms(restate.p50_us),
                table::ms(off.p50_us),
                table::ms(on.p50_us),
                format!("{:.2}", on.p50_us / restate.p50_us),
                table::ms(restate.p99_us),
                table::ms(on.p99_us),
            ]);
        }
    }
    println!();
    Ok(())
}

struct Restate {
    server: Process,
    _subjects: Process,
}

fn program(variable: &str) -> Result<OsString> {
    std::env::var_os(variable).with_context(|| {
        format!("{variable} names no program; `cargo xtask bench restate` sets it")
    })
}

/// A server and a service of its own, known to each other.
async fn start() -> Result<Restate> {
    let local = |port: u16| format!("127.0.0.1:{port}");
    let port = processes::free_port()?;
    let mut command = Command::new(program("RESTATE_SUBJECTS")?);
    command.arg(port.to_string());
    let subjects = processes::server(command, local(port), processes::scratch()?)?;

    let data = processes::scratch()?;
    let (ingress, admin) = (
        local(processes::free_port()?),
        local(processes::free_port()?),
    );
    let mut command = Command::new(program("RESTATE_SERVER")?);
    command
        .args(["--no-logo", "--base-dir"])
        .arg(data.path())
        .env("RESTATE_LISTEN_MODE", "tcp")
        .env("RESTATE_BIND_ADDRESS", local(processes::free_port()?))
        .env("RESTATE_INGRESS__BIND_ADDRESS", &ingress)
        .env("RESTATE_ADMIN__BIND_ADDRESS", &admin)
        .env("RESTATE_DISABLE_TELEMETRY", "true")
        .env("RESTATE_LOG_FILTER", "error");
    let server = processes::server(command, ingress, data)?;
    let client = reqwest::Client::new();
    let service = serde_json::json!({ "uri": format!("http://{}", subjects.address) });
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        let known = client
            .post(format!("http://{admin}/deployments"))
            .json(&service)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        match known {
            Ok(_) => break,
            Err(error) => ensure!(
                Instant::now() < give_up,
                "Restate takes no service: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Restate {
        server,
        _subjects: subjects,
    })
}
