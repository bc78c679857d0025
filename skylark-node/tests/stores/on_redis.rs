//! What is particular to the store on Redis.

use crate::{
    app::{App, DONE, LONG, SHORT, keyed, message, number, run, var},
    redis_server::RedisServer,
};
use skylark_abi::{
    keys::{self, Bundle, Collection, Part},
    protocol::{Begun, BundleField, Commit},
};
use skylark_node::store::{StoreError, StoreOptions, open};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

pub(crate) fn app(url: &str, options: &StoreOptions) -> App {
    App {
        store: open(url, options).expect("open"),
        name: "app".into(),
    }
}

/// What a server is asked to do, from now on.
struct Monitor {
    lines: BufReader<TcpStream>,
    marks: redis::Connection,
}

impl Monitor {
    fn start(server: &RedisServer) -> Self {
        let marks = server.connect();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connect");
        stream.write_all(b"MONITOR\r\n").expect("send");
        let mut lines = BufReader::new(stream);
        let mut ok = String::new();
        lines.read_line(&mut ok).expect("answer");
        assert_eq!(ok, "+OK\r\n");
        Self { lines, marks }
    }

    /// The commands since the last call, as the server prints them; those that
    /// scripts made are marked `lua`.
    fn commands(&mut self) -> Vec<String> {
        redis::cmd("ECHO")
            .arg("mark")
            .exec(&mut self.marks)
            .expect("mark");
        let mut commands = Vec::new();
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("a command");
            if line.contains("\"ECHO\" \"mark\"") {
                return commands;
            }
            commands.push(line);
        }
    }
}

/// The commands that came from outside, and those that scripts made of them.
fn split(commands: &[String]) -> (Vec<&str>, Vec<&str>) {
    commands
        .iter()
        .map(String::as_str)
        .partition(|line| !line.contains(" lua] "))
}

/// How often the server has run a command.
fn calls(connection: &mut redis::Connection, command: &str) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(connection)
        .expect("commandstats");
    let line = stats
        .lines()
        .find_map(|l| l.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |rest| number(rest.split(',').next().map(str::as_bytes)))
}

#[tokio::test]
async fn begin_and_commit_are_one_command_each() {
    let server = RedisServer::start(&[]);
    let app = app(&server.url(), &StoreOptions::default());
    let names: Vec<String> = (0..50).map(|n| format!("v{n}")).collect();
    let all: Vec<_> = names
        .iter()
        .map(|n| var(n))
        .chain([keyed("k", "a")])
        .collect();
    let writes: Vec<_> = all.iter().map(|f| (f.clone(), Some(&b"1"[..]))).collect();
    app.put(&writes).await;
    // Once per process: the scripts are loaded, the app is entered.
    let epoch = app.lease("warm", "n1", LONG).await;
    app.send(&app.commit_of("warm", epoch)).await;
    assert_eq!(other_calls(&app, "warm").await, 6);

    let mut admin = server.connect();
    let mut monitor = Monitor::start(&server);
    let before = calls(&mut admin, "evalsha");
    monitor.commands();

    let Begun::Leased { epoch, fields, .. } =
        app.try_begin("r", "n1", LONG, &all).await.expect("begin")
    else {
        panic!("not leased")
    };
    assert_eq!(fields.len(), 51);
    let commands = monitor.commands();
    let (outside, _) = split(&commands);
    assert_eq!(outside.len(), 1, "{outside:#?}");
    assert!(outside[0].contains("\"EVALSHA\""), "{outside:#?}");

    let commit = Commit {
        checks: all.iter().map(|f| (f.clone(), 1)).collect(),
        writes: vec![
            (var("v7"), Some(b"DIRTY".to_vec())),
            (keyed("k", "a"), None),
        ],
        outbox: vec![message("m1", LONG), message("m2", LONG)],
        run: Some(run("r", b"run")),
        ..app.commit_of("r", epoch)
    };
    assert_eq!(app.send(&commit).await, DONE);
    let commands = monitor.commands();
    let (outside, inside) = split(&commands);
    assert_eq!(outside.len(), 1, "{outside:#?}");
    assert_eq!(calls(&mut admin, "evalsha") - before, 2);

    // Only the dirty fields are written.
    let state_writes: Vec<&str> = inside
        .iter()
        .filter(|l| {
            ["\"HSET\"", "\"HDEL\"", "\"HINCRBY\""]
                .iter()
                .any(|w| l.contains(w))
        })
        .filter(|l| l.contains(":app\"") || l.contains(":key:"))
        .map(|l| l.split_once("] ").expect("a monitor line").1.trim_end())
        .collect();
    assert_eq!(
        state_writes,
        [
            r#""HINCRBY" "sky:{app}:app" "@v7" "1""#,
            r#""HSET" "sky:{app}:app" "v7" "DIRTY""#,
            r#""HINCRBY" "sky:{app}:key:k" "@a" "1""#,
            r#""HDEL" "sky:{app}:key:k" "a""#,
        ]
    );

    // The other calls are one command each, too.
    let made = other_calls(&app, "s").await;
    let commands = monitor.commands();
    let (outside, _) = split(&commands);
    let outside: Vec<_> = outside.iter().filter(|l| !l.contains("\"INFO\"")).collect();
    assert_eq!(outside.len(), made, "{outside:#?}");
}

/// Makes each of the remaining calls once; tells how many that were.
async fn other_calls(app: &App, chain_id: &str) -> usize {
    let App { store, name } = app;
    let ok = "the server answers";
    app.read(&[var("a"), keyed("k", "a")]).await;
    let outbox = vec![message(chain_id, LONG)];
    store
        .accept(name, chain_id, Vec::new(), outbox, LONG)
        .await
        .expect(ok);
    store
        .acknowledge(name, &[chain_id.to_owned()])
        .await
        .expect(ok);
    store.run(name, chain_id).await.expect(ok);
    store.put_run(name, run(chain_id, b"")).await.expect(ok);
    store.states(name, None, 100).await.expect(ok);
    6
}

#[tokio::test]
async fn a_person_can_look() {
    let server = RedisServer::start(&[]);
    let app = app(&server.url(), &StoreOptions::default());
    app.put(&[
        (var("SEEN"), Some(b"one")),
        (keyed("Vienna", "count"), Some(b"7")),
    ])
    .await;
    app.put(&[(var("SEEN"), Some(b"two"))]).await;
    let epoch = app.lease("r", "n1", LONG).await;
    let commit = Commit {
        outbox: vec![message("m", LONG)],
        ..app.commit_of("r", epoch)
    };
    app.send(&commit).await;

    let mut admin = server.connect();
    let mut hash = |key: &str| -> BTreeMap<String, String> {
        redis::cmd("HGETALL")
            .arg(key)
            .query(&mut admin)
            .expect("a hash")
    };
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    assert_eq!(
        hash("sky:{app}:app"),
        pairs(&[("SEEN", "two"), ("@SEEN", "2")])
    );
    assert_eq!(
        hash("sky:{app}:key:Vienna"),
        pairs(&[("count", "7"), ("@count", "1")])
    );
    assert_eq!(
        hash("sky:{app}:outbox:data"),
        pairs(&[("m", "payload of m")])
    );

    // All keys of an app are in one slot of a cluster, and what is to expire does.
    let all: BTreeSet<String> = redis::cmd("KEYS").arg("*").query(&mut admin).expect("keys");
    assert!(
        all.iter()
            .all(|k| k == keys::APPS || k.starts_with("sky:{app}:")),
        "{all:?}"
    );
    let left: i64 = redis::cmd("PTTL")
        .arg(keys::record("app", &app.id("r")))
        .query(&mut admin)
        .expect("ttl");
    let retention = i64::try_from(LONG.as_millis()).expect("fits");
    assert!((1..=retention).contains(&left), "{left}");
}

#[tokio::test]
async fn what_is_over_leaves_nothing() {
    let server = RedisServer::start(&[]);
    let app = app(&server.url(), &StoreOptions::default());
    let mut admin = server.connect();
    app.lasting(&var("SEEN"), "1", LONG).await;
    let version = app.get(&var("SEEN")).await.0;
    let stored: String = redis::cmd("HGET")
        .arg("sky:{app}:app")
        .arg("@SEEN")
        .query(&mut admin)
        .expect("its version");
    let (shown, until) = stored.split_once(':').expect("a version and a time");
    assert_eq!(number(Some(shown.as_bytes())), version);
    assert!(number(Some(until.as_bytes())) > version / 1000, "{stored}");
    // All of it in one slot of a cluster.
    let of = Collection {
        key: Some("Vienna".into()),
        name: "M".into(),
    };
    let entry = BundleField {
        bundle: Bundle::Part(of, Part::Entry),
        name: "ann".into(),
    };
    let fields = [var("SEEN"), keyed("k", "a"), entry];
    for field in &fields {
        app.lasting(field, "1", SHORT).await;
    }
    for field in &fields {
        app.is_over(field).await;
    }
    let mut keys =
        || -> BTreeSet<String> { redis::cmd("KEYS").arg("*").query(&mut admin).expect("keys") };
    let all = keys();
    let is_ours = |k: &String| k == keys::APPS || k.starts_with("sky:{app}:");
    assert!(
        all.contains(&keys::expiring("app")) && all.iter().all(is_ours),
        "{all:?}"
    );
    app.sweep().await;
    // A collection is remembered, for its version.
    let left = [keys::APPS, "sky:{app}:bundles", "sky:{app}:key:Vienna"];
    assert_eq!(keys(), left.map(String::from).into());
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = RedisServer::start(&[]);
    let app = app(&server.url(), &StoreOptions::default());
    let mut admin = server.connect();
    for n in 0..5 {
        app.increment(&format!("r{n}"), "n1", &var("count")).await;
        redis::cmd("SCRIPT")
            .arg("FLUSH")
            .exec(&mut admin)
            .expect("flush");
        let epoch = app.lease(&format!("s{n}"), "n1", LONG).await;
        redis::cmd("SCRIPT")
            .arg("FLUSH")
            .exec(&mut admin)
            .expect("flush");
        let commit = app.commit_of(&format!("s{n}"), epoch);
        assert_eq!(app.send(&commit).await, DONE);
    }
    assert_eq!(app.get(&var("count")).await.0, 5);
}

#[tokio::test]
async fn a_server_without_memory_takes_all_or_nothing() {
    let server = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    let app = app(&server.url(), &StoreOptions::default());
    let epoch = app.lease("r", "n1", LONG).await;
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("1mb")
        .exec(&mut server.connect())
        .expect("set");
    let commit = Commit {
        writes: vec![
            (var("a"), Some(b"1".to_vec())),
            (var("b"), Some(vec![b'x'; 1 << 20])),
        ],
        outbox: vec![message("m", Duration::ZERO)],
        ..app.commit_of("r", epoch)
    };
    let error = app.store.commit(&commit).await.expect_err("no memory");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("its memory is full (maxmemory)"),
        "{error}"
    );
    // Reads go on.
    assert_eq!(app.get(&var("a")).await, (0, None));
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("0")
        .exec(&mut server.connect())
        .expect("set");
    assert_eq!(app.due(LONG).await, Vec::<String>::new());
    assert_eq!(app.send(&commit).await, DONE);
}

#[tokio::test]
async fn foreign_keys_spoil_a_commit_whole() {
    let app_bundle = keys::bundle("app", &Bundle::App);
    let key_bundle = keys::bundle("app", &Bundle::Key("k".into()));
    let spoiled = [
        key_bundle,
        keys::bundles("app"),
        keys::outbox("app"),
        keys::outbox_data("app"),
    ];
    for key in spoiled {
        let server = RedisServer::start(&[]);
        let app = app(&server.url(), &StoreOptions::default());
        let epoch = app.lease("r", "n1", LONG).await;
        let mut admin = server.connect();
        redis::cmd("SET")
            .arg(&key)
            .arg("foreign")
            .exec(&mut admin)
            .expect("set");
        let commit = Commit {
            writes: vec![
                (var("a"), Some(b"1".to_vec())),
                (keyed("k", "b"), Some(b"1".to_vec())),
            ],
            outbox: vec![message("m", LONG)],
            run: Some(run("r", b"run")),
            ..app.commit_of("r", epoch)
        };
        let error = app.store.commit(&commit).await.expect_err(&key);
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{key}: {error:?}"
        );
        assert!(
            error.to_string().contains("a database of its own"),
            "{key}: {error}"
        );
        let exists: u64 = redis::cmd("EXISTS")
            .arg(&[&app_bundle, &keys::run("app", "r")])
            .query(&mut admin)
            .expect("exists");
        assert_eq!(exists, 0, "{key}");
        redis::cmd("DEL").arg(&key).exec(&mut admin).expect("del");
        assert_eq!(app.send(&commit).await, DONE, "{key}");
    }
}

#[tokio::test]
async fn messages_are_found_by_nodes_that_never_saw_the_app() {
    let server = RedisServer::start(&[]);
    let first = app(&server.url(), &StoreOptions::default());
    let epoch = first.lease("r", "n1", LONG).await;
    let commit = Commit {
        outbox: vec![message("m", Duration::ZERO)],
        ..first.commit_of("r", epoch)
    };
    assert_eq!(first.send(&commit).await, DONE);
    let second = app(&server.url(), &StoreOptions::default());
    assert_eq!(second.due(Duration::ZERO).await, ["m"]);
    // Even if the list of apps was lost.
    redis::cmd("DEL")
        .arg(keys::APPS)
        .exec(&mut server.connect())
        .expect("del");
    assert_eq!(first.due(Duration::ZERO).await, ["m"]);
    assert_eq!(second.due(LONG).await, ["m"]);
}

/// What nodes write without reading counts all, and none of it conflicts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_add_and_push_without_conflict() {
    let server = RedisServer::start(&[]);
    let part = |name: &str, part| BundleField {
        bundle: Bundle::Part(
            Collection {
                key: None,
                name: name.to_owned(),
            },
            part,
        ),
        name: String::new(),
    };
    let nodes = (0..4).map(|_| {
        let app = app(&server.url(), &StoreOptions::default());
        let (sum, end) = (part("VISITS", Part::Sum), part("LOG", Part::End));
        tokio::spawn(async move {
            for n in 0..50 {
                let addend = (n + 1).to_string().into_bytes();
                let commit = Commit {
                    writes: vec![
                        (sum.clone(), Some(addend.clone())),
                        (end.clone(), Some(addend)),
                    ],
                    ..app.commit()
                };
                assert_eq!(app.send(&commit).await, DONE);
            }
        })
    });
    for node in nodes.collect::<Vec<_>>() {
        node.await.expect("it writes");
    }
    let app = app(&server.url(), &StoreOptions::default());
    let sum = 4 * (1..=50).sum::<u64>();
    assert_eq!(number(app.get(&var("VISITS")).await.1.as_deref()), sum);
    assert_eq!(number(app.get(&var("LOG")).await.1.as_deref()), 200);
    // A person can look.
    let mut connection = server.connect();
    let mut ask = |command: &str, key: &str, rest: &[&str]| -> Vec<String> {
        let mut command = redis::cmd(command);
        command.arg(key).arg(rest);
        command.query(&mut connection).expect("an answer")
    };
    let bundle = ask("HMGET", "sky:{app}:app", &["VISITS", "LOG"]);
    assert_eq!(bundle, [sum.to_string(), "200".to_owned()]);
    let first = ask("ZRANGE", "sky:{app}:index:LOG", &["0", "1"]);
    assert_eq!(first, ["A0", "A1"]);
    let entries = ask("HKEYS", "sky:{app}:entries:LOG", &[]);
    assert_eq!(entries.len(), 200);
}
