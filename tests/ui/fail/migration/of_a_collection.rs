use skylark::{Counter, Map};

#[skylark::state(was = "BALANCES")]
static ACCOUNTS: Map<String, i64> = Map::new();

#[skylark::state(migrate = widened)]
static VISITS: Counter = Counter::new();

// Of a map, each value is migrated, and not the whole.
#[skylark::state(migrate = whole)]
static STOCK: Map<String, u64> = Map::new();

#[skylark::state(was = "Inn")]
#[derive(Default)]
struct Hotel {
    guests: Map<String, u32>,
    rooms: u32,
}

fn widened(old: u32) -> i64 {
    old.into()
}

fn whole(old: std::collections::BTreeMap<String, u32>) -> std::collections::BTreeMap<String, u64> {
    old.into_iter().map(|(item, left)| (item, left.into())).collect()
}

fn main() {}
