use std::sync::Mutex;

#[skylark::state(ttl = DAY)]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
