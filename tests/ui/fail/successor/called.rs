#[skylark::chain(next = second(0))]
fn first(x: u8) -> u8 {
    x
}

fn main() {}
