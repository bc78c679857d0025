use std::sync::Mutex;

#[skylark::state(scope = key(|order| order.from))]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
