use std::sync::Mutex;

#[skylark::state(default = "none")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
