//! The clock of a store that is in this process.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time since the Unix epoch; never runs backwards while the process lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    started_unix: Duration,
}

impl Clock {
    /// Milliseconds.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.at(Instant::now()).as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds, then.
    pub(super) fn us_at(&self, then: Instant) -> u64 {
        u64::try_from(self.at(then).as_micros()).unwrap_or(u64::MAX)
    }

    fn at(&self, then: Instant) -> Duration {
        self.started_unix + then.saturating_duration_since(self.started)
    }
}

impl Default for Clock {
    fn default() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: Instant::now(),
            started_unix: unix.unwrap_or_default(),
        }
    }
}
