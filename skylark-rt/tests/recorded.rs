//! Recorded values, wherever they are recorded: executed again, a function sees the same.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use skylark::{
    Failure,
    native::{Fault, Faults, Point, Runtime},
    prelude::*,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// Another number at each look, as it comes from outside of what a node repeats.
fn another() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    1 + LAST.fetch_add(1, Ordering::Relaxed)
}

#[skylark::nondet]
fn draw() -> u32 {
    another()
}

/// With arguments and a `Result`; one inside another.
#[skylark::nondet]
fn above(mut floor: u32, why: &str) -> Result<u32, String> {
    floor += draw();
    match why {
        "" => Err(format!("nobody wants {floor}")),
        _ => Ok(floor),
    }
}

#[skylark::state]
static NOTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn note(value: u32) {
    NOTED.lock().unwrap().push(value);
}

async fn pause() {
    skylark::sleep(Duration::from_secs(1)).await;
}

/// Notes everything once before a wait and once after it.
#[skylark::function]
async fn waits() -> Vec<u32> {
    let one = draw();
    note(one);
    pause().await;
    note(one);
    let two = above(100, "I").unwrap();
    let refused = above(100, "").unwrap_err();
    let three: u32 = refused.rsplit_once(' ').unwrap().1.parse().unwrap();
    [two, three].into_iter().for_each(note);
    pause().await;
    [two, three].into_iter().for_each(note);
    vec![one, one, two, three, two, three]
}

/// In a transaction that is undone, and in one that is not.
#[skylark::function]
async fn transacts() -> Vec<u32> {
    let mut undone = 0;
    let refused = skylark::transaction(|| {
        undone = draw();
        note(undone);
        Err::<(), _>(())
    });
    assert_eq!(refused, Err(()));
    let kept = skylark::transaction(|| {
        let kept = draw();
        note(kept);
        Ok::<_, ()>(kept)
    });
    let kept = kept.unwrap();
    pause().await;
    note(kept);
    note(undone);
    vec![kept, kept, undone]
}

/// Recorded in functions that run fused, and handed on.
#[skylark::chain(next = second)]
fn first() -> Vec<u32> {
    let value = draw();
    note(value);
    vec![value]
}

#[skylark::chain(next = third)]
fn second(mut so_far: Vec<u32>) -> Vec<u32> {
    so_far.push(draw());
    note(so_far[1]);
    so_far
}

#[skylark::function]
async fn third(mut so_far: Vec<u32>) -> Vec<u32> {
    so_far.push(draw());
    pause().await;
    note(so_far[2]);
    so_far
}

#[skylark::state]
#[derive(Debug, Default, Serialize, Deserialize)]
struct Dice {
    rolled: Vec<u32>,
}

#[skylark::service]
impl Dice {
    #[skylark::nondet]
    fn throw(sides: u32) -> u32 {
        sides + another()
    }

    #[skylark::nondet]
    fn worn(&self, by: u32) -> u32 {
        u32::try_from(self.rolled.len()).unwrap() * by + another()
    }

    pub fn roll(&mut self, sides: u32) -> Vec<u32> {
        let thrown = vec![Self::throw(sides), self.worn(1000)];
        self.rolled.extend(&thrown);
        thrown
    }

    /// One that waits, which has no `self`.
    pub async fn settled(sides: u32) -> Vec<u32> {
        let thrown = Self::throw(sides);
        note(thrown);
        pause().await;
        note(thrown);
        vec![thrown, thrown]
    }
}

/// Stops the process at the nth point, before or after.
struct Nth(AtomicU32);

impl Nth {
    fn strike(&self) -> Fault {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 1 { Fault::Crash } else { Fault::None }
    }
}

impl Faults for Nth {
    fn before(&self, _: &Point<'_>) -> Fault {
        self.strike()
    }

    fn after(&self, _: &Point<'_>) -> Fault {
        self.strike()
    }
}

#[test]
fn executed_again_a_function_sees_the_same() {
    for (function, input, state, points) in [
        ("waits", "null", "NOTED", 20),
        ("transacts", "null", "NOTED", 10),
        ("first", "null", "NOTED", 6),
        ("Dice-roll", "7", "Dice-rolled", 4),
        ("Dice-settled", "7", "NOTED", 10),
    ] {
        let mut nth = 1;
        loop {
            let runtime = Runtime::new();
            let faults = Arc::new(Nth(AtomicU32::new(nth)));
            runtime.with_faults(faults.clone());
            let input: serde_json::Value = serde_json::from_str(input).unwrap();
            let run = runtime.start(function, &input).unwrap();
            runtime.drive();
            // What it says that it saw is what it has left, whatever crashed.
            let said: Option<Result<Vec<u32>, Failure>> = runtime.result(&run);
            let left: Vec<u32> = runtime.state(state).unwrap().unwrap();
            assert_eq!(said, Some(Ok(left)), "{function}, crash at {nth}");
            if faults.0.load(Ordering::Relaxed) > 0 {
                break;
            }
            nth += 1;
        }
        assert!(nth > points, "{function}: only {nth} points");
    }
}
