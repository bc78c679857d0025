use std::sync::Mutex;

#[skylark::state]
static mut SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
