#[skylark::chain(next = first)]
fn first(x: u8) -> u8 {
    x
}

fn main() {}
