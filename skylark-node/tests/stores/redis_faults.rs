//! A Redis that is not there, goes away, hangs, or will not do.

use crate::{
    app::{DONE, LONG, message, returned, var},
    eventually::eventually,
    on_redis::app,
    redis_server::{RedisServer, free_port},
};
use skylark_abi::protocol::{Begun, Commit, Committed};
use skylark_node::store::{StoreError, StoreOptions, open};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Options for calls that must fail soon.
fn impatient() -> StoreOptions {
    StoreOptions {
        timeout: Duration::from_millis(1500),
        connect_timeout: Duration::from_millis(500),
        ..StoreOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_found_again() {
    let mut server = RedisServer::start(&["--appendonly", "yes"]);
    let app = app(&server.url(), &impatient());
    app.increment("r0", "n1", &var("count")).await;
    for round in 1..4 {
        let epoch = app.lease(&format!("s{round}"), "n1", LONG).await;
        server.kill();
        let error = app.try_read(&[var("count")]).await.expect_err("it is gone");
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("redis at 127.0.0.1:{}", server.port)),
            "{text}"
        );
        assert!(app.store.check().await.is_err());
        server.restart();
        // It comes back by itself, with all that was acknowledged.
        eventually("the connection is made anew", || async {
            app.store.check().await.ok()
        })
        .await;
        assert_eq!(app.get(&var("count")).await.0, round);
        assert_eq!(
            app.send(&app.commit_of(&format!("s{round}"), epoch)).await,
            DONE
        );
        app.increment(&format!("r{round}"), "n1", &var("count"))
            .await;
    }
    assert_eq!(
        app.begin("r0", "n2", LONG).await,
        Begun::Recorded(returned("1"))
    );

    // A restart that nobody noticed costs no read and no begin.
    server.kill();
    server.restart();
    assert_eq!(app.get(&var("count")).await.0, 4);
    server.kill();
    server.restart();
    app.increment("last", "n1", &var("count")).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = RedisServer::start(&[]);
    let app = app(&server.url(), &impatient());
    app.put(&[(var("a"), Some(b"1"))]).await;
    server.signal("STOP");
    let error = app.try_read(&[var("a")]).await.expect_err("it hangs");
    let text = error.to_string();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(
        text.contains("no answer within 1.5s (option `store-timeout`)"),
        "{text}"
    );
    server.signal("CONT");
    eventually("it goes on", || async { app.store.check().await.ok() }).await;
    assert_eq!(app.get(&var("a")).await.0, 1);
}

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nowhere,
    /// Before a command reaches the server.
    Command,
    /// When the server has carried one out, before its answer.
    Answer,
    /// In the middle of an answer.
    Middle,
}

/// A port that leads to this one, and is cut once wherever it is told.
fn wire(to: u16) -> (u16, Arc<Mutex<Cut>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let cut = Arc::new(Mutex::new(Cut::Nowhere));
    let told = cut.clone();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let Ok(caller) = caller else { return };
            let server = TcpStream::connect(("127.0.0.1", to)).expect("the server");
            for (from, into, commands) in [(&caller, &server, true), (&server, &caller, false)] {
                let from = from.try_clone().expect("a stream");
                let into = into.try_clone().expect("a stream");
                let told = told.clone();
                std::thread::spawn(move || lead(&from, &into, commands, &told));
            }
        }
    });
    (port, cut)
}

fn lead(mut from: &TcpStream, mut into: &TcpStream, commands: bool, told: &Mutex<Cut>) {
    let mut bunch = [0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut bunch) {
        let cut = {
            let mut told = told.lock().expect("no panic");
            let here = match *told {
                Cut::Nowhere => false,
                Cut::Command => commands,
                Cut::Answer | Cut::Middle => !commands,
            };
            here.then(|| std::mem::replace(&mut *told, Cut::Nowhere))
        };
        let passed = match cut {
            None => len,
            Some(Cut::Middle) => len / 2,
            Some(_) => 0,
        };
        if into.write_all(&bunch[..passed]).is_err() || cut.is_some() {
            break;
        }
    }
    for stream in [from, into] {
        // The other direction may have done so.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_by_the_next_begin() {
    let server = RedisServer::start(&[]);
    let (port, cut) = wire(server.port);
    let app = app(&format!("redis://127.0.0.1:{port}"), &impatient());
    let count = var("count");
    // Every script is known by now, and the app's outbox.
    app.increment("first", "n1", &count).await;
    let first = Commit {
        outbox: vec![message("first", LONG)],
        ..app.commit()
    };
    assert_eq!(app.send(&first).await, DONE);
    let rows = [
        (Cut::Command, false),
        (Cut::Answer, true),
        (Cut::Middle, true),
    ];
    for (nth, (place, done)) in (0_u64..).zip(rows) {
        let run = format!("{place:?}");
        let epoch = app.lease(&run, "n1", LONG).await;
        let commit = |epoch| Commit {
            checks: vec![(count.clone(), nth + 1)],
            writes: vec![(count.clone(), Some((nth + 2).to_string().into_bytes()))],
            outbox: vec![message(&run, Duration::ZERO)],
            ..app.commit_of(&run, epoch)
        };
        *cut.lock().unwrap() = place;
        let error = app.store.commit(&commit(epoch)).await.expect_err(&run);
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert_eq!(*cut.lock().unwrap(), Cut::Nowhere, "{run}");
        // Whoever asks next is told which of both it was, and nobody does it twice.
        let epoch_now = match app.begin(&run, "n1", LONG).await {
            Begun::Recorded(outcome) => {
                assert!(done, "{run}: {outcome:?}");
                assert_eq!(outcome, returned("1"), "{run}");
                epoch
            }
            Begun::Leased { epoch: newer, .. } => {
                assert!(!done && newer > epoch, "{run}: {newer} after {epoch}");
                assert_eq!(app.send(&commit(newer)).await, DONE, "{run}");
                newer
            }
            other => panic!("{run}: {other:?}"),
        };
        for epoch in [epoch, epoch_now] {
            assert_eq!(app.send(&commit(epoch)).await, Committed::Fenced, "{run}");
        }
        let value = (nth + 2).to_string().into_bytes();
        assert_eq!(app.get(&count).await, (nth + 2, Some(value)), "{run}");
        assert_eq!(app.due(LONG).await, [run]);
    }
}

/// Checks what a store says that will not do: by `check` and by a begin, at
/// once and again.
async fn refuses(url: &str, name: &str, fit: bool, parts: &[&str]) {
    let app = app(url, &impatient());
    for round in 0..2 {
        for error in [
            app.store.check().await.expect_err(name),
            app.try_begin("r", "n1", LONG, &[]).await.expect_err(name),
        ] {
            let text = error.to_string();
            assert_eq!(
                matches!(error, StoreError::Unavailable { .. }),
                fit,
                "{name}: {error:?}"
            );
            for part in parts.iter().copied().chain(["redis at 127.0.0.1:"]) {
                assert!(
                    text.contains(part),
                    "{name}, {round}: `{part}` is not in: {text}"
                );
            }
            assert!(!text.contains("geheim"), "{name}: {text}");
        }
    }
    assert!(!format!("{:?}", app.store.describe()).contains("geheim"));
}

#[tokio::test]
async fn a_server_that_will_not_do_is_refused() {
    let nobody = free_port();
    let parts = [
        &format!("127.0.0.1:{nobody}"),
        "nothing answers there; start the server",
    ];
    refuses(
        &format!("redis://:geheim@127.0.0.1:{nobody}/3"),
        "absent",
        true,
        &parts,
    )
    .await;

    let rows: [(&str, &[&str], &str, &[&str]); 4] = [
        (
            "a wrong password",
            &["--requirepass", "richtig"],
            "redis://:geheim@",
            &["refuses the user and password"],
        ),
        (
            "no password",
            &["--requirepass", "richtig"],
            "redis://",
            &["refuses the user and password", "redis://user:password@"],
        ),
        (
            "a replica",
            &["--replicaof", "10.1.2.3 7000"],
            "redis://",
            &["replica", "name its primary, 10.1.2.3:7000"],
        ),
        (
            "a cluster",
            &["--cluster-enabled", "yes"],
            "redis://",
            &["Redis Cluster", "single server"],
        ),
    ];
    for (name, arguments, scheme, parts) in rows {
        let server = RedisServer::start(arguments);
        let url = format!("{scheme}127.0.0.1:{}", server.port);
        refuses(&url, name, false, parts).await;
    }
}

/// A server that says this of itself, and OK to everything.
fn impostor(info: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let info = info.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut lines = BufReader::new(stream.try_clone()?).lines();
                // *<n>, then for each word $<length> and the word.
                while let Some(count) = lines.next() {
                    let count: usize = count?.trim_start_matches('*').parse().unwrap_or(0);
                    let words: Vec<String> =
                        lines.by_ref().take(2 * count).collect::<Result<_, _>>()?;
                    let answer = match words.get(1).map(String::as_str) {
                        Some("INFO") => format!("${}\r\n{info}\r\n", info.len()),
                        _ => "+OK\r\n".into(),
                    };
                    stream.write_all(answer.as_bytes())?;
                }
                Ok(())
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_of_another_kind_is_refused() {
    let old = |version| format!("redis_version:{version}\r\n");
    let needs = |version| format!("version {version}, and Skylark needs 7 or later");
    let rows = [
        (old("6.2.14"), needs("6.2.14")),
        (old("2.8.0"), needs("2.8.0")),
        (old("unknown"), needs("unknown")),
        (
            "redis_version:7.4.0\r\nredis_mode:sentinel\r\n".into(),
            "a Sentinel, which keeps no data; name the primary".into(),
        ),
    ];
    for (info, text) in rows {
        let url = format!("redis://127.0.0.1:{}", impostor(info.clone()));
        refuses(&url, &info, false, &[&text]).await;
    }
}

#[tokio::test]
async fn malformed_urls_keep_their_secret() {
    for url in [
        "redis://u:geheim@h:port",
        "redis://:geheim@",
        "redis://u:geheim@h/x",
    ] {
        let error = open(url, &StoreOptions::default()).expect_err(url);
        let text = error.to_string();
        assert!(matches!(error, StoreError::Url { .. }), "{error:?}");
        assert!(
            text.contains("malformed") && !text.contains("geheim"),
            "{text}"
        );
    }
}
