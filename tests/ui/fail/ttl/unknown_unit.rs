use std::sync::Mutex;

#[skylark::state(ttl = "2 weeks")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
