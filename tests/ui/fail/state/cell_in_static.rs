use std::cell::RefCell;

#[skylark::state]
static SEEN: RefCell<u32> = RefCell::new(0);

fn main() {}
