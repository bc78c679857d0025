use std::sync::Mutex;

#[skylark::state(migrate = "older")]
static SEEN: Mutex<u32> = Mutex::new(0);

fn main() {}
