#[skylark::state]
#[derive(Default)]
struct Shelf<T> {
    things: Vec<T>,
}

fn main() {}
