//! Tables of what was measured.

use crate::load::{Round, percentile};
use std::{fmt::Display, time::Duration};

/// The middle of some numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Throughput, p50 and p99: medians over the rounds.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Refusals a second, and the p50 of theirs.
    pub(crate) refused: f64,
    pub(crate) refused_p50_us: f64,
}

impl Summary {
    pub(crate) fn of(rounds: &[Round]) -> Self {
        let us = |latencies: &[Duration], share| {
            percentile(latencies, share).map_or(f64::NAN, |d| d.as_secs_f64() * 1e6)
        };
        let over = |of: &dyn Fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        Self {
            per_second: over(&Round::per_second),
            p50_us: over(&|r| us(&r.latencies, 0.5)),
            p99_us: over(&|r| us(&r.latencies, 0.99)),
            refused: over(&|r| r.refusals.len() as f64 / r.wall.as_secs_f64().max(1e-9)),
            refused_p50_us: over(&|r| us(&r.refusals, 0.5)),
        }
    }
}

/// The head of a Markdown table under a title.
pub(crate) fn head(title: &str, about: &str, columns: &[&str]) {
    println!("### {title}\n\n{about}\n");
    row(columns);
    row(&vec!["---"; columns.len()]);
}

/// One line of it.
pub(crate) fn row(cells: &[impl Display]) {
    for cell in cells {
        print!("| {cell} ");
    }
    println!("|");
}

/// Microseconds as milliseconds, to the digits that mean something.
pub(crate) fn ms(us: f64) -> String {
    match us {
        _ if us.is_nan() => "–".to_owned(),
        _ if us < 10_000.0 => format!("{:.2}", us / 1e3),
        _ => format!("{:.1}", us / 1e3),
    }
}
