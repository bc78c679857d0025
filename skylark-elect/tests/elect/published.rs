//! Policy `databelt` elects what the published rule elects.

use proptest::prelude::*;
use skylark_elect::{
    Bytes, Delay, Elector, Objectives, Options, Policy, ReadOptions, Request, Schedule, UnixMicros,
    published::literal,
};

proptest! {
    /// Latencies are different powers of two, so that no two paths have the
    /// same: there the published order depends on names.
    #[test]
    fn as_published(
        ends in prop::collection::vec((0usize..8, 1usize..8), 1..16),
        from in 0usize..8,
        destination in 0usize..8,
        size in 0u64..2_000_000_000,
        spent in 0u64..50,
        max_latency in 0u64..60_000,
    ) {
        let name = |n: usize| format!("n{n}");
        let mut graph: literal::Graph = (0..8).map(|n| (name(n), Vec::new())).collect();
        for (i, (a, step)) in ends.into_iter().enumerate() {
            graph.get_mut(&name(a)).expect("a node").push((name((a + step) % 8), 1 << i));
        }
        let json = serde_json::to_vec(&graph).expect("JSON");
        let schedule = Schedule::from_json(&json, &ReadOptions::default()).expect("readable");
        let objectives = Objectives { max_latency: Some(Delay::from_micros(max_latency * 1_000)), ..Objectives::default() };
        let elector = Elector::new(schedule, objectives, Options::default());
        let (from, destination) = (name(from), name(destination));
        let election = elector.elect(&Request {
            policy: Policy::Databelt,
            destination: Some(&destination),
            spent: Delay::from_micros(spent * 1_000),
            ..Request::new(&from, Bytes(size), UnixMicros(0))
        }).expect("an election");
        let ask = literal::Ask { size, spent, max_latency, mean_bandwidth: 80 };
        let expected = literal::elect(&graph, &from, &destination, &ask).unwrap_or(from.clone());
        prop_assert_eq!(&election.node().name, &expected, "{}", election.reason());
    }
}
