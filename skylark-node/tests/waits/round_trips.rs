//! What runs cost, counted by the server.

use crate::{
    guests::guest,
    world::{World, bounds, run, world},
};
use bytes::Bytes;
use skylark_abi::{
    hints::{FunctionHints, Hints},
    keys::{Bundle, Collection, Part},
    names::HINTS,
    protocol::{Bounds, BundleField, Commit, Committed},
    value,
};
use skylark_compiler::{Analysis, Ctx, SourceFile, read_crate};
use skylark_node::node::InvokeOptions;

/// Scripts that the server has run: each is one round trip.
fn scripts(world: &World) -> u64 {
    let server = world.redis.as_ref().expect("Redis");
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query(&mut server.connect())
        .expect("INFO");
    let calls = |command: &str| {
        let line = stats
            .lines()
            .find(|l| l.starts_with(&format!("cmdstat_{command}:")))?;
        line.split("calls=")
            .nth(1)?
            .split(',')
            .next()?
            .parse::<u64>()
            .ok()
    };
    calls("evalsha").unwrap_or(0) + calls("eval").unwrap_or(0)
}

async fn keyed(world: &World, app: &str, function: &str, input: &'static str, key: String) {
    let options = InvokeOptions {
        key: Some(key),
        ..InvokeOptions::default()
    };
    let reply = world
        .node
        .invoke(app, function, Bytes::from_static(input.as_bytes()), options)
        .await
        .expect("it succeeds");
    assert!(!reply.replayed);
}

/// The node's own looks at the outbox are scripts too, fewer than one for each
/// run of a batch: what they add is less than one each, and left out.
async fn cost(world: &World, mut one: impl AsyncFnMut(usize)) -> u64 {
    const BATCH: u64 = 10;
    let mut least = u64::MAX;
    for batch in 0..6 {
        let before = scripts(world);
        for n in 0..BATCH as usize {
            one(batch * 100 + n).await;
        }
        least = least.min((scripts(world) - before) / BATCH);
    }
    least
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_n_costs_n_plus_one() {
    let apart = Bounds {
        max_fused: 1,
        ..bounds()
    };
    let world = world("redis", apart, &["hashchain", "counter"]).await;
    let node = &world.node;
    run::<u64>(node, "counter/add", 1).await.unwrap();
    run::<serde_json::Value>(node, "hashchain/f1", "x")
        .await
        .unwrap();
    // The commit of one is the begin of the next.
    let chain = cost(&world, async |n| {
        keyed(&world, "hashchain", "f1", "\"x\"", format!("k{n}")).await;
    });
    assert_eq!(chain.await, 4, "three tasks, with a key");
    let chain = cost(&world, async |_| {
        run::<serde_json::Value>(node, "hashchain/f1", "x")
            .await
            .unwrap();
    });
    assert_eq!(
        chain.await,
        3,
        "three tasks; the first has nothing to begin"
    );
    let counter = cost(&world, async |_| {
        run::<u64>(node, "counter/add", 1).await.unwrap();
    });
    assert_eq!(counter.await, 2, "one variable");
    let counter = cost(&world, async |n| {
        keyed(&world, "counter", "add", "1", format!("c{n}")).await;
    });
    assert_eq!(counter.await, 2, "one variable, with a key");
    let counter = cost(&world, async |n| {
        run::<u64>(node, "counter/count", format!("name{n}"))
            .await
            .unwrap();
    });
    assert_eq!(counter.await, 2, "one variable per name");
    let stateless = cost(&world, async |_| {
        run::<String>(node, "counter/echo", "x").await.unwrap();
    });
    assert_eq!(stateless.await, 0, "nothing to begin or commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fused_chain_costs_one_begin_and_one_commit() {
    let world = world("redis", bounds(), &["hashchain"]).await;
    run::<serde_json::Value>(&world.node, "hashchain/f1", "x")
        .await
        .unwrap();
    let chain = cost(&world, async |n| {
        keyed(&world, "hashchain", "f1", "\"x\"", format!("k{n}")).await;
    });
    assert_eq!(chain.await, 2, "three tasks, with a key");
}

/// The module with a custom section behind all others: of several, the last counts.
fn with_section(wasm: &[u8], name: &str, data: &[u8]) -> Bytes {
    let leb128 = |n: usize| [(n & 0x7f) as u8 | 0x80, (n >> 7) as u8];
    assert!(
        name.len() + data.len() + 2 < 1 << 14,
        "two bytes say how long"
    );
    let mut module = wasm.to_vec();
    module.push(0);
    module.extend(leb128(2 + name.len() + data.len()));
    module.extend(leb128(name.len()));
    module.extend(name.as_bytes());
    module.extend(data);
    module.into()
}

/// Round trips of one call of `plant`'s `note`, and the bytes that the server sent for it.
async fn noted(world: &World) -> (u32, u64) {
    let server = world.redis.as_ref().expect("Redis");
    let sent = || {
        let stats: String = redis::cmd("INFO")
            .arg("stats")
            .query(&mut server.connect())
            .expect("INFO");
        let mut lines = stats.lines();
        let line = lines.find_map(|l| l.strip_prefix("total_net_output_bytes:"));
        line.and_then(|n| n.trim().parse::<u64>().ok())
            .expect("a number")
    };
    let before = sent();
    let input = Bytes::from_static(br#"{"heat":1,"speed":2,"flow":3}"#);
    let options = InvokeOptions::default();
    let reply = world
        .node
        .invoke("plant", "Plant-note", input, options)
        .await
        .expect("it succeeds");
    assert_eq!(reply.output, b"4000000000");
    (reply.tasks[0].round_trips, sent() - before)
}

/// A build's hints let the first call fetch what it needs and nothing else; hints that
/// are wrong, stale or no hints at all cost time and change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_are_only_hints() {
    /// A fiftieth of what `fill` writes: 128 numbers of five bytes.
    const FIELD: u64 = 640;
    let world = world("redis", bounds(), &["plant"]).await;
    let full = vec![4_000_000_000_u64; 128];
    run::<()>(&world.node, "plant/Plant-fill", &full)
        .await
        .unwrap();
    let three = ["Plant-boiler_0", "Plant-turbine_0", "Plant-pump_0"];
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let hints = |reads: &[&str], writes: &[&str], complete| FunctionHints {
        reads: names(reads),
        writes: names(writes),
        complete,
        ..FunctionHints::default()
    };
    let other = ["Plant-tank_1", "gone"];
    for (what, hints, first, fields) in [
        ("right", Some(hints(&three, &three, true)), 2, 3),
        ("none", None, 2, 50),
        ("wrong", Some(hints(&other, &other, true)), 3, 50),
        ("too few", Some(hints(&three[..1], &[], true)), 3, 50),
        ("no state", Some(hints(&[], &[], true)), 2, 50),
    ] {
        let functions = hints.map(|hints| ("Plant-note".to_owned(), hints));
        let section = Hints::new(functions.into_iter().collect()).to_section();
        let wasm = with_section(&guest("plant"), HINTS, &section.expect("small"));
        let uploaded = world.node.upload("plant", wasm, false).await;
        uploaded.expect("upload");
        let (round_trips, sent) = noted(&world).await;
        assert_eq!(round_trips, first, "{what}: the first call");
        let fetched = sent / FIELD;
        assert!(
            (fields..fields + 8).contains(&fetched),
            "{what}: {fetched} fields"
        );
        let (round_trips, _) = noted(&world).await;
        assert_eq!(round_trips, 2, "{what}: the second call");
    }
}

/// A build's hints tell which entries the arguments choose, so that the first call fetches
/// them ahead; one that is not read is fetched in vain once, and a place that does not exist
/// is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_told_by_hints() {
    let world = world("redis", bounds(), &["bank"]).await;
    open_accounts(&world, (0..4).map(|n| format!("a{n}"))).await;
    let hints = |state: &str, path: &str| FunctionHints {
        entries: [(state.to_owned(), [path.to_owned()].into())].into(),
        ..FunctionHints::default()
    };
    for (what, hints, first) in [
        ("right", Some(hints("EAST", "name")), 2),
        ("none", None, 3),
        ("another argument", Some(hints("EAST", "cents")), 3),
        ("no such argument", Some(hints("EAST", "name.first")), 3),
        ("no such collection", Some(hints("GONE", "name")), 3),
    ] {
        let functions = hints.map(|hints| ("deposit".to_owned(), hints));
        let section = Hints::new(functions.into_iter().collect()).to_section();
        let wasm = with_section(&guest("bank"), HINTS, &section.expect("small"));
        let uploaded = world.node.upload("bank", wasm, false).await;
        uploaded.expect("upload");
        for (call, wanted) in [("first", first), ("second", 2)] {
            let input = Bytes::from_static(br#"["a1", 1]"#);
            // With a key there is a begin in any case; without one the read stands in for it.
            let options = InvokeOptions {
                key: Some(format!("{what}, {call}")),
                ..InvokeOptions::default()
            };
            let reply = world.node.invoke("bank", "deposit", input, options).await;
            let reply = reply.expect("it is there");
            assert_eq!(
                reply.tasks[0].round_trips, wanted,
                "{what}: the {call} call"
            );
        }
    }
}

/// What `cargo skylark build` puts into the module of an example.
fn hints_of(app: &str) -> Hints {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let sources = std::fs::read_dir(format!("{sources}/{app}/src")).expect("an example");
    let files = sources.map(|file| {
        let path = file.expect("a file").path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let module = match name.expect("UTF-8") {
            "lib" => app.to_owned(),
            name => format!("{app}::{name}"),
        };
        SourceFile {
            text: std::fs::read_to_string(&path).expect("Rust"),
            path: path.display().to_string(),
            module,
        }
    });
    let model = read_crate(files.collect(), &Ctx::default());
    Analysis::new(&model).hints()
}

/// What the compiler sees tells a fresh node what to fetch: the first calls of a function,
/// beside those of the same module built by plain cargo, of which a node learns. A page of
/// a scan is never there before it is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_compiler_has_seen_is_fetched_at_once() {
    let world = world("redis", bounds(), &["bank", "travel"]).await;
    let opened = run::<()>(&world.node, "bank/open", ("ann", 100)).await;
    let offer = ("h", 9, "f", 9);
    let offered = run::<()>(&world.node, "travel/offer", offer).await;
    assert_eq!((opened, offered), (Ok(()), Ok(())));
    let transfer = r#"{"from":"ann","to":"ann","cents":1}"#;
    let trip = r#"{"user":"ann","hotel":"h","flight":"f"}"#;
    let mut told = Vec::new();
    for (app, function, input) in [
        ("bank", "deposit", r#"["ann", 1]"#),
        ("bank", "transfer", transfer),
        ("bank", "total_money", "null"),
        ("travel", "reserve", trip),
    ] {
        let plain = guest(app);
        let section = hints_of(app).to_section().expect("there are some");
        let told_of = with_section(&plain, HINTS, &section);
        for (what, module) in [("told", told_of), ("plain", plain)] {
            let uploaded = world.node.upload(app, module, false).await;
            uploaded.expect("upload");
            let mut trips = Vec::new();
            for call in ["first", "second"] {
                let options = InvokeOptions {
                    key: Some(format!("{function}, {what}, {call}")),
                    ..InvokeOptions::default()
                };
                let input = Bytes::from_static(input.as_bytes());
                let reply = world.node.invoke(app, function, input, options).await;
                trips.push(reply.expect("it succeeds").tasks[0].round_trips);
            }
            told.push(format!("{function} {what}: {trips:?}"));
        }
    }
    assert_eq!(
        told,
        [
            "deposit told: [2, 2]",
            "deposit plain: [3, 2]",
            "transfer told: [2, 2]",
            "transfer plain: [4, 2]",
            "total_money told: [3, 3]",
            "total_money plain: [4, 3]",
            "reserve told: [2, 2]",
            "reserve plain: [4, 2]",
        ]
    );
}

/// Bytes that the server has read and written.
fn traffic(world: &World) -> u64 {
    let server = world.redis.as_ref().expect("Redis");
    let stats: String = redis::cmd("INFO")
        .arg("stats")
        .query(&mut server.connect())
        .expect("INFO");
    let of = |what: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(what));
        line.and_then(|n| n.trim().parse::<u64>().ok())
            .expect("a number")
    };
    of("total_net_input_bytes:") + of("total_net_output_bytes:")
}

/// Puts accounts into the bank's eastern branch, without reading.
async fn open_accounts(world: &World, names: impl Iterator<Item = String>) {
    let of = Collection {
        key: None,
        name: "EAST".into(),
    };
    // No cents, as MessagePack has them.
    let nothing = [&value::header(0)[..], &[0]].concat();
    let writes = names.map(|name| {
        let bundle = Bundle::Part(of.clone(), Part::Entry);
        (BundleField { bundle, name }, Some(nothing.clone()))
    });
    let commit = Commit {
        writes: writes.collect(),
        ..Commit::new("bank", &Bounds::default())
    };
    let committed = world.node.store().commit(&commit).await.expect("commit");
    assert_eq!(committed, Committed::Done { begun: None });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_costs_the_same_among_a_hundred_thousand() {
    let world = world("redis", bounds(), &["bank"]).await;
    open_accounts(&world, (0..10).map(|n| format!("few{n}"))).await;
    let pay = async |name: &str| {
        let pay = (name, 1);
        run::<i64>(&world.node, "bank/deposit", pay)
            .await
            .expect("it is there");
    };
    let bytes_of_one = async |name: &str| {
        let mut least = u64::MAX;
        for _ in 0..6 {
            let before = traffic(&world);
            for _ in 0..10 {
                pay(name).await;
            }
            least = least.min(traffic(&world) - before);
        }
        least / 10
    };
    // What it is called with tells which entry it reads.
    pay("few0").await;
    let among_few = bytes_of_one("few1").await;
    for thousand in 0..100 {
        open_accounts(&world, (0..1000).map(|n| format!("many{thousand}-{n}"))).await;
    }
    let many = bytes_of_one("many7-77").await;
    assert!(
        many < among_few + among_few / 4,
        "{many} bytes, and {among_few} among ten"
    );
    assert!(
        many < 6000,
        "{many} bytes, most of them the keys of two scripts"
    );
    let plain = cost(&world, async |n| pay(&format!("many3-{n}")).await);
    assert_eq!(plain.await, 2, "one entry");
    let with_key = cost(&world, async |n| {
        let options = InvokeOptions {
            key: Some(format!("pay{n}")),
            ..InvokeOptions::default()
        };
        let input = Bytes::from(format!("[\"many5-{n}\", 1]"));
        let reply = world.node.invoke("bank", "deposit", input, options).await;
        reply.expect("it is there");
    });
    assert_eq!(with_key.await, 2, "one entry, with a key");
}
