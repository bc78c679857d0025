#[skylark::state(default = 3)]
struct Hotel {
    rooms: u32,
}

fn main() {}
