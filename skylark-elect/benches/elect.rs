//! Speed of elections, beside the published rule on its own data structures in
//! the same run: `cargo bench -p skylark-elect`. Prints a Markdown table.

use skylark_elect::{
    Bandwidth, Bytes, Delay, Elector, Link, NodeType, Objectives, Options, ReadOptions, Request,
    Schedule, UnixMicros, published::literal,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// The published benchmark's graphs, with the ends that it uses.
const GRAPHS: [(usize, &str, &str); 4] = [
    (10, "Node1", "Node6"),
    (100, "Node51", "Node58"),
    (1_000, "Node18", "Node28"),
    (10_000, "Node3615", "Node5807"),
];

/// Bandwidths that links are given where the table says there are eight; the
/// published graphs have none, so all their links get the same.
const BANDWIDTHS: [f64; 8] = [10.0, 30.0, 60.0, 90.0, 100.0, 250.0, 500.0, 1_000.0];

/// Sizes that cached elections go through, so that none is answered by the
/// one before it.
const SIZES: [u64; 5] = [1_000, 47_000, 10_000, 100_000, 20_000];

const SIZE: Bytes = Bytes(47_000);
const MAX_LATENCY_MS: u64 = 25;
const AT: UnixMicros = UnixMicros(0);

fn main() {
    println!(
        "Medians. {SIZE} within {MAX_LATENCY_MS} ms; *towards*: the successor's node is named, and too far away to be feasible itself; \
         *nearest*: a node of another type, one in twenty.\n"
    );
    let columns = [
        "nodes",
        "bandwidths",
        "after a change, towards",
        "after a change, nearest",
        "after a change, towards, no objective",
        "cached, towards",
        "cached, nearest",
        "cached, towards, with reason and path",
        "published rule",
        "published rule as served",
        "`warm`, one destination",
        "reading nodes and links",
    ];
    println!("| {} |", columns.join(" | "));
    println!("|{}", " ---: |".repeat(columns.len()));
    for (nodes, from, destination) in GRAPHS {
        let path = format!("{}/data/graph_{nodes}.json", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(path).expect("a published graph");
        let graph: literal::Graph = serde_json::from_slice(&file).expect("a published graph");
        let schedule =
            Schedule::from_json(&file, &ReadOptions::default()).expect("a published graph");
        for bandwidths in [1, BANDWIDTHS.len()] {
            let schedule = with_bandwidths(&schedule, bandwidths);
            let times = measure(&schedule, &graph, from, destination);
            let cells: Vec<String> = times.into_iter().map(show).collect();
            println!("| {nodes} | {bandwidths} | {} |", cells.join(" | "));
        }
    }
}

fn measure(
    schedule: &Schedule,
    graph: &literal::Graph,
    from: &str,
    destination: &str,
) -> [Duration; 10] {
    let objectives = Objectives {
        max_latency: Some(Delay::from_micros(MAX_LATENCY_MS * 1_000)),
        ..Objectives::default()
    };
    let nearest = Request {
        on: Some(NodeType::Edge),
        ..Request::new(from, SIZE, AT)
    };
    let towards = Request {
        destination: Some(destination),
        ..Request::new(from, SIZE, AT)
    };

    // The elector has another topology; the new one is put in force and asked.
    let old = Schedule::new(schedule.nodes()[..1].to_vec(), vec![vec![]]).expect("a schedule");
    let prepare_with = |objectives| {
        (
            Elector::new(old.clone(), objectives, Options::default()),
            schedule.clone(),
        )
    };
    let prepare = || prepare_with(objectives);
    let after_change = |request: &Request<'_>, objectives| {
        median(
            || prepare_with(objectives),
            |(elector, schedule)| {
                elector.replace(schedule);
                black_box(elector.elect(request).expect("an election"));
                elector
            },
        )
    };
    let elector = Elector::new(schedule.clone(), objectives, Options::default());
    elector
        .snapshot()
        .warm(from, &[destination])
        .expect("known nodes");
    let cached = |request: &Request<'_>, words: bool| {
        per_call(|i| {
            let size = Bytes(SIZES[i % SIZES.len()]);
            let election = elector
                .elect(&Request { size, ..*request })
                .expect("an election");
            if words {
                black_box((election.reason(), election.path()));
            }
            black_box(election);
        })
    };
    let ask = literal::Ask {
        size: SIZE.get(),
        spent: 0,
        max_latency: MAX_LATENCY_MS,
        mean_bandwidth: 80,
    };
    let links = schedule.frames()[0].links();
    [
        after_change(&towards, objectives),
        after_change(&nearest, objectives),
        after_change(&towards, Objectives::default()),
        cached(&towards, false),
        cached(&nearest, false),
        cached(&towards, true),
        per_call(|_| {
            black_box(literal::elect(graph, from, destination, &ask));
        }),
        // The published service builds its map of names for every request.
        per_call(|_| {
            let mut built = literal::Graph::new();
            for link in links {
                let name = |id| schedule.node(id).name.clone();
                built
                    .entry(name(link.source))
                    .or_default()
                    .push((name(link.target), link.latency.ms() as i64));
            }
            black_box(literal::elect(&built, from, destination, &ask));
        }),
        median(prepare, |(elector, schedule)| {
            elector.replace(schedule);
            elector
                .snapshot()
                .warm(from, &[destination])
                .expect("known nodes");
            elector
        }),
        median(
            || (schedule.nodes().to_vec(), vec![links.to_vec()]),
            |(nodes, frames): (_, Vec<Vec<Link>>)| {
                Schedule::new(nodes, frames).expect("a schedule")
            },
        ),
    ]
}

/// The same network, with this many different bandwidths, and every twentieth
/// node on the ground.
fn with_bandwidths(schedule: &Schedule, bandwidths: usize) -> Schedule {
    let mut random = fastrand::Rng::with_seed(1);
    let links = schedule.frames()[0]
        .links()
        .iter()
        .map(|link| match bandwidths {
            1 => *link,
            _ => Link {
                bandwidth: Bandwidth::from_mbps(BANDWIDTHS[random.usize(..bandwidths)])
                    .expect("a bandwidth"),
                ..*link
            },
        });
    let mut nodes = schedule.nodes().to_vec();
    nodes
        .iter_mut()
        .skip(3)
        .step_by(20)
        .for_each(|node| node.node_type = NodeType::Edge);
    Schedule::new(nodes, vec![links.collect()]).expect("a schedule")
}

/// The median of runs on fresh input; what a run returns is dropped outside
/// the time.
fn median<T, R>(prepare: impl Fn() -> T, run: impl Fn(T) -> R) -> Duration {
    const RUNS: usize = 101;
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let input = prepare();
            let start = Instant::now();
            let output = run(input);
            let took = start.elapsed();
            drop(output);
            took
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// The median of rounds of calls, per call. Rounds are long enough to be
/// measured well, and too short to be interrupted often.
fn per_call(call: impl Fn(usize)) -> Duration {
    const ROUNDS: usize = 101;
    let round = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(&call);
        start.elapsed()
    };
    let mut calls = 1;
    while round(calls) < Duration::from_micros(100) {
        calls *= 2;
    }
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| round(calls)).collect();
    times.sort_unstable();
    times[ROUNDS / 2] / calls as u32
}

fn show(time: Duration) -> String {
    match time.as_nanos() {
        n @ 0..1_000 => format!("{n} ns"),
        n @ 1_000..1_000_000 => format!("{:.1} µs", n as f64 / 1e3),
        n => format!("{:.2} ms", n as f64 / 1e6),
    }
}
