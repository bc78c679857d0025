#[skylark::chain(next = second::<u8>)]
fn first(x: u8) -> u8 {
    x
}

fn main() {}
