//! Orders of a shop: goods are picked and money is taken side by side, and what
//! comes of both decides which way an order goes on.
//!
//! ```text
//! order ─┬─► pick ───┬─join─► settle ─┬─► ship    (once the van has come)
//!        └─► charge ─┘                └─► undo    (gives back what was taken)
//! ```

use serde::{Deserialize, Serialize};
use skylark::{Next, prelude::*};
use std::{collections::BTreeMap, sync::Mutex, time::Duration};

/// Paid by card, in cents; more is refused.
pub const LIMIT: i64 = 10_000;

/// What somebody orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Of what.
    pub goods: String,
    /// How many.
    pub pieces: i64,
    /// The price of all.
    pub cents: i64,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The order.
    pub id: u64,
    /// Whether it was shipped.
    pub shipped: bool,
}

/// Pieces by goods.
#[skylark::state]
static STOCK: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());

/// Every booking: the order and the cents, negative where they are given back.
#[skylark::state]
static BOOK: Mutex<Vec<(u64, i64)>> = Mutex::new(Vec::new());

/// Orders in the van, as they were loaded.
#[skylark::state]
static VAN: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Orders whose buyers were asked how they like it.
#[skylark::state]
static ASKED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Puts pieces on the shelf.
#[skylark::function]
pub fn stock(goods: String, pieces: i64) {
    *STOCK.lock().unwrap().entry(goods).or_default() += pieces;
}

/// Takes an order.
#[skylark::chain(next = [pick, charge], join = settle)]
pub fn order(order: Order) -> Order {
    order
}

/// Takes what is ordered from the shelf, if that is there.
#[skylark::function]
pub fn pick(order: Order) -> (Order, bool) {
    let mut stock = STOCK.lock().unwrap();
    let left = stock.entry(order.goods.clone()).or_default();
    let there = *left >= order.pieces;
    if there {
        *left -= order.pieces;
    }
    (order, there)
}

/// Takes the money, if the card is good for it.
#[skylark::function]
pub fn charge(order: Order) -> bool {
    let good = order.cents <= LIMIT;
    if good {
        BOOK.lock().unwrap().push((order.id, order.cents));
    }
    good
}

/// Ships what was picked and paid, and undoes the rest.
#[skylark::chain(next = [ship, undo])]
pub fn settle(picked: (Order, bool), paid: bool) -> Next<(Order, (Order, bool, bool))> {
    match picked {
        (order, true) if paid => Next::first(order),
        (order, there) => Next::second((order, there, paid)),
    }
}

/// Until the van comes, until it is unloaded, and until a buyer has an opinion.
const WAITS: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(50),
    Duration::from_millis(200),
];

/// Loads the van when it is there, and has the buyer asked later.
#[skylark::function]
pub async fn ship(order: Order) -> Result<End, Failure> {
    skylark::sleep(WAITS[0]).await;
    VAN.lock().unwrap().push(order.id);
    let id = skylark::call!(unload(order.id)).after(WAITS[1]).await?;
    skylark::call!(ask(id)).after(WAITS[2]).send()?;
    Ok(End { id, shipped: true })
}

/// Unloads the van at the buyer's.
#[skylark::function]
pub fn unload(id: u64) -> u64 {
    id
}

/// Asks the buyer.
#[skylark::function(retries = 3, backoff = "100ms")]
pub fn ask(id: u64) {
    ASKED.lock().unwrap().push(id);
}

/// Gives back what an order has taken that is not shipped.
#[skylark::function]
pub fn undo(order: Order, there: bool, paid: bool) -> End {
    if there {
        *STOCK.lock().unwrap().entry(order.goods).or_default() += order.pieces;
    }
    if paid {
        BOOK.lock().unwrap().push((order.id, -order.cents));
    }
    End {
        id: order.id,
        shipped: false,
    }
}
