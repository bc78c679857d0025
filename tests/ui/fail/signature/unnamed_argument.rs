#[skylark::function]
fn alarm(_: u8) -> u8 {
    0
}

fn main() {}
