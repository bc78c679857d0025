use skylark::Next;

#[skylark::chain(next = [second, third])]
fn first(x: u8) -> Next<(u8, u16)> {
    Next::third(x)
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

#[skylark::function]
fn third(x: u16) -> u16 {
    x
}

fn main() {}
