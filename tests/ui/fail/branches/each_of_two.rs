#[skylark::chain(next = each(second, third))]
fn first(x: u8) -> Vec<u8> {
    vec![x]
}

fn main() {}
