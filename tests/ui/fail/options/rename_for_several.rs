use std::cell::Cell;

#[skylark::state(rename = "seen")]
thread_local! {
    static SEEN: Cell<u32> = const { Cell::new(0) };
    static HEARD: Cell<u32> = const { Cell::new(0) };
}

fn main() {}
