use std::sync::Mutex;

#[skylark::state(ttl = "3651d")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
