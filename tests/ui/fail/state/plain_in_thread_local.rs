#[skylark::state]
thread_local! {
    static SEEN: u32 = const { 0 };
}

fn main() {}
