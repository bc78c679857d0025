//! Lines for the log of the node.

use crate::target;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is odd.
    Warn = 2,
    /// Something happened.
    Info = 3,
    /// For whoever looks into the app.
    Debug = 4,
    /// For whoever looks very closely.
    Trace = 5,
}

/// Hands one line to the node's log, where it stands beside the run's id and
/// the function's name; under `cargo test` it goes to standard error. What the
/// app prints is logged too, but without a level.
///
/// ```
/// #[skylark::function]
/// fn divide(a: i64, b: i64) -> Option<i64> {
///     if b == 0 {
///         skylark::log(skylark::Level::Warn, "asked to divide by zero");
///     }
///     a.checked_div(b)
/// }
/// # assert_eq!(divide(6, 3), Some(2));
/// ```
pub fn log(level: Level, line: impl AsRef<str>) {
    target::log(level, line.as_ref());
}
