use std::sync::LazyLock;

#[skylark::init(ttl = "1h")]
static WORD: LazyLock<String> = LazyLock::new(String::new);

fn main() {}
