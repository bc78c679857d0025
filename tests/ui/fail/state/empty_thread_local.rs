#[skylark::state]
thread_local! {}

fn main() {}
