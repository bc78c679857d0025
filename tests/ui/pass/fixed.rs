//! What `cargo skylark fix` mends; `ui/pass/fixed.rs` is what comes of it, and compiles.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

// Kept, as are all comments.
#[skylark::state]
pub(crate) static ORDERS: AtomicU64 = AtomicU64::new(0);
#[skylark::state]
static NAMES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Default::default);

#[skylark::state]
static TOTAL: Mutex<u64> = Mutex::new(0);

#[skylark::function]
pub async fn order(name: String, cents: u64) -> Result<u64, skylark::Failure> {
    ORDERS.fetch_add(1, Relaxed);
    NAMES.lock().unwrap().insert(0, name);
    NAMES.lock().unwrap().truncate(9);
    let mut total = TOTAL.lock().unwrap();
    *total += cents;
    drop(total);
    let paid = skylark::call!(billing::pay(cents)).await; // the guard is not needed here
    skylark::sleep(Duration::from_secs(60)).await;
    paid
}

mod billing {
    #[skylark::function]
    pub fn pay(cents: u64) -> u64 {
        cents
    }
}

fn main() {}
