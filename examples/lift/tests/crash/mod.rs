//! Stops the process where one can stop.

use skylark::native::{Fault, Faults, Point};
use std::sync::atomic::{AtomicU64, Ordering};

/// Stops it at the n-th point, once.
pub(crate) struct CrashAt {
    at: u64,
    passed: AtomicU64,
}

impl CrashAt {
    pub(crate) fn new(at: u64) -> Self {
        let passed = AtomicU64::new(0);
        Self { at, passed }
    }

    /// Whether it has come to this point.
    pub(crate) fn happened(&self) -> bool {
        self.passed.load(Ordering::Relaxed) > self.at
    }

    fn pass(&self) -> Fault {
        let crashes = self.passed.fetch_add(1, Ordering::Relaxed) == self.at;
        if crashes { Fault::Crash } else { Fault::None }
    }
}

impl Faults for CrashAt {
    fn before(&self, _point: &Point<'_>) -> Fault {
        self.pass()
    }

    fn after(&self, _point: &Point<'_>) -> Fault {
        self.pass()
    }
}
