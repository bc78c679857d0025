use std::sync::OnceLock;

#[skylark::state]
static SEEN: OnceLock<u32> = OnceLock::new();

fn main() {}
