#[skylark::function]
fn alarm((a, b): (u8, u8)) -> u8 {
    a + b
}

fn main() {}
