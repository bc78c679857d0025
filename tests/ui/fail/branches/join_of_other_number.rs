#[skylark::chain(next = [second, third], join = fourth)]
fn first(x: u8) -> u8 {
    x
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

#[skylark::function]
fn third(x: u8) -> u8 {
    x
}

#[skylark::function]
fn fourth(a: u8, b: u8, c: u8) -> u8 {
    a + b + c
}

fn main() {}
