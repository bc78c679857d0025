#[skylark::chain(next = [])]
fn first(x: u8) -> u8 {
    x
}

fn main() {}
