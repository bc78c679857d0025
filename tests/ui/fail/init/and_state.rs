use std::sync::Mutex;

#[skylark::init]
#[skylark::state]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
