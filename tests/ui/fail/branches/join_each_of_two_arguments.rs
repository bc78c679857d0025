#[skylark::chain(next = each(second), join = third)]
fn first(x: u8) -> Vec<u8> {
    vec![x]
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

#[skylark::function]
fn third(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {}
