use skylark::Map;
use std::sync::Mutex;

#[skylark::state]
static STOCK: Mutex<Map<String, u32>> = Mutex::new(Map::new());

fn main() {}
