use std::sync::Mutex;

#[derive(serde::Serialize)]
struct Seen {
    count: u32,
}

#[skylark::state]
static SEEN: Mutex<Seen> = Mutex::new(Seen { count: 0 });

fn main() {}
