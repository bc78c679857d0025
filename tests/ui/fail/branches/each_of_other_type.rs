#[skylark::chain(next = each(second))]
fn first(x: u8) -> Vec<u8> {
    vec![x]
}

#[skylark::function]
fn second(x: u16) -> u16 {
    x
}

fn main() {}
