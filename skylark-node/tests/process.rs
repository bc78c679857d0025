//! The node as a process: how it starts, refuses to start, and ends.

mod common;

use common::{eventually::eventually, modules, served::bearer};
use futures::StreamExt;
use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skylark-node"));
    command
        .args(args)
        .env_clear()
        .env("SKYLARK_LISTEN", "127.0.0.1:0")
        .env("SKYLARK_INSTANCES", "4")
        .env("SKYLARK_STORE", "memory")
        .env("SKYLARK_DATA", data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running node; it is killed with its test.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path, args: &[&str]) -> Self {
        let mut child = command(data, args).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let mut log = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut log)
                .unwrap();
            panic!("the node did not start: {line}{log}");
        };
        let url = url.to_owned();
        Self { child, url }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: exit code and log.
    fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(data: &Path, args: &[&str], code: i32, mentions: &[&str]) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(data, args).output().unwrap();
    let text = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{args:?}: {text}");
    assert_eq!(
        String::from_utf8_lossy(&stdout),
        "",
        "{args:?}: it must not say that it listens"
    );
    for mention in mentions {
        assert!(
            text.contains(mention),
            "{args:?}: no `{mention}` in: {text}"
        );
    }
}

#[test]
fn what_keeps_it_from_serving_is_said_before_it_listens() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(
        data,
        &["--listen", &address],
        1,
        &[&address, "in use", "--listen HOST:PORT"],
    );
    // Nobody listens on what was just given back.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let redis = format!("redis://user:secret@{free}");
    refused(
        data,
        &["--store", &redis],
        1,
        &["--store", "--store-optional", &free.to_string()],
    );
    let Output { stderr, .. } = command(data, &["--store", &redis]).output().unwrap();
    assert!(!String::from_utf8_lossy(&stderr).contains("secret"));
    refused(
        data,
        &["--store", "postgres://h"],
        1,
        &["--store", "a store is one of"],
    );
    refused(
        data,
        &["--topology", "/nowhere.json"],
        1,
        &["/nowhere.json", "--topology"],
    );
    refused(
        data,
        &["--token-file", "/nowhere.token"],
        1,
        &["/nowhere.token", "--token-file"],
    );
    refused(
        data,
        &["--max-body", "much", "--grace", "soon"],
        2,
        &["--max-body", "--grace"],
    );
    refused(
        data,
        &["--max-boddy", "1"],
        2,
        &["--max-boddy", "--max-body"],
    );
    let file = data.join("file");
    std::fs::write(&file, "").unwrap();
    refused(&file, &[], 1, &["--data", &file.display().to_string()]);
}

#[tokio::test]
async fn a_node_without_its_store_serves_only_health() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let redis = format!("redis://{free}");
    let node = Process::start(dir.path(), &["--store", &redis, "--store-optional"]);
    let get = async |path: &str| reqwest::get(format!("{}{path}", node.url)).await.unwrap();
    assert_eq!(get("/healthz").await.status(), 200);
    let ready = get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let text = ready.text().await.unwrap();
    assert!(text.contains("store-unavailable"), "{text}");
    assert!(
        !text.contains(&free.to_string()),
        "where the store is, is nobody's business: {text}"
    );
}

#[tokio::test]
async fn apps_and_commands_outlive_the_process_and_a_signal_ends_it_well() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = Process::start(&data, &[]);
    let token = std::fs::read_to_string(data.join("token")).unwrap();
    for file in ["token", "cluster-token"] {
        let mode = std::fs::metadata(data.join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let client = reqwest::Client::new();
    let app = modules::app(&[("answer", modules::Body::Returns("42"))]);
    for (path, wasm) in [
        ("/f/app", app),
        ("/run/greet", modules::command("hello", 0)),
    ] {
        let put = client
            .put(format!("{}{path}", node.url))
            .header("authorization", bearer(&token))
            .body(wasm);
        let put = put.send().await.unwrap();
        assert!(
            put.status().is_success(),
            "{path}: {}",
            put.text().await.unwrap()
        );
    }
    node.signal("TERM");
    let (code, log) = node.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("drained"), "{log}");
    assert!(log.contains("token"), "{log}");
    assert!(!log.contains(&token), "{log}");

    let node = Process::start(&data, &[]);
    assert_eq!(std::fs::read_to_string(data.join("token")).unwrap(), token);
    for (path, want) in [("/f/app/answer", "42"), ("/run/greet", "hello")] {
        let answer = client
            .post(format!("{}{path}", node.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), want, "{path}");
    }
    node.signal("INT");
    assert_eq!(node.end().0, Some(0));
}

#[tokio::test]
async fn a_call_past_the_grace_is_cut_off_and_a_second_signal_waits_for_nobody() {
    let spins = || modules::app(&[("spins", modules::Body::SpinsForLong)]);
    for (grace, second, want) in [("10ms", false, Some(0)), ("10m", true, Some(130))] {
        let dir = tempfile::tempdir().unwrap();
        let node = Process::start(dir.path(), &["--grace", grace]);
        let token = std::fs::read_to_string(dir.path().join("token")).unwrap();
        let client = reqwest::Client::new();
        let put = client
            .put(format!("{}/f/app", node.url))
            .header("authorization", bearer(&token));
        assert!(
            put.body(spins())
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        let call = tokio::spawn(client.post(format!("{}/f/app/spins", node.url)).send());
        let in_flight = async || {
            let text = reqwest::get(format!("{}/metrics", node.url))
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            text.contains("skylark_calls_in_flight 1\n")
        };
        while !in_flight().await {
            tokio::task::yield_now().await;
        }
        node.signal("TERM");
        if second {
            // Until the first has been seen, a second is no second.
            while reqwest::get(format!("{}/readyz", node.url))
                .await
                .unwrap()
                .status()
                == 200
            {
                tokio::task::yield_now().await;
            }
            node.signal("TERM");
        }
        let (code, log) = node.end();
        assert_eq!(code, want, "{log}");
        assert!(call.await.unwrap().is_err(), "its connection was cut");
    }
}

#[test]
fn the_configuration_in_effect_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &["--print-config"]);
    let Output { status, stdout, .. } = command.env("SKYLARK_GRACE", "7s").output().unwrap();
    assert!(status.success());
    let text = String::from_utf8(stdout).unwrap();
    assert!(text.contains("grace = \"7s\" # SKYLARK_GRACE"), "{text}");
    assert!(
        text.contains("store = \"memory\" # SKYLARK_STORE"),
        "{text}"
    );
}

/// Resident memory of a process, in bytes, at its highest.
fn peak_memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Ten thousand functions wait at once on one node, in less than 1 GiB, and all
/// of them go on after it was killed.
#[tokio::test]
async fn ten_thousand_wait_and_survive() {
    const WAITING: usize = 10_000;
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("token"), common::served::TOKEN).unwrap();
    let token = data.path().join("token");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let args = [
        "--store=embedded",
        "--sync=none",
        "--sweep=100ms",
        "--claim=1s",
        "--instances=64",
        &format!("--token-file={}", token.display()),
    ];
    let client = reqwest::Client::new();
    let node = Process::start(data.path(), &args);
    let uploaded = client
        .put(format!("{}/f/expenses", node.url))
        .header("authorization", bearer(common::served::TOKEN))
        .body(common::guests::guest("expenses"))
        .send()
        .await
        .unwrap();
    assert!(uploaded.status().is_success(), "{uploaded:?}");
    let submitted = futures::stream::iter(0..WAITING).map(|n| {
        let request = client
            .post(format!("{}/fa/expenses/approve", node.url))
            .header("content-type", "application/json")
            .body((20_000 + n).to_string());
        async move {
            let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
            answer["id"].as_str().unwrap().to_owned()
        }
    });
    let ids: Vec<String> = submitted.buffered(64).collect().await;
    let state = async |node: &Process, name: &str| -> serde_json::Value {
        let url = format!("{}/apps/expenses/states/{name}", node.url);
        client.get(url).send().await.unwrap().json().await.unwrap()
    };
    // Each has sent a reminder when it began to wait.
    let waits = async || state(&node, "REMINDERS").await["value"] == WAITING;
    eventually("all wait", || async { waits().await.then_some(()) }).await;
    let peak = peak_memory(&node);
    assert!(peak < 1 << 30, "{peak} bytes");
    node.signal("KILL");
    drop(node);

    let node = Process::start(data.path(), &args);
    let completed = futures::stream::iter(&ids).map(|id| {
        let request = client
            .post(format!("{}/promises/{id}~approval", node.url))
            .header("content-type", "application/json")
            .body("\"carol\"");
        async move { request.send().await.unwrap().status() }
    });
    let completed: Vec<_> = completed.buffered(64).collect().await;
    assert!(completed.iter().all(|s| s.as_u16() == 204), "{completed:?}");
    let paid = async || {
        let paid = state(&node, "PAID").await;
        paid["value"].as_array().map_or(0, Vec::len) == WAITING
    };
    eventually("all are paid", || async { paid().await.then_some(()) }).await;
    let peak = peak_memory(&node);
    assert!(peak < 1 << 30, "{peak} bytes");
    let run: serde_json::Value = client
        .get(format!("{}/runs/{}", node.url, ids[WAITING / 2]))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(run["result"]["by"], "carol", "{run}");
}
