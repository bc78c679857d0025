//! What goes wrong, drawn from a seed.

use skylark::native::{Fault, Faults, Point};
use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

/// Most faults of one schedule, so that it ends.
const MOST: u32 = 30;
/// Out of how many points at most ten go wrong: where few do, deliveries live
/// long enough to meet.
const ODDS: [u32; 3] = [48, 150, 500];
/// Most deliveries under way at once, in any schedule.
const AT_ONCE: usize = 5;

/// Draws faults from a seeded generator.
#[derive(Debug)]
pub(crate) struct Storm(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    random: fastrand::Rng,
    left: u32,
    odds: u32,
    /// Most deliveries under way at once, in this schedule: with one alone they
    /// come one after the other.
    at_once: usize,
    suffered: Suffered,
}

/// What has gone wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Suffered {
    pub(crate) crashes: u64,
    pub(crate) delays: u64,
    pub(crate) copies: u64,
    /// Steps that were taken between those of another delivery.
    pub(crate) between: u64,
    /// Executions that were for nothing, as the state had changed under them.
    pub(crate) conflicts: u64,
    /// Crashes by the point before or after which they were.
    pub(crate) points: BTreeMap<String, u64>,
}

impl AddAssign for Suffered {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.delays += other.delays;
        self.copies += other.copies;
        self.between += other.between;
        self.conflicts += other.conflicts;
        for (point, count) in other.points {
            *self.points.entry(point).or_default() += count;
        }
    }
}

impl Storm {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self(Mutex::new(Inner {
            at_once: random.usize(1..=AT_ONCE),
            odds: ODDS[random.usize(..ODDS.len())],
            random,
            left: MOST,
            suffered: Suffered::default(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A number from the same generator.
    pub(crate) fn between(&self, least: u32, most: u32) -> u32 {
        self.inner().random.u32(least..=most)
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        self.inner().left = 0;
    }

    /// So many executions were for nothing.
    pub(crate) fn conflicted(&self, times: u64) {
        self.inner().suffered.conflicts += times;
    }

    pub(crate) fn suffered(&self) -> Suffered {
        self.inner().suffered.clone()
    }

    fn draw(&self, when: &str, point: &Point<'_>) -> Fault {
        let mut inner = self.inner();
        if inner.left == 0 {
            return Fault::None;
        }
        let (name, is_delivery) = match point {
            Point::Begin(_) => ("begin", false),
            Point::Commit(_) => ("commit", false),
            Point::Run(_) => ("run", false),
            Point::Deliver(..) => ("deliver", when == "before"),
            Point::Ask(_) => ("ask", false),
            Point::Acknowledge(_) => ("acknowledge", false),
            Point::Complete(_) => ("complete", false),
            _ => ("another", false),
        };
        // Up to longer than a claim, so that what was left behind and what is
        // late overtake each other.
        let pause = Duration::from_millis(inner.random.u64(0..40_000));
        let odds = inner.odds;
        let fault = match inner.random.u32(0..odds) {
            0..4 => Fault::Crash,
            4..7 if is_delivery => Fault::Delay(pause),
            7..10 if is_delivery => Fault::Twice(pause),
            _ => return Fault::None,
        };
        inner.left -= 1;
        match fault {
            Fault::Crash => {
                inner.suffered.crashes += 1;
                let place = format!("{when} {name}");
                *inner.suffered.points.entry(place).or_default() += 1;
            }
            Fault::Delay(_) => inner.suffered.delays += 1,
            _ => inner.suffered.copies += 1,
        }
        fault
    }
}

impl Faults for Storm {
    fn before(&self, point: &Point<'_>) -> Fault {
        self.draw("before", point)
    }

    fn after(&self, point: &Point<'_>) -> Fault {
        self.draw("after", point)
    }

    fn turn(&self, under_way: usize) -> usize {
        let mut inner = self.inner();
        inner.suffered.between += u64::from(under_way > 1);
        let most = under_way.min(inner.at_once - 1);
        inner.random.usize(0..=most)
    }
}
