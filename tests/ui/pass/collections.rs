//! Collections in every place where one can be.

use serde::{Deserialize, Serialize};
use skylark::{AsKey, Counter, Key, KeyText, List, Map};

/// A key of one's own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    row: u8,
    number: u16,
}

impl AsKey for Seat {
    fn write(&self, text: &mut KeyText) {
        (self.row, self.number).write(text);
    }
}

impl Key for Seat {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let (row, number) = Key::read(parts)?;
        Some(Self { row, number })
    }
}

/// Nothing but serde's traits.
#[derive(Serialize, Deserialize)]
struct Guest(String);

#[skylark::state]
static SEATS: Map<Seat, Guest> = Map::new();

#[skylark::state(scope = key(city), rename = "orders-of")]
pub static ORDERS: skylark::List<Guest> = skylark::List::new();

/// With docs, and under `cfg`.
#[cfg(not(any()))]
#[skylark::state]
static VISITS: Counter = Counter::new();

#[skylark::state]
#[derive(Debug, Default)]
struct Shop {
    stock: Map<(u32, String), u64>,
    #[skylark::state(rename = "sold")]
    sold: Counter,
    orders: List<String>,
    open: bool,
}

#[skylark::service]
impl Shop {
    pub fn stock(&self, shelf: u32) -> Vec<String> {
        let on_it = self.stock.range((shelf, String::new())..(shelf + 1, String::new()));
        on_it.keys().map(|(_, what)| what).collect()
    }

    pub fn sell(&mut self, shelf: u32, what: String) -> Option<u64> {
        self.sold.add(1);
        self.orders.push(what.clone());
        self.stock.update(&(shelf, what), |left| {
            let left = left.as_mut()?;
            *left = left.checked_sub(1)?;
            Some(*left)
        })
    }
}

#[skylark::function]
fn order(city: String, guest: String) -> u64 {
    let _ = city;
    VISITS.add(1);
    SEATS.insert(Seat { row: 1, number: 2 }, Guest(guest.clone()));
    ORDERS.push(Guest(guest));
    ORDERS.len()
}

fn main() {
    order("Graz".into(), "ann".into());
    assert_eq!(SEATS.first().map(|(seat, _)| seat.number), Some(2));
    let mut shop = Shop::default();
    assert_eq!(shop.sell(1, "tea".into()), None);
    assert!(shop.stock(1).is_empty());
}
