use std::sync::Mutex;

#[skylark::function]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
