//! Fused tasks come to what they come to apart: random stories over functions that
//! touch state, fail, panic, choose, wait and start others, crashed at random.
#![allow(missing_docs)]
// Of `Next<(…)>`, which says what each successor gets.
#![allow(clippy::type_complexity)]

mod crashes;

use crashes::Bits;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use skylark::{Failure, FailureKind, Next, native::Runtime};
use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

#[skylark::state]
static SUM: Mutex<i64> = Mutex::new(0);

#[skylark::state(scope = chain)]
static TRAIL: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[skylark::state(scope = key(place))]
static SEEN: Mutex<Vec<i64>> = Mutex::new(Vec::new());

#[skylark::state]
static TOLD: Mutex<Vec<i64>> = Mutex::new(Vec::new());

/// What one function does.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Deed {
    Add(i64),
    Pass(String),
    Tell(i64),
    Record(i64),
    Fail(String),
    Panic,
}

/// What is to be done, function by function, and what was seen so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Story {
    links: VecDeque<(usize, Vec<Deed>)>,
    seen: Vec<String>,
}

impl Story {
    /// Does the next link's deeds; where it leads to, of so many.
    fn go_on(&mut self, own: &str, ways: usize) -> Result<usize, String> {
        let (way, deeds) = self.links.pop_front().unwrap_or((ways - 1, Vec::new()));
        for deed in deeds {
            let seen = match deed {
                Deed::Add(n) => {
                    let mut sum = SUM.lock().unwrap();
                    *sum += n;
                    sum.to_string()
                }
                Deed::Pass(what) => {
                    TRAIL.lock().unwrap().push(what);
                    format!("{:?}", TRAIL.lock().unwrap())
                }
                Deed::Tell(n) => {
                    skylark::call!(tell(n)).send().map_err(|f| f.message)?;
                    "told".into()
                }
                Deed::Record(n) => skylark::nondet(|| n).to_string(),
                Deed::Fail(why) => return Err(format!("{own}: {why}")),
                Deed::Panic => panic!("{own} panics"),
            };
            self.seen.push(format!("{own} {seen}"));
        }
        Ok(way % ways)
    }
}

#[skylark::chain(next = [right, pair, plain, end])]
fn left(mut story: Story) -> Result<Next<(Story, (String, Story), Story, Story)>, String> {
    Ok(match story.go_on("left", 4)? {
        0 => Next::first(story),
        1 => Next::second(("here".to_owned(), story)),
        2 => Next::third(story),
        _ => Next::fourth(story),
    })
}

#[skylark::chain(next = [left, waits, alone, end], on_error = mend)]
fn right(mut story: Story) -> Result<Next<(Story, Story, Story, Story)>, String> {
    Ok(match story.go_on("right", 4)? {
        0 => Next::first(story),
        1 => Next::second(story),
        2 => Next::third(story),
        _ => Next::fourth(story),
    })
}

/// Its input is never kept: one of its arguments is a key.
#[skylark::chain(next = spread, on_error = mend)]
fn pair(place: String, mut story: Story) -> Result<(Story, usize), String> {
    SEEN.lock().unwrap().push(story.links.len() as i64);
    let way = story.go_on(&place, 3)?;
    Ok((story, way))
}

#[skylark::chain(next = left)]
fn spread(mut story: Story, way: usize) -> Story {
    story.seen.push(format!("spread {way}"));
    story
}

#[skylark::chain(next = right)]
fn plain(mut story: Story) -> Result<Story, String> {
    story.go_on("plain", 1)?;
    Ok(story)
}

#[skylark::chain(next = left)]
async fn waits(mut story: Story) -> Result<Story, String> {
    story.go_on("waits", 1)?;
    skylark::sleep(Duration::from_secs(1)).await;
    story.go_on("waits", 1)?;
    Ok(story)
}

#[skylark::chain(next = left, fuse = false)]
fn alone(mut story: Story) -> Result<Story, String> {
    story.go_on("alone", 1)?;
    Ok(story)
}

#[skylark::function]
fn end(story: Story) -> Vec<String> {
    *SUM.lock().unwrap() += 1000;
    story.seen
}

#[skylark::function]
fn mend(failure: Failure) -> Vec<String> {
    vec![failure.message, format!("{:?}", TRAIL.lock().unwrap())]
}

#[skylark::function]
fn tell(n: i64) {
    TOLD.lock().unwrap().push(n);
}

/// What came of a story, whoever looks at it.
#[derive(Debug, PartialEq)]
struct Ended {
    result: Result<Vec<String>, Failure>,
    sum: Option<i64>,
    here: Option<Vec<i64>>,
    told: Vec<i64>,
}

fn tell_it(runtime: &Runtime, story: &Story) -> Ended {
    let result = runtime.run("left", story);
    runtime.drive();
    assert_eq!(runtime.undelivered(), 0);
    let mut told: Vec<i64> = runtime.state("TOLD").unwrap().unwrap_or_default();
    told.sort_unstable();
    Ended {
        result,
        sum: runtime.state("SUM").unwrap(),
        here: runtime.state_of("SEEN", "here").unwrap(),
        told,
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (-9..9_i64).prop_map(Deed::Add),
        3 => "[a-z]".prop_map(Deed::Pass),
        3 => (0..9_i64).prop_map(Deed::Tell),
        2 => (0..9_i64).prop_map(Deed::Record),
        1 => "[a-z]".prop_map(Deed::Fail),
        1 => Just(Deed::Panic),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    let link = (0..4_usize, proptest::collection::vec(deed(), 0..4));
    proptest::collection::vec(link, 0..9).prop_map(|links| Story {
        links: links.into(),
        seen: Vec::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn fused_is_as_apart(story in story(), most in 2..9_u32, crashes in any::<u32>()) {
        let apart = Runtime::new();
        apart.with_fusion(1);
        let wanted = tell_it(&apart, &story);
        let fused = Runtime::new();
        fused.with_fusion(most);
        prop_assert_eq!(&tell_it(&fused, &story), &wanted);
        let crashed = Runtime::new();
        crashed.with_fusion(most);
        crashed.with_faults(Arc::new(Bits::new(crashes)));
        prop_assert_eq!(&tell_it(&crashed, &story), &wanted);
    }
}

/// Tasks, round trips and commits of a run.
fn cost(runtime: &Runtime, function: &str, json: &str) -> (Vec<(String, bool)>, u32) {
    let run = runtime.invoke(function, json);
    assert!(run.result.is_ok(), "{:?}", run.result);
    let tasks = run.tasks.iter().map(|t| (t.task_id.clone(), t.fused));
    let trips = run.tasks.iter().map(|t| t.round_trips).sum();
    (tasks.collect(), trips)
}

thread_local! {
    static CODED: Cell<u32> = const { Cell::new(0) };
}

/// Counts how often it is encoded and decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counted(u32);

impl Serialize for Counted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CODED.set(CODED.get() + 1);
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CODED.set(CODED.get() + 1);
        u32::deserialize(deserializer).map(Self)
    }
}

#[skylark::chain(next = second)]
fn first(x: Counted) -> (Counted, u32) {
    *SUM.lock().unwrap() += 1;
    (x, 1)
}

#[skylark::chain(next = [third, second_of])]
fn second(x: Counted, y: u32) -> Next<(Counted, Counted)> {
    *SUM.lock().unwrap() += 1;
    Next::first(Counted(x.0 + y))
}

#[skylark::function]
fn second_of(x: Counted) -> Counted {
    x
}

#[skylark::function]
fn third(x: Counted) -> u32 {
    *SUM.lock().unwrap() += 1;
    x.0
}

#[test]
fn a_chain_of_three_is_two_round_trips_and_no_encoding_between() {
    let check = |most, coded, trips, fused: [bool; 3]| {
        let runtime = Runtime::new();
        runtime.with_fusion(most);
        CODED.set(0);
        let (tasks, cost) = cost(&runtime, "first", "5");
        let ids = ["0", "0.0", "0.0.0"].map(str::to_owned);
        assert_eq!(
            tasks,
            ids.into_iter().zip(fused).collect::<Vec<_>>(),
            "{most}"
        );
        assert_eq!(CODED.get(), coded, "{most}");
        // One of them reads state for the first time, which asks once more.
        assert_eq!(cost, trips, "{most}");
    };
    // Only the caller's value is decoded.
    check(8, 1, 3, [false, true, true]);
    check(2, 3, 6, [false, true, false]);
    check(1, 5, 9, [false, false, false]);
}

#[skylark::chain(next = falls)]
fn stands(times: u32) -> u32 {
    *SUM.lock().unwrap() += 1;
    STOOD.with(|stood| stood.set(stood.get() + 1));
    times
}

#[skylark::function(retries = 2)]
fn falls(times: u32) -> u32 {
    *SUM.lock().unwrap() += 10;
    let fell = FELL.with(|fell| fell.replace(fell.get() + 1));
    assert!(fell >= times, "it falls");
    fell
}

thread_local! {
    static STOOD: Cell<u32> = const { Cell::new(0) };
    static FELL: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn what_falls_fused_is_tried_again_apart() {
    let check = |times: u32, result: Result<u32, FailureKind>, stood, fell, sum| {
        STOOD.set(0);
        FELL.set(0);
        let runtime = Runtime::new();
        let found = runtime.run::<u32>("stands", &times);
        assert_eq!(found.map_err(|f| f.kind), result, "{times}");
        assert_eq!((STOOD.get(), FELL.get()), (stood, fell), "{times}");
        assert_eq!(runtime.state("SUM"), Ok(Some(sum)), "{times}");
    };
    check(0, Ok(0), 1, 1, 11);
    // Once fused, then as often as it says.
    check(1, Ok(1), 2, 2, 11);
    check(3, Ok(3), 2, 4, 11);
    check(9, Err(FailureKind::Trap), 2, 4, 1);
}
