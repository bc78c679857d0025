//! Crashes that a test draws.

use skylark::native::{Fault, Faults, Point};
use std::sync::atomic::{AtomicU32, Ordering};

/// Crashes where its bits say so.
pub(crate) struct Bits(AtomicU32);

impl Bits {
    pub(crate) fn new(bits: u32) -> Self {
        Self(AtomicU32::new(bits))
    }

    fn draw(&self) -> Fault {
        let bits = self.0.load(Ordering::Relaxed);
        self.0.store(bits >> 1, Ordering::Relaxed);
        match bits & 1 {
            1 => Fault::Crash,
            _ => Fault::None,
        }
    }
}

impl Faults for Bits {
    fn before(&self, _: &Point<'_>) -> Fault {
        self.draw()
    }

    fn after(&self, _: &Point<'_>) -> Fault {
        self.draw()
    }
}
