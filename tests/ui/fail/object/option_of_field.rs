#[skylark::state]
#[derive(Default)]
struct Hotel {
    #[skylark::state(default = 3)]
    rooms: u32,
}

fn main() {}
