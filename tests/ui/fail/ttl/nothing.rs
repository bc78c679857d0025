use std::sync::Mutex;

#[skylark::state(ttl = "")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
