#[skylark::state]
#[derive(Default)]
struct Shelf {
    names: Vec<&'static str>,
}

fn main() {}
