#[skylark::state(migrate = older)]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

fn main() {}
