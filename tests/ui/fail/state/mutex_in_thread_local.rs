use std::sync::Mutex;

#[skylark::state]
thread_local! {
    static SEEN: Mutex<u32> = const { Mutex::new(0) };
}

fn main() {}
