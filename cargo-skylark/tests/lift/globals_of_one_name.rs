//! Two globals of one name, and cells of other crates.

pub mod east {
    use std::sync::Mutex;
    static ACCOUNTS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
}
pub mod west {
    use std::sync::Mutex;
    static ACCOUNTS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
}

use once_cell::sync::Lazy;
use tokio::sync::Mutex;

static TOTAL: Lazy<Mutex<u64>> = Lazy::new(|| Mutex::new(0));

pub async fn total() -> u64 {
    *TOTAL.lock().await
}
