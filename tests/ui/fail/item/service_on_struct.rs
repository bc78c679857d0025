#[skylark::service]
struct Hotel {
    rooms: u32,
}

fn main() {}
