#[skylark::function]
fn main() {}
