use std::sync::Mutex;

struct Seen {
    count: u32,
}

#[skylark::state]
static SEEN: Mutex<Option<Seen>> = Mutex::new(None);

#[skylark::function]
fn count() -> u32 {
    SEEN.lock().unwrap().as_ref().map_or(0, |seen| seen.count)
}

fn main() {}
