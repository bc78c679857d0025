//! Deterministic simulation: the example applications under crashes, delays,
//! duplicates and reorders at every point where one can happen, several deliveries
//! under way at once whose steps take turns at random. What comes out is compared with what must: each effect once, each result told, nothing stuck.
//!
//! `SKYLARK_SCHEDULES=100000` tries more schedules than the 10,000 by default;
//! `SKYLARK_SEED=…` replays the one that a failure names.

mod apps;
mod more;
mod recorded;
mod social;
mod storm;

use apps::{APPS, App};
use skylark::native::Runtime;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use storm::Storm;

/// Schedules of all applications together, unless `SKYLARK_SCHEDULES` says
/// otherwise.
const SCHEDULES: u64 = 10_000;

/// Runs an app's requests under the schedule that grows from `seed`.
fn simulate(app: &App, seed: u64) -> Arc<Storm> {
    let runtime = Runtime::new();
    (app.set_up)(&runtime);
    // Half of them fuse what they can.
    runtime.with_fusion(if seed.is_multiple_of(2) { 8 } else { 1 });
    let storm = Arc::new(Storm::new(seed));
    runtime.with_faults(storm.clone());
    let requests = storm.between(1, 6);
    let runs: Vec<String> = (0..requests)
        .map(|n| (app.request)(&runtime, n, seed))
        .collect();
    // It may come before anybody waits for it, and again.
    let from_outside = || {
        for (n, id) in (0..).zip(&runs) {
            (app.outside)(&runtime, n, seed, id);
        }
    };
    if storm.between(0, 1) == 0 {
        from_outside();
    }
    runtime.drive();
    from_outside();
    runtime.drive();
    storm.calm();
    // What a crash left is due once its claim has passed.
    runtime.drive();
    assert_eq!(runtime.undelivered(), 0, "messages are left");
    let ended = runs.iter().map(|id| match runtime.ended(id) {
        Some(run) => {
            let conflicts = run.tasks.iter().map(|task| u64::from(task.conflicts));
            storm.conflicted(conflicts.sum());
            run.result
        }
        None => panic!("run {id} is stuck"),
    });
    (app.check)(&runtime, &ended.collect::<Vec<_>>(), seed);
    storm
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

#[test]
fn every_schedule_comes_to_what_the_quiet_one_does() {
    let seeds = match number("SKYLARK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SKYLARK_SCHEDULES").unwrap_or(SCHEDULES) / APPS.len() as u64,
    };
    let mut suffered = storm::Suffered::default();
    for app in APPS {
        for seed in seeds.clone() {
            match catch_unwind(AssertUnwindSafe(|| simulate(app, seed))) {
                Ok(storm) => suffered += storm.suffered(),
                Err(_) => panic!(
                    "`{}` came out wrong; replay it: SKYLARK_SEED={seed} cargo test -p skylark-tests --test simulation",
                    app.name
                ),
            }
        }
    }
    println!("{suffered:?}");
    // A simulation in which nothing goes wrong shows nothing.
    if number("SKYLARK_SEED").is_none() {
        let schedules = seeds.end * APPS.len() as u64;
        assert!(suffered.crashes > schedules, "{suffered:?}");
        assert!(suffered.delays > schedules / 4, "{suffered:?}");
        assert!(suffered.copies > schedules / 4, "{suffered:?}");
        assert!(suffered.between > schedules, "{suffered:?}");
        assert!(suffered.conflicts > schedules / 10, "{suffered:?}");
        assert!(suffered.points.iter().all(|(_, n)| *n > 0), "{suffered:?}");
    }
}

#[test]
fn a_seed_makes_the_same_schedule_again() {
    for app in APPS {
        for seed in [3, 77] {
            let once = simulate(app, seed).suffered();
            assert_eq!(once, simulate(app, seed).suffered(), "{} {seed}", app.name);
        }
    }
}
