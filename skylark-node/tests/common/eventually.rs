//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Longer than anything takes on the slowest machine.
const NEVER: Duration = Duration::from_secs(120);

/// Waits until `condition` gives a value.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(begun.elapsed() < NEVER, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
