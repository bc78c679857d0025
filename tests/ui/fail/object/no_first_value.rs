#[skylark::state]
struct Hotel {
    rooms: u32,
}

fn main() {}
