use std::sync::Mutex;

#[skylark::state(was = "SEEN")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
