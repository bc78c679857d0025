use std::sync::Mutex;

#[skylark::state(ttl = "0.2ms")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
