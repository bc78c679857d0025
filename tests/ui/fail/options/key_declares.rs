use std::sync::Mutex;

#[skylark::state(scope = key({ let first = user; first }))]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
