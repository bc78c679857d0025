use std::cell::RefCell;

struct Seen {
    count: u32,
}

#[skylark::state]
thread_local! {
    static SEEN: RefCell<Seen> = const { RefCell::new(Seen { count: 0 }) };
}

fn main() {}
