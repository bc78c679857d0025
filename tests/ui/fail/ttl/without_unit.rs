use std::sync::Mutex;

#[skylark::state(ttl = "24")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
