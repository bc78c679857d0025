use std::sync::Mutex;

#[skylark::state(scope = chain, ttl = "1h")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
