#[skylark::state]
const SEEN: u32 = 0;

fn main() {}
