use skylark::{List, Map};

#[skylark::state(ttl = "1h")]
#[derive(Default)]
struct Shop {
    stock: Map<String, u32>,
    orders: List<String>,
}

fn main() {}
