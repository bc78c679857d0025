use std::cell::RefCell;

#[skylark::state]
#[derive(Default)]
struct Shelf {
    things: Vec<u32>,
    #[skylark::init]
    cache: RefCell<Vec<u32>>,
}

fn main() {}
