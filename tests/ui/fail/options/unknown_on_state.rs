use std::sync::Mutex;

#[skylark::state(name = "seen")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
