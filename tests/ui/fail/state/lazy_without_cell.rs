use std::sync::LazyLock;

#[skylark::state]
static SEEN: LazyLock<Vec<u8>> = LazyLock::new(Vec::new);

fn main() {}
