//! Values that another execution might compute otherwise.

use crate::{bounds::Recorded, codec, journal, state::NONDET, target};
use skylark_abi::{
    call::{Failure, FailureKind},
    value::{fingerprint, untag},
};

/// Computes a value once: when the function is executed again after a wait, it
/// sees the recorded one, and `compute` is not run.
///
/// Use it for what is not the same each time, and decides what the function
/// does: an address of memory, the order of a `HashMap`. (Clocks and random
/// numbers are the same on a node anyway.) It is also there as an attribute on a
/// function.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
/// use std::time::{Duration, SystemTime};
///
/// #[skylark::function]
/// async fn stamp() -> (SystemTime, SystemTime) {
///     let first = skylark::nondet(SystemTime::now);
///     skylark::sleep(Duration::from_secs(1)).await;
///     (first, skylark::nondet(SystemTime::now))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let (first, second): (SystemTime, SystemTime) = Runtime::new().run("stamp", &())?;
/// assert!(first <= second);
/// # Ok(())
/// # }
/// ```
pub fn nondet<T: Recorded>(compute: impl FnOnce() -> T) -> T {
    // Inside another one, that one records it.
    if !journal::is_open() || journal::is_inside(NONDET) {
        return compute();
    }
    let print = fingerprint(std::any::type_name::<T>());
    // What goes out is what a replay will give: through the codec, too.
    let recorded = journal::record(|| {
        let value = journal::inside(NONDET, compute);
        codec::to_compact(&value, print).unwrap_or_else(|why| target::abort(unfit::<T>(&why)))
    });
    let payload = untag(&recorded).map_or(&[][..], |tagged| tagged.payload);
    codec::from_payload(payload).unwrap_or_else(|m| target::abort(unfit::<T>(&m.message)))
}

#[cold]
fn unfit<T>(why: &str) -> Failure {
    Failure::new(
        FailureKind::Contract,
        format!(
            "a `{}` cannot be recorded: {why}",
            std::any::type_name::<T>()
        ),
    )
}
