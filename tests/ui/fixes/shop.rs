//! What `cargo skylark fix` mends; `ui/pass/fixed.rs` is what comes of it, and compiles.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

// Kept, as are all comments.
pub(crate) static ORDERS: AtomicU64 = AtomicU64::new(0);
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
    let paid = skylark::call!(billing::pay(cents)).await; // the guard is not needed here
    std::thread::sleep(Duration::from_secs(60));
    paid
}

mod billing {
    pub fn pay(cents: u64) -> u64 {
        cents
    }
}

fn main() {}
