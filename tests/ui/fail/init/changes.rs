use std::sync::{LazyLock, Mutex};

#[skylark::init]
static SEEN: LazyLock<Vec<Mutex<u32>>> = LazyLock::new(Vec::new);

fn main() {}
