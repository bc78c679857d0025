use skylark::Next;

#[skylark::chain(next = [second])]
fn first(x: u8) -> Next<(u8, u16)> {
    Next::first(x)
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

fn main() {}
