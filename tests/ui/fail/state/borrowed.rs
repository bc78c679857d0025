use std::sync::Mutex;

#[skylark::state]
static SEEN: Mutex<Option<&'static str>> = Mutex::new(None);

fn main() {}
