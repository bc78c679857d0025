#[skylark::state]
static mut SEEN: u32 = 0;

fn main() {}
