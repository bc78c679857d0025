#[skylark::state]
static SEEN: Vec<String> = Vec::new();

fn main() {}
