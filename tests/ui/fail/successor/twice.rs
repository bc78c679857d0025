#[skylark::chain(next = second, next = third)]
fn first(x: u8) -> u8 {
    x
}

fn second(x: u8) -> u8 {
    x
}

fn third(x: u8) -> u8 {
    x
}

fn main() {}
