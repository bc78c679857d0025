//! Fused tasks of an app with collections come to what they come to apart. A test of
//! its own: such an app hands on encoded values, which `fusion.rs` is not about.
#![allow(missing_docs)]

mod crashes;

use crashes::Bits;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use skylark::{Counter, Failure, List, Map, Next, native::Runtime};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

#[skylark::state]
static LOG: List<i64> = List::new();

#[skylark::state]
static COUNT: Counter = Counter::new();

#[skylark::state]
static SEATS: Map<u8, i64> = Map::new();

#[skylark::state]
static SUM: Mutex<i64> = Mutex::new(0);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Deed {
    Push(i64),
    Pop,
    Count(i64),
    Seat(u8, i64),
    Leave(u8),
    Sum(i64),
    Look(u8),
}

/// What is to be done, function by function, and what was seen so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Story {
    links: VecDeque<Vec<Deed>>,
    seen: Vec<String>,
}

impl Story {
    /// Does the next link's deeds; itself, if there is another after it.
    fn go_on(mut self) -> Result<Self, Self> {
        for deed in self.links.pop_front().unwrap_or_default() {
            let seen = match deed {
                Deed::Push(n) => {
                    LOG.push(n);
                    continue;
                }
                Deed::Count(n) => {
                    COUNT.add(n);
                    continue;
                }
                Deed::Pop => format!("{:?}", LOG.pop()),
                Deed::Seat(at, n) => format!("{:?}", SEATS.insert(at, n)),
                Deed::Leave(at) => format!("{:?}", SEATS.remove(&at)),
                Deed::Sum(n) => {
                    let mut sum = SUM.lock().unwrap();
                    *sum += n;
                    sum.to_string()
                }
                Deed::Look(at) => format!(
                    "{} {} {:?} {} {:?}",
                    COUNT.get(),
                    LOG.len(),
                    SEATS.get(&at),
                    SEATS.len(),
                    LOG.iter().collect::<Vec<_>>()
                ),
            };
            self.seen.push(seen);
        }
        match self.links.is_empty() {
            true => Err(self),
            false => Ok(self),
        }
    }

    fn next(self) -> Next<(Self, Self)> {
        match self.go_on() {
            Ok(story) => Next::first(story),
            Err(story) => Next::second(story),
        }
    }
}

#[skylark::chain(next = [pong, end])]
fn ping(story: Story) -> Next<(Story, Story)> {
    story.next()
}

#[skylark::chain(next = [ping, end])]
fn pong(story: Story) -> Next<(Story, Story)> {
    story.next()
}

/// Writes as well, so that parts are written last in what is fused.
#[skylark::function]
fn end(story: Story) -> Vec<String> {
    LOG.push(-1);
    LOG.push(-2);
    COUNT.add(1000);
    story.seen
}

type Ended = (
    Result<Vec<String>, Failure>,
    Vec<(u64, i64)>,
    Option<i64>,
    Vec<(u8, i64)>,
    Option<i64>,
);

fn tell(runtime: &Runtime, story: &Story) -> Ended {
    let result = runtime.run("ping", story);
    runtime.drive();
    assert_eq!(runtime.undelivered(), 0);
    (
        result,
        runtime.entries("LOG").unwrap(),
        runtime.state("COUNT").unwrap(),
        runtime.entries("SEATS").unwrap(),
        runtime.state("SUM").unwrap(),
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => (0..9_i64).prop_map(Deed::Push),
        1 => Just(Deed::Pop),
        2 => (-9..9_i64).prop_map(Deed::Count),
        2 => (0..3_u8, 0..9_i64).prop_map(|(at, n)| Deed::Seat(at, n)),
        1 => (0..3_u8).prop_map(Deed::Leave),
        3 => (-9..9_i64).prop_map(Deed::Sum),
        4 => (0..3_u8).prop_map(Deed::Look),
    ]
}

fn runtime(most: u32) -> Runtime {
    let runtime = Runtime::new();
    runtime.with_fusion(most);
    runtime
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn fused_is_as_apart(
        links in proptest::collection::vec(proptest::collection::vec(deed(), 0..3), 0..8),
        most in 2..9_u32,
        crashes in any::<u32>(),
    ) {
        let story = Story { links: links.into(), seen: Vec::new() };
        let wanted = tell(&runtime(1), &story);
        prop_assert_eq!(&tell(&runtime(most), &story), &wanted);
        let crashed = runtime(most);
        crashed.with_faults(Arc::new(Bits::new(crashes)));
        prop_assert_eq!(&tell(&crashed, &story), &wanted);
    }
}

#[test]
fn who_wrote_to_a_collection_is_the_last_that_is_fused() {
    use Deed::{Count, Look, Push, Sum};
    let check = |links: &[&[Deed]], fused: &[bool], log: &[i64], count: i64| {
        let runtime = runtime(8);
        let story = Story {
            links: links.iter().map(|link| link.to_vec()).collect(),
            seen: Vec::new(),
        };
        let run = runtime.invoke("ping", serde_json::to_string(&story).unwrap());
        let found: Vec<bool> = run.tasks.iter().map(|t| t.fused).collect();
        assert_eq!(found, fused, "{links:?}");
        let entries = runtime.entries::<u64, i64>("LOG").unwrap();
        let entries: Vec<i64> = entries.into_iter().map(|(_, n)| n).collect();
        assert_eq!(entries, log, "{links:?}");
        assert_eq!(runtime.state("COUNT"), Ok(Some(count)), "{links:?}");
    };
    let all: &[Deed] = &[Push(1), Push(2), Count(1), Count(2)];
    check(
        &[&[Sum(1)], &[Look(0)]],
        &[false, true, true],
        &[-1, -2],
        1000,
    );
    check(
        &[all, all, &[Look(0)]],
        &[false, false, false, true],
        &[1, 2, 1, 2, -1, -2],
        1006,
    );
    check(
        &[&[Sum(1)], all, &[Look(0)]],
        &[false, true, false, true],
        &[1, 2, -1, -2],
        1003,
    );
}
