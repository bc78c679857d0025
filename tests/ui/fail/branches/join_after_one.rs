#[skylark::chain(next = second, join = third)]
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

fn main() {}
