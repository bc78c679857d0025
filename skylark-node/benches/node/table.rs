//! Tables of what was measured.

use crate::load::Round;
use std::time::Duration;

/// The middle of some numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Throughput, p50 and p99: medians over the rounds.
pub(crate) struct Summary {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Summary {
    pub(crate) fn of(rounds: &[Round]) -> Self {
        let us = |d: Duration| d.as_secs_f64() * 1e6;
        Self {
            per_second: median(rounds.iter().map(Round::per_second).collect()),
            p50_us: median(rounds.iter().map(|r| us(r.percentile(0.5))).collect()),
            p99_us: median(rounds.iter().map(|r| us(r.percentile(0.99))).collect()),
        }
    }
}
