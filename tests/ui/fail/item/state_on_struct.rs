#[skylark::state]
struct Seen {
    count: u32,
}

fn main() {}
