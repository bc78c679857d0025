//! Expense reports: every item is checked in a branch of its own, what is dear
//! waits for an approval from outside, and a reminder is sent meanwhile.
//!
//! ```text
//! submit ─each─► check ─join─► decide ─► approve      (waits for a promise)
//!                                └ on error ─► refuse
//! ```

use serde::{Deserialize, Serialize};
use skylark::prelude::*;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Paid without asking, in cents.
pub const LIMIT: u64 = 10_000;

/// What was spent on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// For people.
    pub what: String,
    /// How much.
    pub cents: u64,
}

/// A checked item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checked {
    /// The item.
    pub item: Item,
    /// Whether it is an expense at all.
    pub allowed: bool,
}

/// How a report ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What is paid.
    pub cents: u64,
    /// Who said so, or why not.
    pub by: String,
}

/// What was paid, in order.
#[skylark::state]
static PAID: Mutex<Vec<u64>> = Mutex::new(Vec::new());

#[skylark::state]
static REMINDERS: AtomicU64 = AtomicU64::new(0);

/// Whether the printer is out of order.
#[skylark::state]
static BROKEN: AtomicBool = AtomicBool::new(false);

/// Takes a report: one branch per item, and then a decision on all.
#[skylark::chain(next = each(check), join = decide)]
pub fn submit(items: Vec<Item>) -> Vec<Item> {
    items
}

/// Checks an item.
#[skylark::function]
pub fn check(item: Item) -> Checked {
    let allowed = !item.what.contains("yacht");
    Checked { item, allowed }
}

/// Adds up what is allowed; a report with anything else is refused whole.
#[skylark::chain(next = approve, on_error = refuse)]
pub fn decide(items: Vec<Checked>) -> Result<u64, String> {
    match items.iter().find(|i| !i.allowed) {
        Some(bad) => Err(format!("{} is no expense", bad.item.what)),
        None => Ok(items.iter().map(|i| i.item.cents).sum()),
    }
}

/// Pays, once somebody has approved what is above the limit: completes the
/// promise `approval` with their name.
#[skylark::function]
pub async fn approve(cents: u64) -> Result<Decision, Failure> {
    let by = if cents > LIMIT {
        skylark::call!(remind()).after(REMIND_AFTER).send()?;
        skylark::promise::<String>("approval").await?
    } else {
        "the limit".to_owned()
    };
    PAID.lock().unwrap().push(cents);
    Ok(Decision { cents, by })
}

const REMIND_AFTER: Duration = Duration::from_millis(200);

/// Reminds whoever has to approve.
#[skylark::function]
pub fn remind() -> u64 {
    REMINDERS.fetch_add(1, Ordering::Relaxed) + 1
}

/// What becomes of a report that cannot be paid.
#[skylark::function]
pub fn refuse(failure: Failure) -> Decision {
    Decision {
        cents: 0,
        by: failure.message,
    }
}

/// Sleeps, and yields how much later it is for the function.
#[skylark::function]
pub async fn nap(millis: u64) -> u64 {
    let before = std::time::SystemTime::now();
    skylark::sleep(Duration::from_millis(millis)).await;
    before.elapsed().map_or(0, |d| d.as_millis() as u64)
}

/// Draws random numbers and the time around waits, as a test can compare.
#[skylark::function]
pub async fn draw() -> Result<bool, Failure> {
    let draw = || {
        use std::hash::{BuildHasher, Hasher};
        // As `HashMap` seeds itself.
        std::hash::RandomState::new().build_hasher().finish()
    };
    let before = draw();
    let seen = skylark::nondet(|| before);
    skylark::sleep(Duration::from_millis(10)).await;
    // Executed again, `before` was drawn again, and is what was recorded.
    Ok(seen == before)
}

/// Asks a server outside for today's rate, and yields what so many cents are in
/// the other currency.
#[skylark::function]
pub async fn convert(cents: u64, rates: String) -> Result<u64, Failure> {
    let answer = skylark::http::get(rates).await?;
    let rate: f64 = answer.json()?;
    Ok((cents as f64 * rate).round() as u64)
}

/// Scans a page, which is then printed.
#[skylark::chain(next = print)]
pub fn scan(page: u32) -> u32 {
    page
}

/// Prints; tried again while the printer is broken, and then given up.
#[skylark::function(retries = 2, backoff = "20ms")]
pub fn print(page: u32) -> u32 {
    assert!(!BROKEN.load(Ordering::Relaxed), "out of paper");
    page
}

/// Breaks or mends the printer.
#[skylark::function]
pub fn break_printer(broken: bool) {
    BROKEN.store(broken, Ordering::Relaxed);
}
